# SPDX-License-Identifier: Apache-2.0
"""A robot's parameter file against a legged robot that walks in Isaac Lab: planted faults are found and named.

Isaac Lab plays once; every file is compared with that recording.
"""

import dataclasses

import numpy as np
import pytest
from sim.isaaclab_runs import ASSETS, lab_python, TASKS
from tools.legged_file import DEFAULT, JOINTS, NOISY, OPTIONS, ROWS, STEPS, tree
from tools.planted import delayed, matrices, mounted, stacked
from tools.verify_bench import flat

from rl_policy_node.nodes.parameters.parsing import configuration
from rl_policy_node.tools.verify.comparing import Comparing
from rl_policy_node.tools.verify.verification import complete, play, Played

pytestmark = pytest.mark.lab
HISTORY = 3
# knees of the left legs exchanged
SWAPPED = [JOINTS[place] for place in (0, 1, 8, 3, 4, 5, 6, 7, 2, 9, 10, 11)]
# terms after which more are planted: an orientation and a point, which a policy of other tasks observes
MORE = {
    'inputs.obs': ['lin_vel', 'ang_vel', 'gravity', 'command_xy', 'command_yaw', 'joint_pos', 'joint_vel', 'actions']
    + ['orientation', 'foot', 'past_ang_vel'],
    'sources.foot.topic': 'foot',
    'sources.foot.type': 'geometry_msgs/msg/PoseStamped',
    'sim.sensors.foot.body': 'robot/front_left_shank',
    'terms.orientation.source': 'imu',
    'terms.orientation.field': 'orientation',
    'terms.orientation.unique_sign': True,
    'terms.foot.kind': 'relative_position',
    'terms.foot.source': 'foot',
    'terms.foot.frame_source': 'odometry',
    'terms.past_ang_vel.source': 'imu',
    'terms.past_ang_vel.field': 'angular_velocity',
    'terms.past_ang_vel.history': HISTORY,
}


def configured(changes=(), options=OPTIONS):
    """Return the Configuration of the file with changes."""
    values = flat(tree(lab_python(), ASSETS, TASKS, options))
    return configuration({name: value for name, value in {**values, **dict(changes)}.items() if value is not None})


def findings(recording, changes=()):
    """Return term → Finding."""
    read = configured(changes)
    return {each.name: each for each in Comparing(seed=1).findings(complete(read), read.sim.sensors, recording)}


@pytest.fixture(scope='module')
def recording():
    """What Isaac Lab gives, once."""
    return play(configured(), Played(rows=ROWS, steps=STEPS))


@pytest.fixture(scope='module')
def more(recording):
    """The same, with terms behind its observation that other tasks have, by formulas of their own."""

    def made(newest_first=False, mount=(0.0, 0.0, 0.0)):
        bodies, names = recording.raw['bodies'].astype(np.float64), recording.scene['bodies']
        base, foot = bodies[:, :, names.index('robot/base')], bodies[:, :, names.index('robot/front_left_shank')]
        point = mounted(foot[..., :3], foot[..., 3:7], mount)
        turn = base[..., 3:7] / np.linalg.norm(base[..., 3:7], axis=-1, keepdims=True)
        own = np.einsum('srji,srj->sri', matrices(turn), base[..., 10:13])
        seen = np.einsum('srji,srj->sri', matrices(turn), point - base[..., :3])
        past = stacked(own, recording.begins, HISTORY, newest_first)
        parts = [np.where(turn[..., 3:] < 0, -turn, turn), seen, past]
        observed = np.concatenate([recording.observations['obs'], *parts], axis=-1).astype(np.float32)
        terms = [*recording.scene['terms']['obs']]
        terms += [{'name': name, 'shape': [size]} for name, size in (('quat', 4), ('foot', 3), ('past', 3 * HISTORY))]
        scene = {**recording.scene, 'terms': {'obs': terms}}
        return dataclasses.replace(recording, observations={'obs': observed}, scene=scene)

    return made


def named(found, term, hypothesis):
    """Check that a term alone differs, and why."""
    assert {name for name, each in found.items() if each.status != 'agrees'} == {term}
    assert [each.hypothesis for each in found[term].verdict.explanations] == [hypothesis]


def test_a_right_file_agrees(recording):
    found = findings(recording)
    assert {name: each.status for name, each in found.items()} == dict.fromkeys(found, 'agrees')
    assert len(found) == 9 and recording.begins[1:].sum() >= ROWS
    assert max(each.verdict.largest for each in found.values()) < 1e-5


@pytest.mark.parametrize(
    'changes, term, hypothesis',
    [
        (
            {
                'terms.joint_pos.joints': SWAPPED,
                'terms.joint_pos.offset': [DEFAULT[JOINTS.index(joint)] for joint in SWAPPED],
            },
            'joint_pos',
            'joint order',
        ),
        ({'terms.joint_vel.joints': SWAPPED}, 'joint_vel', 'joint order'),
        ({'actions.legs.joints': SWAPPED}, 'legs', 'joint order'),
        ({'terms.lin_vel.scale': [1.0, -1.0, 1.0]}, 'lin_vel', 'sign'),
        ({'terms.lin_vel.kind': 'rotate'}, 'lin_vel', 'frame'),
        ({'terms.gravity.inverse': False}, 'gravity', 'frame'),
        ({'terms.joint_pos.offset': None}, 'joint_pos', 'offset'),
        ({'actions.legs.offset': None}, 'legs', 'offset'),
        ({'terms.joint_vel.scale': [0.05]}, 'joint_vel', 'scale'),
        ({'actions.legs.scale': [0.5], 'actions.legs.offset': [0.0]}, 'legs', 'scale + offset'),
        ({'terms.joint_vel.clip': 8.0}, 'joint_vel', 'clip'),
        (
            {'sim.sensors.imu.body': 'robot/front_left_shank', 'terms.gravity.source': 'odometry'},
            'ang_vel',
            'wrong body',
        ),
    ],
)
def test_fault_planted_in_the_file_is_found_and_named(recording, changes, term, hypothesis):
    named(findings(recording, changes), term, hypothesis)


@pytest.mark.parametrize(
    'changes, term, hypothesis',
    [
        ({'terms.orientation.convention': 'wxyz'}, 'orientation', 'quaternion order'),
        ({'terms.orientation.unique_sign': False}, 'orientation', 'quaternion sign'),
        ({'sim.sensors.foot.body': 'robot/front_right_shank'}, 'foot', 'wrong body'),
    ],
)
def test_fault_of_a_pose_is_found_and_named(more, changes, term, hypothesis):
    named(findings(more(), {**MORE, **changes}), term, hypothesis)


def test_a_right_file_of_poses_agrees(more):
    assert {each.status for each in findings(more(), MORE).values()} == {'agrees'}


def test_faults_of_time_and_place_are_found_and_named(recording, more):
    named(findings(more(newest_first=True), MORE), 'past_ang_vel', 'history order')
    named(findings(more(mount=(0.0, 0.0, -0.2)), MORE), 'foot', 'body offset')
    named(findings(delayed(recording, slice(0, 3))), 'lin_vel', 'late')


def test_noise_of_the_observation_is_told_from_a_fault():
    noisy = play(configured(options=NOISY), Played(rows=ROWS, steps=STEPS))
    found = findings(noisy)
    differ = {name: each for name, each in found.items() if each.differs}
    assert set(differ) == {'lin_vel', 'ang_vel', 'gravity', 'joint_pos', 'joint_vel'}
    assert all('enable_corruption=false' in ' '.join(each.remarks) for each in differ.values())
