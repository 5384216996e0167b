# SPDX-License-Identifier: Apache-2.0
"""Parameter files of config/ against Isaac Gym's Anymal and TacSL's insertion: planted faults are found and named.

Held against tasks that are laid out as IsaacGymEnvs' are (sim/isaacgym_stand), not against NVIDIA's own.
"""

import dataclasses
import importlib.util
import sys

from config.anymal_file import tree
from config.rehearsal import CONFIG
import numpy as np
import pytest
from sim.isaacgym_runs import ROWS, SEED, STAND
from tools.verify_bench import flat
import yaml

from rl_policy_node.nodes.parameters.parsing import configuration
from rl_policy_node.tools.verify.comparing import Comparing
from rl_policy_node.tools.verify.played_steps import Recording
from rl_policy_node.tools.verify.verification import complete, play, Played

pytestmark = pytest.mark.worker
STEPS = 150
# columns of the observation
VELOCITY, ACTIONS = slice(0, 3), slice(36, 48)
JOINTS = [f'{leg}_{joint}' for leg in ('LF', 'LH', 'RF', 'RH') for joint in ('HAA', 'HFE', 'KFE')]
DEFAULT = dict(zip(JOINTS, (0.03, 0.4, -0.8, 0.03, -0.4, 0.8, -0.03, 0.4, -0.8, -0.03, -0.4, 0.8)))
# as URDF might list them: both fore legs first
BY_AXLE = [f'{leg}_{joint}' for leg in ('LF', 'RF', 'LH', 'RH') for joint in ('HAA', 'HFE', 'KFE')]
# of TacSL's file, whose run has the left sensor alone
RIGHT = ('sources.tactile_right.', 'terms.tactile_right.', 'inputs.right_tactile_camera_taxim')


def anymal():
    """Return the parameters of the legged robot."""
    return tree('Anymal')


def tacsl():
    """Return the parameters of config/franka_tacsl_tactile.yaml for the run of the stand, whose images are smaller."""
    values = flat(yaml.safe_load((CONFIG / 'franka_tacsl_tactile.yaml').read_text())['/**']['ros__parameters'])
    return {
        **{name: value for name, value in values.items() if not name.startswith(RIGHT)},
        'policy.train_config': str(STAND / 'runs' / 'TacSLTaskInsertion'),
        'robots': [f'robot_{row}' for row in range(ROWS)],
        'terms.tactile_left.shape': [32, 24, 3],
        'sim.environment': 'isaacgym',
        'sim.sensors.ee_pose.body': 'fingertip_midpoint',
        'sim.sensors.socket_pose.body': 'socket',
        'sim.sensors.tactile_left.sensor': 'left_tactile_camera_taxim',
    }


def configured(values, changes=()):
    """Return the Configuration of a file with changes; None: left out, by joint as well."""
    changes = dict(changes)
    kept = {name: value for name, value in values.items() if not name.startswith(tuple(f'{each}.' for each in changes))}
    sim = {'sim.python': sys.executable, 'sim.python_path': [str(STAND)], 'sim.device': 'cpu', 'sim.seed': SEED}
    return configuration({name: value for name, value in {**kept, **sim, **changes}.items() if value is not None})


def findings(recording, values, changes=(), signs=True):
    """Return term → Finding."""
    read, comparing = configured(values, changes), Comparing(seed=1, signs=signs)
    return {each.name: each for each in comparing.findings(complete(read), read.sim.sensors, recording)}


def named(found, term, hypothesis):
    """Check that a term alone differs, and why."""
    assert {name for name, each in found.items() if each.status != 'agrees'} == {term}
    assert [each.hypothesis for each in found[term].verdict.explanations] == [hypothesis]


def played(values):
    """Return what a task gives."""
    if not all(importlib.util.find_spec(each) for each in ('hydra', 'torch')):
        pytest.skip(f'{sys.executable} has no torch or no hydra-core')
    return play(configured(values), Played(rows=ROWS, steps=STEPS))


def without_reset(recording):
    """Return a recording without its first step: what VecTask.reset() returns are buffers of zeros."""
    begins = recording.begins[1:].copy()
    begins[0] = True
    parts = ({name: value[1:] for name, value in each.items()} for each in (recording.observations, recording.raw))
    return Recording(recording.scene, *parts, recording.actions[1:], begins)


@pytest.fixture(scope='module')
def whole():
    """What Anymal gives, recorded once for all files."""
    return played(anymal())


@pytest.fixture(scope='module')
def recording(whole):
    """The same without what the task does not compute of the state, which is in the first step of episodes alone.

    The task goes on observing the last action of the episode before, where a robot begins with zeros: those numbers
    are taken out.
    """
    cut = without_reset(whole)
    observed = cut.observations['obs'].copy()
    observed[cut.begins, ACTIONS] = 0.0
    return dataclasses.replace(cut, observations={'obs': observed})


@pytest.fixture(scope='module')
def insertion():
    """What TacSL's insertion gives, once, without its reset."""
    return without_reset(played(tacsl()))


def test_a_right_file_of_a_legged_robot_agrees(recording):
    found = findings(recording, anymal())
    assert {name: each.status for name, each in found.items()} == dict.fromkeys(found, 'agrees')
    assert len(found) == 9 and recording.begins[1:].sum() > 3 * ROWS
    assert max(each.verdict.largest for each in found.values()) < 1e-5


def test_all_that_a_right_file_lacks_is_in_the_first_step_of_episodes(whole):
    found = findings(whole, anymal())
    differ = {name: each for name, each in found.items() if each.differs}
    assert set(differ) == {'gravity', 'command_xy', 'command_yaw', 'joint_pos', 'joint_vel', 'actions'}
    for each in differ.values():
        assert each.status == 'unexplained' and 'only in the first step of episodes' in each.verdict.note


@pytest.mark.parametrize(
    'changes, term, hypothesis',
    [
        (
            {'terms.joint_pos.joints': BY_AXLE, 'terms.joint_pos.offset': [DEFAULT[joint] for joint in BY_AXLE]},
            'joint_pos',
            'joint order',
        ),
        ({'terms.joint_vel.joints': BY_AXLE}, 'joint_vel', 'joint order'),
        ({'actions.legs.joints': BY_AXLE}, 'legs', 'joint order + offset'),
        ({'terms.lin_vel.scale': [2.0, -2.0, 2.0]}, 'lin_vel', 'sign'),
        ({'terms.lin_vel.kind': 'rotate'}, 'lin_vel', 'frame'),
        ({'terms.gravity.inverse': True}, 'gravity', 'frame'),
        ({'terms.joint_pos.offset': None}, 'joint_pos', 'offset'),
        ({'actions.legs.offset': None}, 'legs', 'offset'),
        ({'terms.ang_vel.scale': [1.0]}, 'ang_vel', 'scale'),
        ({'actions.legs.scale': [0.25]}, 'legs', 'scale + offset'),
        ({'terms.joint_vel.clip': 2.0}, 'joint_vel', 'clip'),
    ],
)
def test_planted_fault_is_found_and_named(recording, changes, term, hypothesis):
    named(findings(recording, anymal(), changes), term, hypothesis)


def test_what_is_late_is_found(recording):
    """The task observes its velocity a step late: the file's is early."""
    observed = recording.observations['obs'].copy()
    late = np.concatenate([observed[:1], observed[:-1]])
    observed[..., VELOCITY] = np.where(recording.begins[..., None], observed, late)[..., VELOCITY]
    delayed = dataclasses.replace(recording, observations={'obs': observed})
    named(findings(delayed, anymal()), 'lin_vel', 'late')


def test_a_right_file_of_an_insertion_agrees(insertion):
    found = findings(insertion, tacsl(), signs=False)
    arm = found.pop('arm')
    assert arm.status == 'not checked' and 'kind pose_delta commands no joints' in arm.reason
    assert {name: each.status for name, each in found.items()} == dict.fromkeys(found, 'agrees')
    assert len(found) == 6 and max(each.verdict.largest for each in found.values()) < 1e-5


@pytest.mark.parametrize(
    'changes, term, hypothesis',
    [
        ({'terms.ee_quat.convention': 'wxyz'}, 'ee_quat', 'quaternion order'),
        ({'terms.ee_pos.elements': [1, 0, 2]}, 'ee_pos', 'joint order'),
        ({'terms.tactile_left.scale': [1.0]}, 'tactile_left', 'scale'),
    ],
)
def test_fault_of_an_insertion_is_found_and_named(insertion, changes, term, hypothesis):
    found = findings(insertion, tacsl(), changes, signs=False)
    del found['arm']
    named(found, term, hypothesis)


def test_a_driver_that_sends_either_sign_of_a_quaternion_is_found(insertion):
    found = findings(insertion, tacsl(), {'terms.socket_quat.unique_sign': True})
    del found['arm']
    named(found, 'ee_quat', 'quaternion sign')


def test_another_body_is_found(insertion):
    found = findings(insertion, tacsl(), {'sim.sensors.ee_pose.body': 'plug'}, signs=False)
    del found['arm']
    named(found, 'ee_pos', 'wrong body')
