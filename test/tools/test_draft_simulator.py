# SPDX-License-Identifier: Apache-2.0
"""A parameter file for a simulator: nothing is left to fill in, and it passes the check."""

import gymnasium
import numpy as np
import pytest
from tools.runs import ANYMAL, parameters, PARAMS, TACSL, TACSL_NETWORK, write_run

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.policy import Spaces
from rl_policy_node.tools.check import check
from rl_policy_node.tools.init.draft_simulator import draft_simulator, Simulator, space_lines
from rl_policy_node.tools.init.init import flow, init

FLOATS, BYTES = 'std_msgs/msg/Float32MultiArray', 'std_msgs/msg/UInt8MultiArray'


@pytest.mark.parametrize(
    'task, network, inputs, actions',
    [
        (ANYMAL, None, {'obs': [48]}, 12),
        (TACSL, TACSL_NETWORK, {'left_tactile_camera_taxim': [80, 60, 3], 'ee_pos': [3], 'ee_quat': [4]}, 6),
    ],
)
def test_isaac_gyms_run_says_it_all(tmp_path, task, network, inputs, actions):
    run = write_run(tmp_path / 'run', task, network)
    assert init(run, tmp_path / 'sim.yaml', simulator=Simulator('isaacgym', python='/opt/gym/bin/python', rows=8)) == []
    written = parameters(tmp_path / 'sim.yaml')
    assert written['rows'] == 8 and written['trigger'] == written['sim']['mode'] == 'lockstep'
    assert written['sim']['environment'] == 'isaacgym' and written['sim']['python'] == '/opt/gym/bin/python'
    assert {name: term['shape'] for name, term in written['terms'].items()} == inputs
    assert {(source['type'], source['rows']) for source in written['sources'].values()} == {(FLOATS, True)}
    assert written['actions']['action']['size'] == actions and written['actions']['action']['kind'] == 'raw'
    check(tmp_path / 'sim.yaml')


class Push:
    """Three numbers in, one out between -2 and 3; 25 steps a second."""

    observation_space = gymnasium.spaces.Box(-1, 1, (3,))
    action_space = gymnasium.spaces.Box(np.float32([-2.0]), np.float32([3.0]))
    control_rate = 25.0

    def __init__(self, num_envs, seed):
        self.num_envs = num_envs

    def reset(self):
        spaces = getattr(self.observation_space, 'spaces', {'obs': self.observation_space})
        return {name: np.zeros((self.num_envs, *space.shape), space.dtype) for name, space in spaces.items()}


class Choose(Push):
    """Two choices at once."""

    action_space = gymnasium.spaces.Tuple([gymnasium.spaces.Discrete(3), gymnasium.spaces.Discrete(2)])


class Look(Push):
    """A picture of bytes, and numbers."""

    observation_space = gymnasium.spaces.Dict(
        {'picture': gymnasium.spaces.Box(0, 255, (4, 4, 3), np.uint8), 'speed': gymnasium.spaces.Box(-1, 1, (2,))}
    )


CHOICES = {
    'algo': {'name': 'a2c_discrete'},
    'model': {'name': 'multi_discrete_a2c'},
    'network': {**PARAMS['network'], 'space': {'multi_discrete': None}},
}


@pytest.mark.parametrize(
    'environment, params, action, written',
    [
        (Push, {}, 1, {'actions': 1, 'action_low': [-2.0], 'action_high': [3.0]}),
        (Choose, CHOICES, {'multi_discrete': [3, 2]}, {'discrete': [3, 2]}),
    ],
)
def test_environment_of_ones_own_says_what_the_run_does_not(tmp_path, environment, params, action, written):
    run = write_run(
        tmp_path / 'run', root={'params': {**PARAMS, **params}}, spaces={'observation': [3], 'action': action}
    )
    simulator = Simulator(f'{__name__}:{environment.__name__}', rows=2)
    assert init(run, tmp_path / 'sim.yaml', simulator=simulator) == []
    assert parameters(tmp_path / 'sim.yaml')['spaces'] == {'observation': {'obs': [3]}, **written}
    assert parameters(tmp_path / 'sim.yaml')['control_rate'] == 25.0
    check(tmp_path / 'sim.yaml')


def test_environment_that_is_not_the_runs_is_named_where_sizes_disagree(tmp_path):
    run = write_run(tmp_path / 'run', root={'params': PARAMS}, spaces={'observation': [4], 'action': 1})
    for simulator, name in (
        (Simulator(f'{__name__}:Push'), f'{__name__}:Push'),
        (Simulator('gymnasium', 'Pendulum-v1'), 'Pendulum-v1'),
    ):
        told = rf'the environment {name} says \(3,\), running_mean_std.running_mean of the checkpoint .*Run.pth says'
        with pytest.raises(ConfigurationError, match=told):
            init(run, tmp_path / 'sim.yaml', simulator=simulator)


def test_bytes_travel_as_bytes(tmp_path):
    fields, _ = Simulator(f'{__name__}:Look').describe()
    assert fields['dtype'] == {'picture': 'uint8'}
    made = draft_simulator(Spaces(**fields))
    assert {name: entry.values['type'] for name, entry in made.sources.items()} == {'picture': BYTES, 'speed': FLOATS}
    assert 'uint8: [picture]' in '\n'.join(space_lines(fields, flow))
