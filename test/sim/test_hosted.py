# SPDX-License-Identifier: Apache-2.0
"""Every form in which environments of the contract give their observations becomes arrays by input."""

import gymnasium
import numpy as np
import pytest
import torch

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.sim import create_environment
from rl_policy_node.sim.environment_specs import EnvironmentSpec, InsertionSpec
from rl_policy_node.sim.hosted import HostedEnvironment

ROWS = 2
FLAT = np.arange(6, dtype=np.float32).reshape(ROWS, 3)
IMAGE = np.arange(8, dtype=np.uint8).reshape(ROWS, 2, 2, 1)


def box(*shape):
    return gymnasium.spaces.Box(-1.0, 1.0, shape, np.float32)


def space_of(observations):
    if isinstance(observations, dict) and 'obs' in observations:
        observations = observations['obs']
    if isinstance(observations, dict):
        return gymnasium.spaces.Dict({name: box(*value.shape[1:]) for name, value in observations.items()})
    return box(*np.shape(observations)[1:])


class Fixed:
    """An environment that always gives the same observations, and successes where it has any."""

    action_space = box(4)

    def __init__(self, observations, infos=None):
        self.observations, self.observation_space = observations, space_of(observations)
        self.infos, self.given = infos, None

    def reset(self):
        return self.observations

    def step(self, actions):
        self.given = actions
        return self.observations, torch.tensor([1.0, 2.0]), torch.tensor([0, 1], dtype=torch.uint8), self.infos


FORMS = {
    'array': (FLAT, {'obs': FLAT}),
    'tensor': (torch.from_numpy(FLAT), {'obs': FLAT}),
    'tensor_with_gradient': (torch.from_numpy(FLAT).requires_grad_(), {'obs': FLAT}),
    'obs': ({'obs': torch.from_numpy(FLAT)}, {'obs': FLAT}),
    'obs_and_states': ({'obs': FLAT, 'states': np.zeros((ROWS, 9))}, {'obs': FLAT}),
    'nested': (
        {'obs': {'ee_pos': torch.from_numpy(FLAT), 'wrist': IMAGE}, 'states': {'plug_pos': FLAT}},
        {'ee_pos': FLAT, 'wrist': IMAGE},
    ),
    'plain_dict': ({'ee_pos': FLAT, 'wrist': torch.from_numpy(IMAGE)}, {'ee_pos': FLAT, 'wrist': IMAGE}),
    'list': (FLAT.tolist(), {'obs': FLAT}),
}


@pytest.mark.parametrize('form', FORMS)
def test_observations_become_arrays_by_input(form):
    observations, wanted = FORMS[form]
    hosted = HostedEnvironment(Fixed(observations, infos={}))
    for found in (hosted.reset(), hosted.step(ACTIONS)[0]):
        assert list(found) == list(wanted)
        for name, value in wanted.items():
            assert isinstance(found[name], np.ndarray)
            np.testing.assert_array_equal(found[name], value)
            assert form == 'list' or found[name].dtype == value.dtype


ACTIONS = np.arange(8, dtype=np.float32).reshape(ROWS, 4)


def test_step_hands_on_the_actions_as_a_tensor_and_gives_arrays():
    environment = Fixed(torch.from_numpy(FLAT), infos={})
    _, rewards, dones, successes = HostedEnvironment(environment).step(ACTIONS)
    assert torch.equal(environment.given, torch.from_numpy(ACTIONS)) and environment.given.device.type == 'cpu'
    assert isinstance(rewards, np.ndarray) and rewards.tolist() == [1.0, 2.0]
    assert dones.dtype == bool and dones.tolist() == [False, True]
    assert successes is None


def test_numpy_environments_get_numpy_actions_that_are_theirs_to_keep():
    environment, actions = Fixed(FLAT, infos={}), ACTIONS.copy()
    HostedEnvironment(environment).step(actions)
    actions[:] = 9.0
    assert environment.given.dtype == np.float32 and np.array_equal(environment.given, ACTIONS)


def test_an_environment_is_reset_once_for_the_first_observations():
    environment, resets = Fixed(FLAT), []
    environment.reset = lambda: resets.append(1) or FLAT + len(resets)
    hosted = HostedEnvironment(environment)
    assert hosted.rows == ROWS and hosted.dtypes == {'obs': np.float32}
    np.testing.assert_array_equal(hosted.reset()['obs'], FLAT + 1)
    np.testing.assert_array_equal(hosted.reset()['obs'], FLAT + 2)


@pytest.mark.parametrize(
    'later, text',
    [
        ({'ee_pos': FLAT[:1], 'wrist': IMAGE}, r"'obs/ee_pos' has the shape \(1, 3\); expected \(2, 3\)"),
        ({'ee_pos': FLAT}, r"observations lack 'wrist'; they have \['ee_pos'\]"),
    ],
)
def test_later_observations_of_another_shape_are_refused_by_name(later, text):
    environment = Fixed({'ee_pos': FLAT, 'wrist': IMAGE}, infos={})
    hosted = HostedEnvironment(environment)
    environment.observations = later
    with pytest.raises(ValueError, match=text):
        hosted.step(ACTIONS)


def test_spaces_are_gymnasiums_whoever_made_them():
    environment = Fixed({'ee_pos': FLAT, 'wrist': IMAGE})
    environment.action_space = gymnasium.spaces.Box(np.float32([-1, -2, -3, -4]), np.float32([1, 2, np.inf, 4]))
    hosted = HostedEnvironment(environment)
    assert hosted.observation_space == environment.observation_space
    assert hosted.action_space == environment.action_space and hosted.actions == 4


def test_actions_go_to_the_device_that_the_environment_names():
    environment = Fixed(torch.from_numpy(FLAT), infos={})
    environment.rl_device = 'meta'  # the one device besides the CPU that every torch has
    HostedEnvironment(environment).step(ACTIONS)
    assert environment.given.device.type == 'meta'


@pytest.mark.parametrize('successes', [torch.tensor([True, False]), np.array([1, 0]), [1.0, 0.0]])
def test_successes_are_booleans_where_there_are_any(successes):
    found = HostedEnvironment(Fixed(FLAT, infos={'successes': successes})).step(ACTIONS)[3]
    assert found.dtype == bool and found.tolist() == [True, False]


@pytest.mark.parametrize('infos', [None, [], [{}, {}], {'time_outs': torch.zeros(2)}])
def test_infos_of_another_form_tell_no_successes(infos):
    assert HostedEnvironment(Fixed(FLAT, infos=infos)).step(ACTIONS)[3] is None


def test_shapes_are_those_of_the_space_without_rows():
    assert HostedEnvironment(Fixed(FLAT)).shapes == {'obs': (3,)}
    observations = {'wrist': IMAGE, 'ee_pos': FLAT}
    assert HostedEnvironment(Fixed(observations)).shapes == {'wrist': (2, 2, 1), 'ee_pos': (3,)}


def test_number_of_actions_is_that_of_the_space():
    assert HostedEnvironment(Fixed(FLAT)).num_actions == 4


def test_rate_and_positions_are_told_where_the_environment_has_them():
    bare = HostedEnvironment(Fixed(FLAT))
    assert bare.control_rate is None and bare.qpos is None
    full = Fixed(FLAT)
    full.control_rate, full.qpos = 60.0, FLAT
    hosted = HostedEnvironment(full)
    hosted.reset()
    assert hosted.control_rate == 60.0 and np.array_equal(hosted.qpos, FLAT)


def test_unknown_environment_is_refused_with_those_that_there_are():
    with pytest.raises(ConfigurationError, match=r"'ant' in sim\.environment; valid: gymnasium, insertion, isaacgym"):
        create_environment(EnvironmentSpec('ant', 1))


def test_insertion_is_hosted_by_its_name():
    pytest.importorskip('mujoco')
    hosted = create_environment(EnvironmentSpec('insertion', ROWS, insertion=InsertionSpec(10)))
    found = hosted.reset()
    assert {name: value.shape[1:] for name, value in found.items()} == hosted.shapes
    assert hosted.num_actions == 6 and hosted.control_rate == 60.0 and hosted.qpos.shape == (ROWS, 12)
    assert hosted.step(np.zeros((ROWS, 6), np.float32))[3].shape == (ROWS,)
