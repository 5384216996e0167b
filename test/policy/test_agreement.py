# SPDX-License-Identifier: Apache-2.0
"""Spaces: who goes first, and refusals that name both of those who disagree."""

import math

import pytest

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.policy.checkpoint.weights import WeightsSpaces
from rl_policy_node.policy.contract.agreement import agree, joined_keys
from rl_policy_node.policy.contract.facts import Fact, Facts
from rl_policy_node.policy.contract.spaces import Spaces

NOTHING = Facts()
RUN = Facts(observation=Fact((48,), 'task.env.numObservations'), action=Fact(12, 'task.env.numActions'))
WEIGHTS = WeightsSpaces((48,), 12, 1, 'running_mean_std.running_mean', 'a2c_network.mu.weight')
KEYS = {'pos': (3,), 'wrist': (8, 8, 3)}


@pytest.mark.parametrize(
    'stated, facts, weights, layout',
    [
        (Spaces((48,), 12), NOTHING, None, None),
        (None, RUN, None, None),
        (None, NOTHING, WEIGHTS, None),
        (None, NOTHING, None, ((48,), 12)),
        ({'observation': [48]}, NOTHING, WEIGHTS, None),
        ({'action': 12}, RUN, WEIGHTS, ((235,), 9)),
        ({}, NOTHING, WEIGHTS, ((235,), 12)),
    ],
)
def test_whoever_tells_counts_and_what_was_published_counts_least(stated, facts, weights, layout):
    assert agree(stated, facts, weights, layout) == Spaces((48,), 12)


@pytest.mark.parametrize(
    'stated, facts, weights, told',
    [
        (
            {'observation': [50]},
            RUN,
            None,
            'observation: the stated spaces says (50,), task.env.numObservations says (48,)',
        ),
        (
            None,
            Facts(observation=Fact((50,), 'numObservations')),
            WEIGHTS,
            'observation: numObservations says (50,), running_mean_std.running_mean of the checkpoint says (48,)',
        ),
        ({'observation': [50]}, NOTHING, WEIGHTS, 'the stated spaces says (50,), running_mean_std.running_mean of'),
        ({'action': 6}, RUN, WEIGHTS, 'action: the stated spaces says 6, task.env.numActions says 12'),
        ({'action': {'discrete': 12}}, NOTHING, WEIGHTS, "says {'discrete': 12}, a2c_network.mu.weight of the"),
        (None, Facts(action=Fact(6, 'numActions')), WEIGHTS, 'numActions says 6, a2c_network.mu.weight of'),
        ({'observation': {'pos': [48]}}, NOTHING, WeightsSpaces({'pose': (48,)}, 12), 'only one of them has pos, pose'),
        ({'observation': {'pos': [3], 'wrist': [8, 8, 4]}}, NOTHING, WeightsSpaces(KEYS, 12), 'they differ in wrist'),
        ({'observation': {'pos': [3], 'rest': [40]}}, NOTHING, WEIGHTS, "says {'pos': (3,), 'rest': (40,)}"),
        (
            None,
            NOTHING,
            WeightsSpaces(None, 12),
            'observation: neither the run nor the weights tell its size; state it',
        ),
        ({'observation': [4]}, NOTHING, None, 'action: neither the run nor the weights tell its size'),
        (
            None,
            Facts(observation=Fact({'pos': None}, 'network'), action=Fact(1, 'run')),
            None,
            'observation: the shape of pos is said nowhere; state it',
        ),
        ({'observe': [4]}, NOTHING, WEIGHTS, "unknown entry 'observe' in spaces; valid: "),
    ],
)
def test_disagreement_and_silence_are_refused_by_name(stated, facts, weights, told):
    with pytest.raises(ConfigurationError) as error:
        agree(stated, facts, weights)
    assert told in str(error.value) and '\n' not in str(error.value)


def test_first_layer_tells_how_many_numbers_not_their_shape():
    layer = WeightsSpaces((12,), 2, 1, 'a2c_network.actor_mlp.0.weight', 'a2c_network.mu.weight')
    assert agree({'observation': [3, 4]}, NOTHING, layer).observation == (3, 4)
    assert agree(None, NOTHING, layer).observation == (12,)
    with pytest.raises(ConfigurationError, match=r'says \(3, 5\), a2c_network.actor_mlp.0.weight of .* says 12'):
        agree({'observation': [3, 5]}, NOTHING, layer)


def test_shapes_that_one_leaves_open_come_from_the_next():
    facts = Facts(observation=Fact({'pos': (3,), 'wrist': None}, 'obsDims'))
    assert agree(None, facts, WeightsSpaces(KEYS, 6)).observation == KEYS
    assert agree(None, facts, WeightsSpaces(None, 6), ({'wrist': (64, 64, 3)}, 6)).observation['wrist'] == (64, 64, 3)


def test_bounds_are_the_runs_unless_stated():
    facts = Facts(action_bound=Fact(100.0, 'clip_actions'))
    assert agree(None, facts, WEIGHTS).action_high == 100.0
    assert agree({'action_low': -2.0, 'action_high': 2.0}, facts, WEIGHTS).action_low == -2.0
    assert agree(None, Facts(action_bound=Fact(math.inf, 'nowhere')), WEIGHTS).action_low == -math.inf
    assert agree(None, NOTHING, WEIGHTS).action_high == 1.0


def test_keys_of_a_flat_network_are_joined_in_the_order_of_its_yaml():
    network = {'name': 'actor_critic', 'inputs': {'object': {}, 'joints': {}}}
    assert joined_keys(network, Spaces({'joints': 4, 'object': 7}, 2)) == ('object', 'joints')
    assert joined_keys(network, Spaces((11,), 2)) == ()
    assert joined_keys({'name': 'actor_critic_dict'}, Spaces({'joints': 4}, 2)) == ()
    with pytest.raises(ConfigurationError, match=r"inputs names \['object', 'joints'\]; the spaces have \['joints'\]"):
        joined_keys(network, Spaces({'joints': 4}, 2))
