# SPDX-License-Identifier: Apache-2.0
"""The insertion that ships, against its own simulator."""

import pytest

from rl_policy_node.nodes.parameters.parsing import configuration
from rl_policy_node.nodes.policy.dry_run import read_values
from rl_policy_node.resources import resolve
from rl_policy_node.tools.command import INSERTION
from rl_policy_node.tools.process.processes import private_domain
from rl_policy_node.tools.verify.comparing import Comparing
from rl_policy_node.tools.verify.verification import complete, play, Played

pytest.importorskip('mujoco')
private_domain(chosen=False)
OBSERVED = {'ee_pos', 'ee_quat', 'socket_pos', 'socket_quat', 'tactile_left', 'tactile_right'}


def configured(changes=()):
    """Return the Configuration of the file that ships, with changes; episodes end while it is recorded."""
    values = {**read_values(resolve(INSERTION)), 'sim.episode_length': 60, 'sim.stagger': True}
    return configuration({**values, **dict(changes)})


@pytest.fixture(scope='module')
def recording():
    """What the simulator gives the shipped policy, once."""
    return play(configured(), Played(rows=4, steps=150, actions='policy'))


def findings(recording, changes=(), signs=False):
    """Return term → Finding."""
    read = configured(changes)
    found = Comparing(signs=signs).findings(complete(read), read.sim.sensors, recording)
    return {each.name: each for each in found}


def test_the_file_that_ships_agrees(recording):
    found = findings(recording)
    assert {name for name, each in found.items() if each.status == 'agrees'} == OBSERVED
    assert found['arm'].status == 'not checked' and 'kind pose_delta commands no joints' in found['arm'].reason
    assert recording.begins[1:].sum() >= 8


def test_its_policy_depends_on_the_sign_of_the_grippers_quaternion(recording):
    found = findings(recording, signs=True)
    assert {name for name, each in found.items() if each.differs} == {'ee_quat'}
    assert found['ee_quat'].verdict.explanations[0].hypothesis == 'quaternion sign'
    assert any('--keep-signs' in remark for remark in found['ee_quat'].remarks)


@pytest.mark.parametrize(
    'changes, term, hypothesis',
    [
        ({'terms.ee_pos.elements': [1, 0, 2]}, 'ee_pos', 'joint order'),
        ({'terms.ee_pos.scale': [1.0, -1.0, 1.0]}, 'ee_pos', 'sign'),
        ({'terms.ee_quat.convention': 'wxyz'}, 'ee_quat', 'quaternion order'),
        ({'terms.ee_quat.unique_sign': True}, 'ee_quat', 'quaternion sign'),
        ({'terms.tactile_left.scale': [0.5]}, 'tactile_left', 'scale'),
        ({'terms.tactile_right.clip': 0.05}, 'tactile_right', 'clip'),
    ],
)
def test_planted_fault_is_found_and_named(recording, changes, term, hypothesis):
    found = findings(recording, changes)
    assert {name for name, each in found.items() if each.differs} == {term}
    assert [each.hypothesis for each in found[term].verdict.explanations] == [hypothesis]


def test_an_offset_may_as_well_be_a_place_on_the_socket_which_never_turns(recording):
    found = findings(recording, {'terms.ee_pos.offset': [0.5, 0.0, 0.1]})['ee_pos']
    assert found.status == 'ambiguous'
    assert [each.hypothesis for each in found.verdict.explanations] == ['offset', 'body offset']


def test_another_body_is_found(recording):
    found = findings(recording, {'sim.sensors.ee_pose.body': 'peg'})
    differ = {name: each for name, each in found.items() if each.differs}
    assert set(differ) == {'ee_pos', 'ee_quat'}
    assert {each.verdict.explanations[0].hypothesis for each in differ.values()} == {'wrong body'}
