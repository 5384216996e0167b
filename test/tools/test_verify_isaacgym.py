# SPDX-License-Identifier: Apache-2.0
"""Parameter files of config/ against Isaac Gym's Anymal and TacSL's insertion: planted faults are found and named.

Held against tasks that are laid out as IsaacGymEnvs' are (sim/isaacgym_stand), not against NVIDIA's own.
"""

import importlib.util
import json
import sys

from config.anymal_file import tree
from config.rehearsal import CONFIG
import numpy as np
import pytest
from sim.isaacgym_runs import ROWS, SEED, STAND
from tools.planted import delayed, mounted, observing, stacked
from tools.verify_bench import flat
import yaml

from rl_policy_node.nodes.parameters.parsing import configuration
from rl_policy_node.tools.main import main
from rl_policy_node.tools.process.processes import private_domain
from rl_policy_node.tools.verify.comparing import Comparing
from rl_policy_node.tools.verify.verification import complete, play, Played

private_domain(chosen=False)
pytestmark = pytest.mark.worker
STEPS = 150
# columns of the observation
VELOCITY, TURNING = slice(0, 3), slice(3, 6)
HISTORY = 3
MOUNT = (0.0, 0.0, 0.107)
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
    return configuration({name: value for name, value in {**written(kept), **changes}.items() if value is not None})


def written(values):
    """Return the parameters of a file with the simulator that hosts it."""
    sim = {'sim.python': sys.executable, 'sim.python_path': [str(STAND)], 'sim.device': 'cpu', 'sim.seed': SEED}
    return {**values, **sim}


def nested(values):
    """Return the tree of parameters by their full names."""
    tree = {}
    for name, value in values.items():
        *path, leaf = name.split('.')
        branch = tree
        for each in path:
            branch = branch.setdefault(each, {})
        branch[leaf] = value
    return tree


def findings(recording, values, changes=(), signs=True, first_steps=1):
    """Return term → Finding."""
    read, comparing = configured(values, changes), Comparing(seed=1, signs=signs, first_steps=first_steps)
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


@pytest.fixture(scope='module')
def recording():
    """What Anymal gives, recorded once for all files."""
    return played(anymal())


@pytest.fixture(scope='module')
def insertion():
    """What TacSL's insertion gives, once."""
    return played(tacsl())


@pytest.mark.slow
def test_a_right_file_of_a_legged_robot_agrees(recording):
    found = findings(recording, anymal())
    assert {name: each.status for name, each in found.items()} == dict.fromkeys(found, 'agrees')
    assert len(found) == 9 and recording.begins[1:].sum() > 3 * ROWS
    assert max(each.verdict.largest for each in found.values()) < 1e-5


def test_all_that_a_right_file_lacks_is_in_the_first_step_of_episodes(recording):
    """VecTask.reset() gives zeros, and the task observes the last action of the episode before."""
    found = findings(recording, anymal(), first_steps=0)
    differ = {name: each for name, each in found.items() if each.differs}
    assert set(differ) == {'gravity', 'command_xy', 'command_yaw', 'joint_pos', 'joint_vel', 'actions'}
    for each in differ.values():
        assert each.status == 'unexplained' and 'only in the first step of episodes' in each.verdict.note
    left = findings(recording, anymal())
    assert {name for name, each in left.items() if each.verdict.left_out} == set(differ)


@pytest.mark.slow
def test_velocities_that_terrain_keeps_over_a_reset_are_left_out():
    terrain = tree('AnymalTerrain')
    found = findings(played(terrain), terrain)
    assert {name: each.status for name, each in found.items()} == dict.fromkeys(found, 'agrees')
    assert found['lin_vel'].verdict.left_out > 0.1


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
    named(findings(delayed(recording, VELOCITY), anymal()), 'lin_vel', 'late')


@pytest.mark.parametrize('newest_first', [False, True])
def test_order_of_a_history_is_found(recording, newest_first):
    """None of IsaacGymEnvs' tasks observes a history: one of the angular velocity is put behind the observation."""
    observed = recording.observations['obs']
    past = stacked(observed[..., TURNING], recording.begins, HISTORY, newest_first)
    more = observing(recording, np.concatenate([observed, past], axis=-1))
    values = anymal()
    term = {f'terms.past.{name}': values[f'terms.ang_vel.{name}'] for name in ('source', 'field', 'scale')}
    changes = {**term, 'terms.past.history': HISTORY, 'inputs.obs': [*values['inputs.obs'], 'past']}
    found = findings(more, values, changes)
    if newest_first:
        named(found, 'past', 'history order')
    else:
        assert {each.status for each in found.values()} == {'agrees'}


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


def test_a_frame_that_is_mounted_on_a_body_is_found(insertion):
    """The task observes a point of the tool, 0.107 m from the one that the driver measures."""
    moved = mounted(insertion.observations['ee_pos'], insertion.observations['ee_quat'], MOUNT)
    planted = observing(insertion, moved.astype(np.float32), 'ee_pos')
    found = findings(planted, tacsl(), signs=False)
    del found['arm']
    named(found, 'ee_pos', 'body offset')
    assert '0.107' in found['ee_pos'].verdict.explanations[0].sentence


@pytest.mark.slow
def test_verify_leaves_out_the_first_steps_of_isaac_gyms_tasks_and_says_so(tmp_path, capsys):
    file = tmp_path / 'robot.yaml'
    file.write_text(yaml.safe_dump({'/**': {'ros__parameters': nested(written(anymal()))}}))
    arguments = ['verify', str(file), '--rows', '2', '--steps', '60']
    assert main(arguments) == 0
    *_, left_out, sums = capsys.readouterr().out.splitlines()
    assert sums == '9 terms agree over 60 steps of 2 rows'
    assert left_out.startswith('left out: observations in the first step of each episode, ')
    assert 'of 120 samples; there gravity by ' in left_out and 'legs' not in left_out
    assert main([*arguments, '--json']) == 0
    content = json.loads(capsys.readouterr().out)
    assert content['first_steps'] == 1 and 2 <= content['left_out'] < 60 and content['agrees']
    largest = {term['term']: term['largest_left_out'] for term in content['terms']}
    assert largest['gravity'] == pytest.approx(1.0) and largest['legs'] == 0
    assert main([*arguments, '--leave-out', '0']) == 1
    assert 'left out' not in capsys.readouterr().out
