# SPDX-License-Identifier: Apache-2.0
"""A robot's parameter file against Gymnasium's Ant, which MuJoCo simulates: planted faults are found and named."""

import pytest
from tools.planted import delayed
from tools.verify_bench import flat, TRAIN
import yaml

from rl_policy_node.nodes.parameters.parsing import configuration
from rl_policy_node.tools.verify.comparing import Comparing
from rl_policy_node.tools.verify.verification import complete, play, Played

pytest.importorskip('mujoco')
ROWS, STEPS = 3, 150
LEGS = (1, 2, 3, 4)
# of the observation, and of the action, which begins with another leg
JOINTS = [f'{joint}_{leg}' for leg in LEGS for joint in ('hip', 'ankle')]
ACTUATORS = [f'{joint}_{leg}' for leg in (4, 1, 2, 3) for joint in ('hip', 'ankle')]
GEAR = 150.0


def parameters(train, changes=(), noise=0.0):
    """Return the parameters of a robot like the ant; the observation is Ant-v5's without contact forces."""
    joints = {'source': 'joints', 'joints': JOINTS}
    values = flat(
        {
            'policy': {'train_config': str(train)},
            'control_rate': 20.0,
            'enable': 'none',
            'robots': [f'ant_{row}' for row in range(ROWS)],
            'sources': {
                'joints': {'topic': 'joint_states', 'type': 'sensor_msgs/msg/JointState'},
                'odometry': {'topic': 'odometry', 'type': 'nav_msgs/msg/Odometry'},
                'imu': {'topic': 'imu', 'type': 'sensor_msgs/msg/Imu'},
            },
            'inputs': {'obs': ['height', 'orientation', 'joint_pos', 'lin_vel', 'ang_vel', 'joint_vel']},
            'terms': {
                'height': {'source': 'odometry', 'field': 'position', 'elements': [2]},
                'orientation': {'source': 'imu', 'field': 'orientation', 'convention': 'wxyz'},
                'joint_pos': {**joints, 'field': 'position'},
                'lin_vel': {'kind': 'rotate', 'source': 'odometry', 'field': 'linear_velocity', 'inverse': False},
                'ang_vel': {'source': 'imu', 'field': 'angular_velocity'},
                'joint_vel': {**joints, 'field': 'velocity'},
            },
            'actions': {
                'terms': ['legs'],
                'legs': {
                    'kind': 'effort',
                    'joints': ACTUATORS,
                    'scale': [GEAR],
                    'topic': 'efforts',
                    'type': 'std_msgs/msg/Float64MultiArray',
                    'limits': 'none',
                },
            },
            'sim': {
                'environment': 'gymnasium',
                'id': 'Ant-v5',
                'options': [
                    'max_episode_steps=40',
                    'include_cfrc_ext_in_observation=false',
                    f'reset_noise_scale={noise}',
                ],
                'seed': 3,
            },
        }
    )
    return configuration({name: value for name, value in {**values, **dict(changes)}.items() if value is not None})


@pytest.fixture(scope='module')
def train(tmp_path_factory):
    """The train YAML of a run."""
    file = tmp_path_factory.mktemp('ant') / 'train.yaml'
    file.write_text(yaml.safe_dump(TRAIN))
    return file


@pytest.fixture(scope='module')
def recording(train):
    """What the simulator gives, recorded once for all files."""
    return play(parameters(train), Played(rows=ROWS, steps=STEPS))


def findings(train, recording, changes=(), signs=False):
    """Return term → Finding; the command of the legs is 'legs'."""
    read = parameters(train, changes)
    comparing = Comparing(seed=2, signs=signs)
    return {each.name: each for each in comparing.findings(complete(read), read.sim.sensors, recording)}


def test_a_right_file_agrees(train, recording):
    found = findings(train, recording)
    assert {name: each.status for name, each in found.items()} == dict.fromkeys(found, 'agrees')
    assert recording.begins[1:].sum() >= 6 and max(each.verdict.largest for each in found.values()) < 1e-5


def test_an_ant_is_trained_with_a_sign_that_no_option_gives(train, recording):
    """MuJoCo's quaternions keep their sign from step to step; a robot's may have either."""
    found = findings(train, recording, signs=True)
    assert {name for name, each in found.items() if each.differs} == {'orientation'}
    (explanation,) = found['orientation'].verdict.explanations
    assert explanation.hypothesis == 'quaternion sign'


def test_the_noise_of_resets_leaves_no_unit_quaternion(train):
    """Ant-v5 adds noise to each number of a quaternion at a reset, and no sensor measures such an orientation."""
    found = findings(train, play(parameters(train, noise=0.1), Played(rows=ROWS, steps=STEPS)))
    assert {name for name, each in found.items() if each.differs} == {'orientation'}
    assert found['orientation'].verdict.note == 'only in the first step of episodes'
    assert any('not of length 1' in remark for remark in found['orientation'].remarks)


@pytest.mark.parametrize(
    'changes, term, hypothesis',
    [
        ({'terms.joint_pos.joints': ACTUATORS}, 'joint_pos', 'joint order'),
        ({'actions.legs.joints': JOINTS}, 'legs', 'joint order'),
        ({'terms.ang_vel.scale': [1.0, 1.0, -1.0]}, 'ang_vel', 'sign'),
        ({'terms.orientation.convention': 'xyzw'}, 'orientation', 'quaternion order'),
        ({'terms.lin_vel.kind': 'field', 'terms.lin_vel.inverse': None}, 'lin_vel', 'frame'),
        ({'terms.joint_pos.offset': [0.0, 1.0, 0.0, -1.0, 0.0, -1.0, 0.0, 1.0]}, 'joint_pos', 'offset'),
        ({'terms.joint_vel.scale': [0.05]}, 'joint_vel', 'scale'),
        ({'actions.legs.scale': [100.0]}, 'legs', 'scale'),
        ({'terms.joint_vel.clip': 3.0}, 'joint_vel', 'clip'),
    ],
)
def test_planted_fault_is_found_and_named(train, recording, changes, term, hypothesis):
    found = findings(train, recording, changes)
    assert {name for name, each in found.items() if each.status != 'agrees'} == {term}
    assert [each.hypothesis for each in found[term].verdict.explanations] == [hypothesis]


def test_what_is_late_is_found(train, recording):
    """The simulator delays its velocities: the file's are early."""
    found = findings(train, delayed(recording, slice(13, 16)))
    assert [each.hypothesis for each in found['lin_vel'].verdict.explanations] == ['late']


def test_velocities_of_another_body_are_found(train, recording):
    found = findings(train, recording, {'sim.sensors.imu.body': 'torso/body4'})
    differ = {name: each for name, each in found.items() if each.differs}
    assert set(differ) == {'orientation', 'ang_vel'}
    assert {each.verdict.explanations[0].hypothesis for each in differ.values()} == {'wrong body'}
