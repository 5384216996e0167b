"""A player's step as an ONNX model."""
import io
import warnings

import torch

from rl_policy_node.policy.quiet import quiet

OPSET = 17


def export(step):
    """Return the ONNX model of a Step, as bytes; its inputs and outputs are named by `names`.

    Raises what torch's exporter raises for an operator that ONNX has not.
    """
    inputs, outputs = names(step)
    traced, model = step.traced(), io.BytesIO()
    with torch.no_grad(), warnings.catch_warnings(), quiet():
        # the tracing exporter: it takes rl_games' scripted normaliser and writes recurrent layers as ONNX's own
        warnings.simplefilter('ignore')
        torch.onnx.export(traced, step.example, model, dynamo=False, opset_version=OPSET, input_names=inputs,
                          output_names=outputs)
    return model.getvalue()


def names(step):
    """Return the names of a step's inputs and of its outputs."""
    states = [f'state_{index}' for index in range(len(step.states))]
    return ([*(f'observation/{key}' for key in step.keys), *states,
             *(f'noise_{index}' for index in range(len(step.noise.drawn)))],
            ['actions', *(f'next_{state}' for state in states)])
