# SPDX-License-Identifier: Apache-2.0
"""A parameter file is compared with its simulator: each planted fault is found, on its term, and called by its name."""

import dataclasses
import re

import numpy as np
import pytest
from tools.legged_world import ACTION_SCALE, DEFAULT, JOINTS
from tools.verify_bench import findings, parameters, permuted, played

# name → fault of the environment's observation, changes of the file, term, hypothesis, part of the sentence or remedy
FAULTS = {
    'joint order': (
        '',
        {'terms.joint_pos.joints': permuted(JOINTS), 'terms.joint_pos.offset': permuted(DEFAULT.tolist())},
        'joint_pos',
        'joint order',
        'joints: [lf_hip, lh_hip, ',
    ),
    'joint order alone': (
        '',
        {'terms.joint_pos.joints': permuted(JOINTS)},
        'joint_pos',
        'joint order + offset',
        'joints: [lf_hip, lh_hip, ',
    ),
    'joint order of commands': (
        '',
        {'actions.legs.joints': permuted(JOINTS)},
        '/legs',
        'joint order',
        'exchanged: lh_hip and lf_hip',
    ),
    'sign': ('', {'terms.ang_vel.scale': [1.0, -1.0, 1.0]}, 'ang_vel', 'sign', 'element 1'),
    'sign of commands': (
        '',
        {'actions.legs.scale': [-ACTION_SCALE[0], *ACTION_SCALE[1:].tolist()], 'actions.legs.offset': [0.0] * 8},
        '/legs',
        'sign + offset',
        'lf_hip',
    ),
    'quaternion order': (
        '',
        {'terms.object_quat.convention': 'wxyz'},
        'object_quat',
        'quaternion order',
        'convention: xyzw',
    ),
    'quaternion order of the simulator': ('wxyz', {}, 'object_quat', 'quaternion order', 'convention: wxyz'),
    'quaternion sign': (
        '',
        {'terms.object_quat.unique_sign': None},
        'object_quat',
        'quaternion sign',
        'unique_sign: true',
    ),
    'frame': ('', {'terms.lin_vel.kind': 'rotate', 'terms.lin_vel.inverse': False}, 'lin_vel', 'frame', 'kind: field'),
    'frame of the simulator': ('world', {}, 'lin_vel', 'frame', 'inverse: false'),
    'offset': ('', {'terms.joint_pos.offset': None}, 'joint_pos', 'offset', 'default joint positions'),
    'offset of commands': ('', {'actions.legs.offset': None}, '/legs', 'offset', 'default joint positions'),
    'scale': ('', {'terms.joint_vel.scale': [0.1]}, 'joint_vel', 'scale', 'scale: 0.05'),
    'scale of commands': (
        '',
        {'actions.legs.scale': [0.5], 'actions.legs.offset': None},
        '/legs',
        'scale + offset',
        '',
    ),
    'clip': ('', {'terms.joint_vel.clip': None}, 'joint_vel', 'clip', 'clip: 4'),
    'late': ('late', {}, 'lin_vel', 'late', '1 step early'),
    'history order': ('newest first', {}, 'past_ang_vel', 'history order', 'newest first'),
    'wrong body': ('', {'sim.sensors.foot.body': 'robot/foot_r'}, 'foot_pos', 'wrong body', 'robot/foot_l'),
    'wrong body of the simulator': ('wrong body', {}, 'foot_pos', 'wrong body', 'robot/foot_r'),
    'body offset': ('mount', {}, 'foot_pos', 'body offset', '[0.05, -0.02, 0.1] m'),
}

COMMANDS = {'joints': list(JOINTS), 'scale': ACTION_SCALE.tolist(), 'offset': DEFAULT.tolist()}


@pytest.fixture(scope='module')
def recordings():
    """The recordings of the simulator with each fault, made once."""
    made = {}

    def recording(fault=''):
        if fault not in made:
            made[fault] = played(fault=fault)
        return made[fault]

    return recording


def test_a_right_file_agrees_in_every_term(tmp_path, recordings):
    found = findings(tmp_path, recordings())
    assert {name: each.status for name, each in found.items()} == dict.fromkeys(found, 'agrees')
    assert {'lin_vel', 'command_xy', 'past_ang_vel', 'actions', '/legs'} <= set(found)
    assert recordings().begins[1:].sum() > 4 and max(each.verdict.largest for each in found.values()) < 1e-6


@pytest.mark.parametrize('name', FAULTS)
def test_planted_fault_is_found_and_named(tmp_path, recordings, name):
    fault, changes, term, hypothesis, words = FAULTS[name]
    found = findings(tmp_path, recordings(fault), changes)
    assert {name for name, each in found.items() if each.status != 'agrees'} == {term}
    verdict = found[term].verdict
    assert [each.hypothesis for each in verdict.explanations] == [hypothesis]
    assert found[term].status == 'explained', verdict.explanations
    assert words in verdict.explanations[0].sentence + verdict.explanations[0].remedy


def test_terms_find_their_places_where_the_simulator_has_more(tmp_path):
    """The simulator's own names and sizes tell which of its numbers the file lacks."""
    found = findings(tmp_path, played(extra=5))
    assert {name: each.status for name, each in found.items() if each.status != 'agrees'} == {'height': 'misplaced'}
    assert found['height'].reason.startswith('the file has no term for these 5 numbers: the terms of the file have 52 ')


@pytest.mark.parametrize('lacking', ['lin_vel', 'gravity', 'joint_vel', 'foot_pos'])
def test_a_term_that_the_file_lacks_is_named(tmp_path, recordings, lacking):
    names = [name for name in parameters(tmp_path)['inputs']['obs'] if name != lacking]
    found = findings(tmp_path, recordings(), {'inputs.obs': names})
    assert {name: each.status for name, each in found.items() if each.status != 'agrees'} == {lacking: 'misplaced'}


def test_sizes_are_named_where_the_simulator_does_not_know_its_terms(tmp_path):
    found = findings(tmp_path, played(extra=5, terms=False))
    assert {each.status for name, each in found.items() if name != '/legs'} == {'misplaced'}
    assert found['/legs'].status == 'agrees' and all(each.differs for name, each in found.items() if name != '/legs')
    assert (
        'have 52 numbers (lin_vel 3, ' in found['gravity'].reason and 'the simulator has 57' in found['gravity'].reason
    )


def test_a_term_of_another_size_is_named(tmp_path, recordings):
    changes = {'terms.joint_vel.joints': list(JOINTS[:6])}
    found = findings(tmp_path, recordings(), changes)
    assert {name: each.status for name, each in found.items() if each.status != 'agrees'} == {'joint_vel': 'misplaced'}
    assert found['joint_vel'].reason.startswith('it has 6 numbers, and 8 in the simulator')


def test_terms_in_another_order_are_told(tmp_path, recordings):
    names = parameters(tmp_path)['inputs']['obs']
    names[0], names[1] = names[1], names[0]
    found = findings(tmp_path, recordings(), {'inputs.obs': names})
    assert {name for name, each in found.items() if each.differs} == {'lin_vel', 'ang_vel'}
    assert "the simulator's input has these numbers at 0 to 2: terms are in another order there" in (
        found['lin_vel'].remarks
    )


def test_noise_is_told_from_a_fault(tmp_path):
    found = findings(tmp_path, played(noise=0.01))
    assert all(each.status == 'unexplained' for name, each in found.items() if name != '/legs')
    for each in found.values():
        if each.differs:
            (size,) = re.findall(r'looks like noise of standard deviation (\S+):', ' '.join(each.remarks))
            assert 0.009 < float(size) < 0.011, each.name


def test_what_raw_state_lacks_costs_only_its_terms(tmp_path):
    found = findings(tmp_path, played(without=['commands']))
    unchecked = {name: each.reason for name, each in found.items() if each.status == 'not checked'}
    assert set(unchecked) == {'command_xy', 'command_yaw'}
    assert all("source 'command'" in reason for reason in unchecked.values())
    assert {each.status for name, each in found.items() if name not in unchecked} == {'agrees'}


def test_a_field_that_raw_state_lacks_costs_only_its_term(tmp_path, recordings):
    found = findings(tmp_path, recordings(), {'terms.gravity': {'source': 'imu', 'field': 'linear_acceleration'}})
    assert {name for name, each in found.items() if each.status == 'not checked'} == {'gravity'}
    assert found['ang_vel'].status == found['past_ang_vel'].status == 'agrees'


def test_a_tare_is_not_checked(tmp_path, recordings):
    found = findings(tmp_path, recordings(), {'terms.lin_vel.difference_to_tare': True})
    assert {name: each.reason for name, each in found.items() if each.status != 'agrees'} == {
        'lin_vel': 'it is the difference to a tare, which is taken on the robot'
    }


def test_limits_of_the_file_raise_no_alarm(tmp_path, recordings):
    limits = {f'actions.legs.{name}': [value] for name, value in (('lower', -0.5), ('upper', 1.2))}
    found = findings(tmp_path, recordings(), {**limits, 'actions.legs.max_velocity': [10.0], 'blend_in': 1.0})
    assert {each.status for each in found.values()} == {'agrees'}
    (remark,) = found['/legs'].remarks
    changed = float(remark.removeprefix('limits of the file change ').partition('%')[0])
    assert 20.0 < changed <= 100.0
    wide = {'actions.legs.lower': [-9.0], 'actions.legs.upper': [9.0], 'actions.legs.max_velocity': [1e3]}
    assert findings(tmp_path, recordings(), wide)['/legs'].remarks == ()


@pytest.mark.parametrize(
    'changes, reason',
    [
        ({'actions.legs.kind': 'joint_velocity', 'actions.legs.source': None}, 'set no velocity target of lf_hip'),
        ({'actions.legs.joints': [f'other_{joint}' for joint in JOINTS]}, 'no articulation of the simulator has the'),
    ],
)
def test_commands_without_targets_are_not_said_to_agree(tmp_path, recordings, changes, reason):
    found = findings(tmp_path, recordings(), changes)
    assert found['/legs'].status == 'not checked' and reason in found['/legs'].reason


def test_actions_of_another_size_are_a_difference(tmp_path, recordings):
    changes = {f'actions.legs.{name}': value[:6] for name, value in COMMANDS.items()}
    found = findings(tmp_path, recordings(), changes)
    assert found['/legs'].differs
    assert found['/legs'].reason == 'actions.terms take 6 numbers (legs 6); the simulator takes 8'


def test_names_of_the_simulators_joints_may_differ(tmp_path, recordings):
    robot = [f'robot/{joint}' for joint in JOINTS]
    found = findings(
        tmp_path,
        recordings(),
        {
            'terms.joint_pos.joints': robot,
            'terms.joint_vel.joints': robot,
            'actions.legs.joints': robot,
            'sim.sensors.joints.joint_names': [f'{joint}=robot/{joint}' for joint in JOINTS],
        },
    )
    assert {each.status for each in found.values()} == {'agrees'}


def test_a_clip_of_the_observation_applies_to_both_sides(tmp_path, recordings):
    clipped = dataclasses.replace(
        recordings(), observations={'obs': np.clip(recordings().observations['obs'], -0.3, 0.3)}
    )
    assert {each.status for each in findings(tmp_path, clipped, {'policy.clip_observations': 0.3}).values()} == {
        'agrees'
    }
    assert findings(tmp_path, clipped)['lin_vel'].verdict.explanations[0].hypothesis == 'clip'


def test_joints_without_names_come_in_the_order_of_the_file(tmp_path, recordings):
    found = findings(
        tmp_path,
        recordings(),
        {
            'sources.angles': {'topic': 'angles', 'type': 'std_msgs/msg/Float64MultiArray'},
            'terms.joint_pos.source': 'angles',
            'terms.joint_pos.field': 'data',
            'sim.sensors.angles.articulation': 'robot',
        },
    )
    assert {each.status for each in found.values()} == {'agrees'}
