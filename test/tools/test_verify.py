# SPDX-License-Identifier: Apache-2.0
"""A parameter file is compared with its simulator: each planted fault is found, on its term, and called by its name."""

import pytest
from tools.legged_world import ACTION_SCALE, DEFAULT, JOINTS
from tools.verify_bench import findings, permuted, played

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
