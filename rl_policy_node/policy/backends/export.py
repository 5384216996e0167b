# SPDX-License-Identifier: Apache-2.0
"""A player's step as an ONNX model."""

import io
import warnings

import torch

from rl_policy_node.policy.backends.player_step import Step, traced
from rl_policy_node.policy.rl_games.quiet import quiet

OPSET = 17


class PerLayer(torch.nn.Module):
    """A Step that takes and returns its states layer by layer, so that the states of a row are contiguous."""

    def __init__(self, step: Step) -> None:
        super().__init__()
        self.step = step
        self.layers = [len(state) for state in step.states]
        self.eval()

    @property
    def example(self) -> tuple[torch.Tensor, ...]:
        """The tensors of a first step."""
        keys, states = len(self.step.keys), len(self.layers)
        tensors = self.step.example
        layers = [layer.clone() for state in tensors[keys : keys + states] for layer in state.split(1)]
        return (*tensors[:keys], *layers, *tensors[keys + states :])

    def forward(self, *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        keys, layers = len(self.step.keys), sum(self.layers)
        parts = iter(tensors[keys : keys + layers])
        states = [torch.cat([next(parts) for _ in range(count)]) for count in self.layers]
        actions, *states = self.step(*tensors[:keys], *states, *tensors[keys + layers :])
        return (actions, *(state[layer : layer + 1] for state in states for layer in range(len(state))))


def export(step: Step) -> bytes:
    """Return the ONNX model of a Step, as bytes; its inputs and outputs are named by `names`.

    For an operator that ONNX lacks, it raises the error of torch's exporter.
    """
    # not at the top: who runs a model that was kept needs no `onnx`
    from rl_policy_node.policy.backends.passes import simplified

    return simplified(exported(step))


def exported(step: Step) -> bytes:
    """Return the model of `export` before simplification, as torch's exporter returns it."""
    inputs, outputs = names(step)
    layered, model = PerLayer(step), io.BytesIO()
    script = traced(layered, step.model)
    with torch.no_grad(), warnings.catch_warnings(), quiet():
        # the tracing exporter: it takes rl_games' scripted normaliser and writes recurrent layers as ONNX's own
        warnings.simplefilter('ignore')
        torch.onnx.export(
            script,
            layered.example,
            model,  # type: ignore[arg-type]  # a buffer: torch's annotation lacks it
            dynamo=False,
            opset_version=OPSET,
            input_names=inputs,
            output_names=outputs,
        )
    return model.getvalue()


def names(step: Step) -> tuple[list[str], list[str]]:
    """Return the names of a step's inputs and of its outputs."""
    states = [f'state_{index}/layer_{layer}' for index, state in enumerate(step.states) for layer in range(len(state))]
    return (
        [
            *(f'observation/{key}' for key in step.keys),
            *states,
            *(f'noise_{index}' for index in range(len(step.noise.drawn))),
        ],
        ['actions', *(f'next_{state}' for state in states)],
    )
