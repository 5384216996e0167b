# SPDX-License-Identifier: Apache-2.0
"""Spaces: what is stated, what the weights tell, and what rl_games is given of it."""

import gymnasium
import numpy as np
import pytest
import torch

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.policy import Spaces

HEAD = {'a2c_network.mu.weight': torch.zeros(6, 8)}


def statistics(**shapes):
    """Return the input statistics of a dict policy."""
    return {
        f'running_mean_std.running_mean_std.{key}.{part}': torch.zeros(shape)
        for key, shape in shapes.items()
        for part in ('running_mean', 'running_var')
    }


@pytest.mark.parametrize('shape', [3, (3,), [3], [np.int64(3)]])
def test_flat_observation_is_the_input_obs(shape):
    spaces = Spaces(shape, 2)
    assert not spaces.is_dict
    assert spaces.observation == (3,) and spaces.inputs == {'obs': (3,)}


def test_dict_observation_keeps_its_keys_in_their_order():
    spaces = Spaces({'wrist': [64, 64, 3], 'ee_pos': 3}, 6)
    assert spaces.is_dict
    assert list(spaces.inputs.items()) == [('wrist', (64, 64, 3)), ('ee_pos', (3,))]


@pytest.mark.parametrize(
    'action, count, discrete',
    [
        (6, 6, False),
        ({'continuous': 6}, 6, False),
        ({'discrete': 4}, 1, True),
        ({'multi_discrete': [3, 2, 5]}, 3, True),
    ],
)
def test_number_of_actions(action, count, discrete):
    spaces = Spaces(3, action)
    assert (spaces.num_actions, spaces.discrete) == (count, discrete)


def test_env_info_of_a_flat_policy():
    info = Spaces((3,), 2, action_low=[-1.0, -2.0], action_high=4.0, value_size=2, agents=3).env_info()
    assert info['observation_space'].shape == (3,)
    np.testing.assert_array_equal(info['action_space'].low, [-1, -2])
    np.testing.assert_array_equal(info['action_space'].high, [4, 4])
    assert (info['value_size'], info['agents']) == (2, 3)


def test_env_info_of_a_dict_policy():
    space = Spaces({'wrist': (4, 4, 3), 'ee_pos': 3}, 6).env_info()['observation_space']
    assert {key: box.shape for key, box in space.spaces.items()} == {'wrist': (4, 4, 3), 'ee_pos': (3,)}


def test_env_info_of_discrete_policies():
    assert Spaces(3, {'discrete': 4}).env_info()['action_space'] == gymnasium.spaces.Discrete(4)
    space = Spaces(3, {'multi_discrete': [3, 2]}).env_info()['action_space']
    assert [part.n for part in space] == [3, 2]


def test_dtype_is_one_for_all_or_per_key():
    assert Spaces(3, 2).dtype_of('obs') == np.float32
    assert Spaces(3, 2, dtype='uint8').dtype_of('obs') == np.uint8
    spaces = Spaces({'wrist': (4, 4, 3), 'ee_pos': 3}, 6, dtype={'wrist': 'uint8'})
    assert (spaces.dtype_of('wrist'), spaces.dtype_of('ee_pos')) == (np.uint8, np.float32)


def test_description_of_a_file_is_read():
    spaces = Spaces.from_dict({'observation': {'ee_pos': [3]}, 'action': {'discrete': 2}, 'dtype': 'float32'})
    assert spaces == Spaces({'ee_pos': (3,)}, {'discrete': 2})


@pytest.mark.parametrize(
    'description, told',
    [
        ({'observation': [3], 'actions': 2}, "unknown entry 'actions' in spaces; valid: action, action_high"),
        ({'observation': [3]}, r"'action' is missing; got \['observation'\]"),
        ({'action': 3}, r"'observation' is missing; got \['action'\]"),
        ({'observation': [3, 0], 'action': 2}, r'observation has the shape \(3, 0\); expected positive integers'),
        ({'observation': {'ee_pos': [-3]}, 'action': 2}, r'observation\.ee_pos has the shape \(-3,\)'),
        ({'observation': [2.5], 'action': 2}, r'observation has the shape \(2\.5,\)'),
        (
            {'observation': [3], 'action': {'binary': 2}},
            r"action is \{'binary': 2\}; expected .*'discrete'.*'multi_discrete'",
        ),
        ({'observation': [3], 'action': {}}, 'action is {}; expected'),
        ({'observation': [3], 'action': {'discrete': 2, 'continuous': 2}}, 'expected a number of actions'),
    ],
)
def test_description_that_cannot_be_meant_is_refused(description, told):
    with pytest.raises(ConfigurationError, match=told):
        Spaces.from_dict(description)


def test_keys_joined_are_one_vector():
    spaces = Spaces({'image': (2, 3, 1), 'pose': 7}, 4, action_high=2.0, dtype={'image': 'uint8'})
    assert spaces.joined() == Spaces((13,), 4, action_high=2.0)


@pytest.mark.parametrize(
    'changes',
    [
        {'action_low': [-1.0] * 3},
        {'action_high': [1.0] * 3},
        {'action': -2},
        {'action': 'six'},
        {'dtype': 'float23'},
        {'dtype': {'wrist': 'uint8'}},
    ],
)
def test_bounds_actions_and_types_that_do_not_fit_are_refused(changes):
    with pytest.raises(ConfigurationError):
        Spaces(**{'observation': {'ee_pos': 3}, 'action': 2, **changes})
