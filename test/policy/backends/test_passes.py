# SPDX-License-Identifier: Apache-2.0
"""Fewer operators, the same bits."""

import numpy as np
import onnx
from onnx import helper, TensorProto
import onnxruntime
from policy.backends.small_policies import drawn, KINDS, load
import pytest

from rl_policy_node.policy.backends import passes
from rl_policy_node.policy.backends.export import export
from rl_policy_node.policy.backends.passes import simplified
from rl_policy_node.policy.backends.player_step import Step

ROWS = 3


def run(model, inputs):
    """Return the outputs of a model (bytes) as it is: ONNX Runtime's own changes are left out."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(model, options, providers=['CPUExecutionProvider']).run(None, inputs)


def inputs_of(model, seed=0):
    random = np.random.default_rng(seed)
    return {
        each.name: random.standard_normal([size.dim_value for size in each.type.tensor_type.shape.dim], np.float32)
        for each in onnx.load_from_string(model).graph.input
    }


def operators(model):
    return [node.op_type for node in onnx.load_from_string(model).graph.node if node.op_type != 'Constant']


@pytest.mark.parametrize('name', ['lstm', 'gru', 'dict', 'joined bytes', 'last action', 'sac', 'multi-discrete'])
def test_exported_models_compute_the_same_with_fewer_operators(tmp_path, monkeypatch, name):
    policy = load(tmp_path, name)
    step = Step(policy.player, policy.backend.inputs, True)
    found = export(step)
    monkeypatch.setattr(passes, 'simplified', lambda model: model)
    plain = export(step)
    assert len(operators(found)) < len(operators(plain))
    for seed in range(3):
        inputs = inputs_of(plain, seed)
        values = drawn(KINDS[name][0], ROWS, np.random.default_rng(seed))
        values = values if isinstance(values, dict) else {'obs': values}
        inputs.update({f'observation/{key}': value for key, value in values.items()})
        for one, other in zip(run(found, inputs), run(plain, inputs)):
            np.testing.assert_array_equal(one, other)


def graph(nodes, outputs, **inputs):
    """Return a model (bytes) of nodes (operator, inputs, output, attributes); arrays among inputs are constants."""
    made, constants = [], []
    for operator, taken, output, attributes in nodes:
        names = []
        for each in taken:
            if not isinstance(each, str):
                array = np.asarray(each)
                constants.append(onnx.numpy_helper.from_array(array, f'constant_{len(constants)}'))
                each = constants[-1].name
            names.append(each)
        made.append(helper.make_node(operator, names, [output], **attributes))
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs.items()]
    given = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()]
    model = helper.make_model(
        helper.make_graph(made, 'made', values, given, constants),
        opset_imports=[helper.make_opsetid('', 17)],
        ir_version=8,
    )
    onnx.checker.check_model(model)
    return model.SerializeToString()


def numbers(*values):
    return np.array(values, np.float32)


def places(*values):
    return np.array(values, np.int64)


SHAPES = {'a': (3, 2), 'b': (3, 3), 'c': (3, 1)}
# what is left of graphs: (nodes, outputs, operators that remain)
GRAPHS = {
    'nothing done': (
        [
            ('Mul', ('a', numbers(1, 1)), 'x', {}),
            ('Add', ('x', numbers(0)), 'y', {}),
            ('Flatten', ('y',), 'z', {'axis': 1}),
            ('Elu', ('z',), 'out', {}),
        ],
        {'out': (3, 2)},
        ['Elu'],
    ),
    'something done': (
        [('Mul', ('a', numbers(1, 2)), 'x', {}), ('Add', ('x', numbers(0, 1)), 'out', {})],
        {'out': (3, 2)},
        ['Mul', 'Add'],
    ),
    'subtracted from nothing': (
        [('Sub', (numbers(0, 0), 'a'), 'x', {}), ('Elu', ('x',), 'out', {})],
        {'out': (3, 2)},
        ['Sub', 'Elu'],
    ),
    'widened': ([('Add', ('c', numbers(0, 0)), 'x', {}), ('Elu', ('x',), 'out', {})], {'out': (3, 2)}, ['Add', 'Elu']),
    'the output itself': ([('Mul', ('a', numbers(1)), 'out', {})], {'out': (3, 2)}, ['Mul']),
    'a part': (
        [
            ('Concat', ('a', 'b', 'c'), 'x', {'axis': 1}),
            ('Slice', ('x', places(2), places(5), places(1)), 'y', {}),
            ('Elu', ('y',), 'out', {}),
        ],
        {'out': (3, 3)},
        ['Elu'],
    ),
    'another part': (
        [
            ('Concat', ('a', 'b', 'c'), 'x', {'axis': 1}),
            ('Slice', ('x', places(1), places(4), places(1)), 'y', {}),
            ('Elu', ('y',), 'out', {}),
        ],
        {'out': (3, 3)},
        ['Concat', 'Slice', 'Elu'],
    ),
    'a part that comes out': (
        [
            ('Elu', ('a',), 'x', {}),
            ('Elu', ('b',), 'y', {}),
            ('Concat', ('x', 'y'), 'z', {'axis': 1}),
            ('Slice', ('z', places(0), places(2), places(1)), 'out', {}),
            ('Tanh', ('x',), 'other', {}),
        ],
        {'out': (3, 2), 'other': (3, 2)},
        ['Elu', 'Tanh'],
    ),
    'a part that comes out twice': (
        [
            ('Elu', ('a',), 'x', {}),
            ('Concat', ('x', 'b'), 'z', {'axis': 1}),
            ('Slice', ('z', places(0), places(2), places(1)), 'out', {}),
            ('Slice', ('z', places(0), places(2), places(1)), 'other', {}),
        ],
        {'out': (3, 2), 'other': (3, 2)},
        ['Elu', 'Concat', 'Slice'],
    ),
    'what goes in comes out': (
        [('Concat', ('a', 'b'), 'z', {'axis': 1}), ('Slice', ('z', places(0), places(2), places(1)), 'out', {})],
        {'out': (3, 2)},
        ['Concat', 'Slice'],
    ),
    'concatenation of one': (
        [('Concat', ('a',), 'x', {'axis': 1}), ('Elu', ('x',), 'out', {})],
        {'out': (3, 2)},
        ['Elu'],
    ),
    'of no use': (
        [('Elu', ('a',), 'x', {}), ('Tanh', ('x',), 'y', {}), ('Elu', ('b',), 'out', {})],
        {'out': (3, 3)},
        ['Elu'],
    ),
    'every other': (
        [
            ('Concat', ('b', 'a'), 'x', {'axis': 1}),
            ('Slice', ('x', places(0), places(3), places(1), places(2)), 'y', {}),
            ('Elu', ('y',), 'out', {}),
        ],
        {'out': (3, 2)},
        ['Concat', 'Slice', 'Elu'],
    ),
    'rows of a part': (
        [
            ('Concat', ('a', 'b', 'c'), 'x', {'axis': 1}),
            ('Slice', ('x', places(0), places(2), places(0)), 'y', {}),
            ('Elu', ('y',), 'out', {}),
        ],
        {'out': (2, 6)},
        ['Concat', 'Slice', 'Elu'],
    ),
    'normalised': (
        [
            ('Sub', ('a', numbers(1, 2)), 'x', {}),
            ('Sub', ('b', numbers(3)), 'y', {}),
            ('Sub', ('c', numbers(4)), 'z', {}),
            ('Concat', ('z', 'x', 'y'), 'out', {'axis': 1}),
        ],
        {'out': (3, 6)},
        ['Concat', 'Sub'],
    ),
    'clipped alike': (
        [
            ('Clip', ('a', numbers(-1)[0], numbers(1)[0]), 'x', {}),
            ('Clip', ('b', numbers(-1)[0], numbers(1)[0]), 'y', {}),
            ('Concat', ('x', 'y'), 'out', {'axis': 1}),
        ],
        {'out': (3, 5)},
        ['Concat', 'Clip'],
    ),
    'clipped otherwise': (
        [
            ('Clip', ('a', numbers(-1)[0], numbers(1)[0]), 'x', {}),
            ('Clip', ('b', numbers(-1)[0], numbers(2)[0]), 'y', {}),
            ('Concat', ('x', 'y'), 'out', {'axis': 1}),
        ],
        {'out': (3, 5)},
        ['Clip', 'Clip', 'Concat'],
    ),
    'subtracted from': (
        [
            ('Sub', (numbers(1, 2), 'a'), 'x', {}),
            ('Sub', (numbers(3), 'b'), 'y', {}),
            ('Concat', ('x', 'y'), 'out', {'axis': 1}),
        ],
        {'out': (3, 5)},
        ['Sub', 'Sub', 'Concat'],
    ),
    'by row': (
        [
            ('Sub', ('b', numbers(1, 2, 3).reshape(3, 1)), 'x', {}),
            ('Sub', ('b', numbers(3)), 'y', {}),
            ('Concat', ('x', 'y'), 'out', {'axis': 1}),
        ],
        {'out': (3, 6)},
        ['Sub', 'Sub', 'Concat'],
    ),
    'below one another': (
        [
            ('Sub', ('b', numbers(1)), 'x', {}),
            ('Sub', ('b', numbers(3)), 'y', {}),
            ('Concat', ('x', 'y'), 'out', {'axis': 0}),
        ],
        {'out': (6, 3)},
        ['Sub', 'Sub', 'Concat'],
    ),
    'taken twice': (
        [
            ('Sub', ('a', numbers(1)), 'x', {}),
            ('Sub', ('b', numbers(3)), 'y', {}),
            ('Concat', ('x', 'y', 'x'), 'out', {'axis': 1}),
        ],
        {'out': (3, 7)},
        ['Sub', 'Sub', 'Concat'],
    ),
    'taken elsewhere': (
        [
            ('Sub', ('a', numbers(1)), 'x', {}),
            ('Sub', ('b', numbers(3)), 'y', {}),
            ('Concat', ('x', 'y'), 'out', {'axis': 1}),
            ('Elu', ('x',), 'other', {}),
        ],
        {'out': (3, 5), 'other': (3, 2)},
        ['Sub', 'Sub', 'Concat', 'Elu'],
    ),
    'widened in part': (
        [
            ('Add', ('c', numbers(1, 2)), 'x', {}),
            ('Add', ('b', numbers(3)), 'y', {}),
            ('Concat', ('x', 'y'), 'out', {'axis': 1}),
        ],
        {'out': (3, 5)},
        ['Add', 'Add', 'Concat'],
    ),
}


@pytest.mark.parametrize('name', GRAPHS)
def test_graph_computes_the_same(name):
    nodes, outputs, remaining = GRAPHS[name]
    taken = {each for _, names, _, _ in nodes for each in names if isinstance(each, str)}
    model = graph(nodes, outputs, **{name: shape for name, shape in SHAPES.items() if name in taken})
    found = simplified(model)
    onnx.checker.check_model(onnx.load_from_string(found), full_check=True)
    inputs = inputs_of(model)
    for one, other in zip(run(found, inputs), run(model, inputs)):
        np.testing.assert_array_equal(one, other)
    assert operators(found) == remaining
