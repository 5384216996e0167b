# SPDX-License-Identifier: Apache-2.0
"""A step without what nobody needs: no critic, no sampling, no state of theirs, in the export and when it runs."""

from collections import Counter

import numpy as np
import onnx
from policy.backends.small_policies import drawn, KINDS, load, ROWS
import pytest
import torch

from rl_policy_node.policy.backends.export import export, names
from rl_policy_node.policy.backends.player_step import _needed, Step
from rl_policy_node.policy.backends.static import StaticStep

# kind → layers of the actor alone: matrices, recurrent layers, states; hidden layers, then mu
ACTORS = {
    'mlp': (2, 0, 0),
    'lstm': (2, 2, 2),
    'gru': (2, 1, 1),
    'separate': (2, 0, 0),
    'separate lstm': (2, 2, 2),
    'separate gru': (2, 1, 1),
    'dict': (3, 2, 2),
    'amp': (2, 0, 0),
    'sac': (2, 0, 0),
    'asymmetric': (2, 2, 2),
    'computed sigma': (2, 0, 0),
    'discrete': (2, 2, 2),
    'multi-discrete': (3, 0, 0),
    'tanh': (2, 1, 1),
    'continuous_a2c': (2, 0, 0),
}
RANDOM = {'RandomNormal', 'RandomNormalLike', 'RandomUniform', 'RandomUniformLike', 'Multinomial', 'Bernoulli'}


def step_of(policy, deterministic=True):
    return Step(policy.player, policy.backend.inputs, deterministic)


@pytest.mark.parametrize('name', ACTORS)
def test_export_holds_the_actor_only(tmp_path, name):
    policy = load(tmp_path, name)
    for deterministic in (True, False):
        if not deterministic and name not in ('mlp', 'lstm', 'computed sigma', 'multi-discrete', 'sac'):
            continue  # they draw as the others do
        step = step_of(policy, deterministic)
        graph = onnx.load_from_string(export(step)).graph
        count = Counter(node.op_type for node in graph.node)
        matrices, layers, states = ACTORS[name]
        matrices += name == 'computed sigma' and not deterministic
        assert (count['MatMul'] + count['Gemm'], count['LSTM'] + count['GRU']) == (matrices, layers)
        assert not RANDOM & set(count)
        assert not (deterministic and count['Exp'])  # of a deviation that nobody asks for
        assert [value.name for value in graph.input] == names(step)[0]
        assert [value.name for value in graph.output] == names(step)[1]
        assert len(step.states) == states
        assert len(step.noise.drawn) == (0 if deterministic else 2 if name == 'multi-discrete' else 1)


@pytest.mark.parametrize('name', ['separate', 'separate lstm', 'amp', 'asymmetric'])
def test_no_weight_of_the_critic_is_exported(tmp_path, name):
    policy = load(tmp_path, name)
    exported = onnx.load_from_string(export(step_of(policy)))
    found = {onnx.numpy_helper.to_array(each).tobytes() for each in exported.graph.initializer}
    found |= {
        part.tobytes() for each in exported.graph.initializer for part in [onnx.numpy_helper.to_array(each).T.copy()]
    }
    for place, tensor in policy.player.model.state_dict().items():
        if tensor.numel() > 8:
            for value in (tensor, tensor.float()):
                if 'critic' in place or '.value' in place or '_disc' in place:
                    assert value.numpy().tobytes() not in found, place
    assert any(tensor.numpy().tobytes() in found for tensor in policy.player.model.state_dict().values())


def operations(run):
    """Return how often torch does what in a step, after some in which it may have found out what to leave out."""
    for _ in range(4):
        run()
    with torch.no_grad(), torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        run()
    return Counter({each.key: each.count for each in profile.key_averages()})


@pytest.mark.parametrize('name', ['mlp', 'lstm', 'separate', 'separate lstm', 'separate gru', 'amp', 'sac', 'discrete'])
def test_what_nobody_needs_is_not_run(tmp_path, name):
    policy = load(tmp_path, name)
    static = StaticStep(step_of(policy), policy.backend.inputs, 'cpu')
    found = operations(static.compute)
    eager = operations(lambda: policy.act(drawn(policy.spaces, ROWS, np.random.default_rng(0))))
    matrices, layers, _ = ACTORS[name]
    if not layers:  # of which some are made of matrices
        assert found['aten::linear'] == matrices
    assert found['aten::linear'] < eager['aten::linear'] or name == 'sac'  # whose player asks no critic
    assert found['aten::lstm'] + found['aten::gru'] == (layers > 0)
    assert eager['aten::lstm'] + eager['aten::gru'] == (2 if 'separate ' in name else layers > 0)
    for drawing in ('aten::normal', 'aten::normal_', 'aten::multinomial', 'aten::exponential_'):
        assert not found[drawing]


@pytest.mark.parametrize('name', ['lstm', 'dict', 'separate dict'])
def test_making_a_step_leaves_the_player_as_it_was(tmp_path, name):
    policy = load(tmp_path, name, deterministic=False)
    policy.act(drawn(policy.spaces, ROWS, np.random.default_rng(0)))
    model, states = policy.player.model, [state.clone() for state in policy.player.states]
    modules, weights = dict(model.named_modules()), {name: each.clone() for name, each in model.state_dict().items()}
    stream = torch.get_rng_state()
    export(step_of(policy, False))
    assert all(map(torch.equal, policy.player.states, states))
    assert dict(model.named_modules()) == modules and not any(module.training for module in modules.values())
    assert all(torch.equal(each, weights[name]) for name, each in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), stream)


class Chain(torch.nn.Module):
    """Actions come from the first state, which comes from the second; the third is nobody's."""

    def forward(self, observation, one, two, three):
        pair = observation + one, three * 2
        return pair[0], one + two, two * 1.5, pair[1] + observation


class Own(torch.nn.Module):
    """Actions come from no state."""

    def forward(self, observation, one, two, three):
        return observation * 2, one + two, two + observation, three + one


class InPlace(torch.nn.Module):
    """What is changed in place has more makers than its name tells."""

    def forward(self, observation, one, two, three):
        result = observation * 2
        result[:, 0] = two[:, 0]
        return result, one + 1, two + 1, three + 1


@pytest.mark.parametrize('module, needed', [(Chain, [0, 1]), (Own, []), (InPlace, [0, 1, 2])])
def test_states_that_actions_come_to_depend_on_are_found(module, needed):
    traced = torch.jit.trace(module(), tuple(torch.ones(2, 2) for _ in range(4)))
    assert _needed(traced.inlined_graph, 1, 3) == needed


def test_kinds_whose_critic_has_states_of_its_own_are_among_those_tried(tmp_path):
    found = {
        name: (len(policy.player.states), len(step_of(policy).states))
        for name in ('separate lstm', 'separate gru', 'separate dict', 'lstm')
        for policy in [load(tmp_path, name)]
    }
    assert found == {'separate lstm': (4, 2), 'separate gru': (2, 1), 'separate dict': (4, 2), 'lstm': (2, 2)}
    assert set(found) <= set(KINDS)
