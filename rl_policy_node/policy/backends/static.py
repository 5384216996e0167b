# SPDX-License-Identifier: Apache-2.0
"""A step on tensors at fixed addresses, as a CUDA graph needs it."""

from collections.abc import Mapping

import numpy as np
import torch

from rl_policy_node.policy.backends.buffers import Block
from rl_policy_node.policy.backends.inputs import Inputs
from rl_policy_node.policy.backends.player_step import Step
from rl_policy_node.policy.shared_types import Array, Observations, Shape

_HELD = '/held'  # no observation's key: those of rl_games come from YAML names without a slash in front


class StaticStep:
    """The traced Step on fixed tensors: `stage()` → `upload()` → `compute()` → `download()` → `actions`.

    It works on any device; on a GPU the host's memory is pinned, with one copy in each direction. Held rows keep
    their recurrent state within `compute`, so that a step needs only the copies and the computation.
    """

    def __init__(self, step: Step, inputs: Inputs, device: str | torch.device) -> None:
        self._device, pinned = torch.device(device), torch.device(device).type == 'cuda'
        layout: dict[str, tuple[Shape, torch.dtype]] = {
            key: (shape, getattr(torch, inputs.dtypes[key].name)) for key, shape in inputs.shapes.items()
        }
        layout[_HELD] = ((inputs.rows,), torch.bool)
        self._host, self._on_device = Block(layout, pinned=pinned), Block(layout, device)
        self._inputs, self._noise = inputs, step.noise
        self.arrays = {key: self._host.views[key].numpy() for key in inputs.shapes}
        self._held = self._host.views[_HELD].numpy()
        self.states, self._initial = step.states, step.states
        self.noise = step.noise.tensors(device)
        # without what a module would do in training: it changes statistics, which keeps all that leads to it
        self._traced = torch.jit.freeze(step.traced(), optimize_numerics=False)
        with torch.no_grad():
            self._result = self._traced(*self._operands())[0].clone()
        self._actions = torch.zeros(self._result.shape, dtype=self._result.dtype, pin_memory=pinned)

    @property
    def actions(self) -> Array:
        """The actions of the last step; the next step overwrites the array."""
        return self._actions.numpy()

    def stage(self, observations: Observations, hold: Array | None) -> None:
        """Write observations and the mask of held rows (None: no row) into the host's memory for the copy.

        Raises ValueError for observations that do not fit.
        """
        if hold is not None and np.shape(hold) != self._held.shape:
            raise ValueError(f'hold: a mask of shape {np.shape(hold)}; expected {self._held.shape}')
        self._inputs.write(observations, self.arrays)
        self._held[:] = False if hold is None else hold

    def upload(self) -> None:
        """Copy the staged data to the device."""
        self._on_device.bytes.copy_(self._host.bytes, non_blocking=True)

    def compute(self) -> None:
        """Compute actions and states on the device, in its tensors."""
        with torch.no_grad():
            actions, *states = self._traced(*self._operands())
            self._result.copy_(actions)
            held = self._on_device.views[_HELD].view(1, -1, 1)
            for state, new in zip(self.states, states):
                state.copy_(torch.where(held, state, new))

    def download(self) -> None:
        """Copy the actions to the host."""
        self._actions.copy_(self._result, non_blocking=True)

    def draw(self, generator: torch.Generator) -> None:
        """Draw new noise."""
        self._noise.draw(self.noise, generator)

    def reset(self, index: slice | torch.Tensor = slice(None)) -> None:
        """Clear the states of all rows, or of some (indices on the device)."""
        for state, initial in zip(self.states, self._initial):
            state[:, index] = initial[:, index]

    def kept(self) -> dict[str, Array]:
        """Return index → array of the recurrent states, copied to the host."""
        return {str(index): state.cpu().numpy().copy() for index, state in enumerate(self.states)}

    def restore(self, kept: Mapping[str, Array]) -> None:
        """Continue from states that `kept` returned."""
        for index, state in enumerate(self.states):
            state.copy_(torch.from_numpy(kept[str(index)]))

    def _operands(self) -> tuple[torch.Tensor, ...]:
        observations = (self._on_device.views[key] for key in self._inputs.shapes)
        return (*observations, *self.states, *self.noise)
