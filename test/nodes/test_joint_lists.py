# SPDX-License-Identifier: Apache-2.0
"""Groups of joints and numbers by joint mean the lists that they stand for."""

import json
from pathlib import Path
import re

from hypothesis import given
from hypothesis import strategies as st
from nodes.harness import JOINTS, parameters
from nodes.stepper_bench import flat
import pytest
from rclpy.parameter import Parameter
import yaml

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.nodes.parameters import schema
from rl_policy_node.nodes.parameters.live_parameters import apply_live
from rl_policy_node.nodes.parameters.parsing import configuration
from rl_policy_node.nodes.policy.dry_run import read_file

GROUPS = {'arm': JOINTS, 'upper': ['shoulder', 'elbow']}
ANGLES = {'wrist': 0.3, 'shoulder': 0.1, 'elbow': 0.2}
# what the harness' file says as lists
SHORT = {
    'joint_groups': GROUPS,
    'joint_values': {'default': {**ANGLES, 'finger': 9.0}},
    'terms.position.joints': ['@upper', 'wrist'],
    'terms.position.offset': '@default',
    'terms.velocity.joints': '@arm',
    'terms.velocity.scale': dict.fromkeys(ANGLES, 0.05),
    'actions.arm.joints': ['@arm'],
    'actions.arm.offset': ANGLES,
    'actions.arm.scale': {'wrist': 0.5, 'elbow': 0.5, 'shoulder': 0.5},
}
WRITTEN_OUT = {'terms.velocity.scale': [0.05] * 3, 'actions.arm.scale': [0.5] * 3}


def made(run, **changes):
    return configuration(flat(parameters(run, **changes)))


def test_a_short_file_means_what_it_stands_for(run):
    assert made(run, **SHORT) == made(run, **WRITTEN_OUT)
    assert made(run, **SHORT).control.terms['position'].options.joints == tuple(JOINTS)


NAMES = st.text('abAB1_-/.{} é@', min_size=1, max_size=6).filter(
    lambda name: name[0] != '@' and name.strip('.') == name
)
NUMBERS = st.floats(-3.0, 3.0)


@st.composite
def robots(draw):
    """Draw joints in order, a split of them into groups, and their default positions."""
    joints = draw(st.lists(NAMES, min_size=1, max_size=8, unique=True))
    cuts = sorted(draw(st.sets(st.integers(0, len(joints)), max_size=3)) | {0, len(joints)})
    parts = [(joints[low:high], draw(st.booleans())) for low, high in zip(cuts, cuts[1:])]
    positions = draw(st.lists(NUMBERS, min_size=len(joints), max_size=len(joints)))
    return joints, parts, positions, draw(st.permutations(list(zip(joints, positions))))


@given(robots())
def test_any_groups_and_any_order_of_numbers_give_the_written_out_configuration(run, robot):
    joints, parts, positions, shuffled = robot
    groups = {f'joint_groups.part_{index}': part for index, (part, grouped) in enumerate(parts) if grouped}
    listed = [name for index, (part, grouped) in enumerate(parts) for name in ([f'@part_{index}'] if grouped else part)]
    short, long = flat(parameters(run)), flat(parameters(run))
    for owner in ('terms.position', 'actions.arm'):
        long |= {f'{owner}.joints': joints, f'{owner}.offset': positions}
        short[f'{owner}.joints'] = listed
    for joint, position in shuffled:
        short |= {f'joint_values.default.{joint}': position, f'actions.arm.offset.{joint}': position}
    short['terms.position.offset'] = '@default'
    del short['actions.arm.offset']
    assert configuration({**short, **groups}) == configuration(long)


def test_ros_reads_names_of_joints_of_any_characters(run, tmp_path):
    joints = ['left/hip-1', '2nd joint', 'a.b.c']
    numbers = dict(zip(reversed(joints), (3, 0.5, 1.0)))
    files = []
    for name, changes in (
        ('short', {'joint_groups.all': joints, 'actions.arm.joints': ['@all'], 'actions.arm.offset': numbers}),
        ('long', {'actions.arm.joints': joints, 'actions.arm.offset': [1.0, 0.5, 3.0]}),
    ):
        files.append(tmp_path / f'{name}.yaml')
        files[-1].write_text(json.dumps({'/**': {'ros__parameters': parameters(run, **changes)}}))
    short, long = map(read_file, files)
    assert short == long and short.control.actions[0].options.offset == (1.0, 0.5, 3.0)


@pytest.mark.parametrize(
    'words, changes',
    [
        (
            "unknown joint group 'legs' in actions.arm.joints; valid: arm, upper",
            {'joint_groups': GROUPS, 'actions.arm.joints': ['@legs']},
        ),
        ("unknown joint group 'legs'.*joint_groups states none", {'terms.position.joints': ['@legs']}),
        (
            r"joint_groups.both names \['@arm'\]; a group names joints",
            {'joint_groups': {**GROUPS, 'both': ['@arm', 'finger']}},
        ),
        ('joint_groups.arm names a joint twice', {'joint_groups.arm': ['elbow', 'elbow']}),
        ('joint_groups.arm names no joint', {'joint_groups.arm': []}),
        ("'joint_groups.arm.left': a joint group is a list", {'joint_groups': {'arm': {'left': ['elbow']}}}),
        ("parameter 'joint_groups.arm' is 1.0; expected string", {'joint_groups.arm': [1.0, 2.0]}),
        (
            'actions.arm.joints names a joint twice.*shoulder',
            {'joint_groups': GROUPS, 'actions.arm.joints': ['@arm', '@upper']},
        ),
        (
            "unknown joint 'finger' in actions.arm.offset; valid: elbow",
            {'actions.arm.offset': {**ANGLES, 'finger': 1.0}},
        ),
        (
            'terms.position.offset has no number for shoulder, wrist; expected one for each of terms.position.joints',
            {'terms.position.offset': {'elbow': 0.2}},
        ),
        (
            'joint_values.default has no number for wrist; expected one for each of actions.arm.joints',
            {'joint_values.default': {'elbow': 0.2, 'shoulder': 0.1}, 'actions.arm.offset': '@default'},
        ),
        (
            "unknown joint values 'home' in actions.arm.offset; valid: default",
            {'joint_values.default': ANGLES, 'actions.arm.offset': '@home'},
        ),
        ("parameter 'joint_values.default' is .*a number of each joint", {'joint_values.default': [0.1, 0.2, 0.3]}),
        ('terms.force.scale is stated by joint, and terms.force has no joints', {'terms.force.scale': {'x': 1.0}}),
        ("parameter 'actions.arm.offset.elbow' is 'up'; expected double", {'actions.arm.offset': {'elbow': 'up'}}),
        (
            "parameter 'terms.position.clip' is '@default'",
            {'joint_values.default': ANGLES, 'terms.position.clip': '@default'},
        ),
        ("unknown parameter 'terms.position.ofset.elbow'", {'terms.position.ofset': {'elbow': 1.0}}),
        (r'1 blanks .*: actions.arm.offset.elbow', {'actions.arm.offset': {**ANGLES, 'elbow': '???'}}),
    ],
)
def test_what_does_not_fit_is_named(run, words, changes):
    with pytest.raises(ConfigurationError, match=words) as caught:
        made(run, **changes)
    assert '\n' not in str(caught.value)


def test_a_list_and_a_number_by_joint_exclude_each_other(run):
    values = {**flat(parameters(run)), 'actions.arm.offset.elbow': 1.0}
    with pytest.raises(
        ConfigurationError, match=r'actions.arm.offset is stated as a list, and by joint \(actions.arm.o'
    ):
        configuration(values)


def test_the_two_files_of_the_document_mean_the_same():
    text = (Path(__file__).parents[2] / 'docs' / 'reference' / 'parameter_files.md').read_text('utf-8')
    files = [yaml.safe_load(block) for block in re.findall(r'```yaml\n(.*?)```', text, re.DOTALL)]
    others = {
        'policy.train_config': 'x',
        'inputs.obs': ['joint_pos'],
        'sources.joints': {'topic': 'joint_states', 'type': 'sensor_msgs/msg/JointState'},
    }
    listed, by_joint = (configuration({**flat(others), **flat(file)}) for file in files)
    assert listed == by_joint
    assert by_joint.control.actions[0].options.joints == ('LF_HAA', 'LF_HFE', 'RF_HAA', 'RF_HFE', 'waist')


def test_a_number_by_joint_has_the_declaration_of_its_list():
    one = schema.find('actions.legs.max_velocity.LF.HAA')
    assert (one.type, one.low, one.unit) == ('double', 1e-6, 'rad/s, m/s')
    assert schema.find('actions.legs.scale.LF_HAA').live
    assert schema.find('actions.hand.position_scale.x') is None and schema.find('terms.a.clip.b') is None
    assert schema.find('joint_values.default.LF.HAA').type == 'double'


def changed(run, tree, *changes):
    """Return what a live change does: (name, value) each, or the reason that it is refused."""
    applied = []
    result = apply_live(
        [Parameter(name, value=value) for name, value in changes], flat(tree), lambda *made: applied.extend(made)
    )
    return applied if result.successful else result.reason


def test_a_live_change_of_one_joint_changes_the_list(run):
    tree = parameters(run, **SHORT)
    assert changed(run, tree, ('actions.arm.scale.elbow', 0.4)) == [('actions.arm.scale', (0.5, 0.4, 0.5))]
    assert changed(run, tree, ('actions.arm.scale.elbow', 0.4), ('blend', 0.5), ('actions.arm.scale.wrist', 1)) == [
        ('actions.arm.scale', (0.5, 0.4, 1.0)),
        ('blend', 0.5),
    ]
    listed = parameters(run)
    assert changed(run, listed, ('actions.arm.scale', [0.4])) == [('actions.arm.scale', (0.4,))]


@pytest.mark.parametrize(
    'name, value, words',
    [
        ('actions.arm.offset.elbow', 0.1, 'take effect at configure'),
        ('joint_values.default.elbow', 0.1, 'take effect at configure'),
        ('joint_groups.arm', ['elbow'], 'take effect at configure'),
        ('actions.arm.scale.finger', 0.1, "unknown joint 'finger'"),
        ('actions.arm.scale.elbow', 'fast', "'actions.arm.scale.elbow' is 'fast'; expected double"),
        ('actions.arm.scale', [0.1], 'as a list, and by joint'),
    ],
)
def test_other_live_changes_are_refused(run, name, value, words):
    assert re.search(words, changed(run, parameters(run, **SHORT), (name, value)))
