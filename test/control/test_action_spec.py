# SPDX-License-Identifier: Apache-2.0
"""What an action term cannot mean is refused by name: kinds, fallbacks, limits that would not be applied."""

from control.action_bench import manager, measurements, spec
import numpy as np
import pytest

from rl_policy_node.control.action_spec import FALLBACKS
from rl_policy_node.control.action_terms import command_shapes, KINDS, measured_fields
from rl_policy_node.control.specs import action_spec
from rl_policy_node.errors import ConfigurationError

VALID = {
    'joint_position': ('hold', 'keep'),
    'joint_delta': ('hold', 'keep'),
    'pose_delta': ('hold', 'keep'),
    'joint_velocity': ('zero',),
    'effort': ('zero',),
    'twist': ('zero',),
    'wrench': ('zero',),
    'gripper': ('keep', 'hold', 'value'),
    'raw': ('value',),
    'discrete': ('value',),
}


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('fallback', FALLBACKS)
def test_fallback_is_one_that_makes_sense_for_the_kind(kind, fallback):
    value = {'fallback_value': (0.0,)} if fallback == 'value' else {}
    if fallback in VALID[kind]:
        assert spec(kind, fallback=fallback, **value).fallback == fallback
        return
    valid = ', '.join(sorted(VALID[kind]))
    with pytest.raises(
        ConfigurationError, match=rf"unknown fallback '{fallback}' in actions\.it \(kind {kind}\); valid: {valid}"
    ):
        spec(kind, fallback=fallback, **value)


@pytest.mark.parametrize('kind', KINDS)
def test_every_kind_has_a_fallback_of_its_own(kind):
    assert spec(kind).fallback == VALID[kind][0]


@pytest.mark.parametrize(
    'kind, options, told',
    [
        ('joint_velocity', {'joints': ()}, r'kind joint_velocity needs joints'),
        ('joint_delta', {'source': ''}, r'actions\.it: needs a source that measures what it commands'),
        ('joint_delta', {'integrate': 'leaky'}, r'integrate leaky needs max_error'),
        (
            'joint_delta',
            {'integrate': 'plai'},
            r"unknown integrate 'plai' in actions\.it .*valid: leaky, observed, target",
        ),
        (
            'joint_delta',
            {'max_error': (0.1,)},
            r'it\.max_error counts with integrate leaky only; integrate is observed',
        ),
        ('pose_delta', {'integrate': 'leaky', 'max_error': (0.1,)}, r'integrate leaky needs max_rotation_error'),
        ('pose_delta', {'max_velocity': (0.1,) * 3}, r'max_velocity has 3 numbers; expected 1: .* along the way'),
        ('effort', {'max_velocity': (1.0,)}, r'it: max_velocity mean nothing to kind effort; it has .*max_effort'),
        ('effort', {'lower': (-1.0,)}, r'it: lower mean nothing to kind effort'),
        ('effort', {'max_effort': (1.0, 2.0)}, r'it\.max_effort has 2 numbers; expected 1 or 3'),
        ('effort', {'joints': ('a', 'b', 'a')}, r"it\.joints names a joint twice: \['a', 'b', 'a'\]"),
        ('twist', {'axes': ('x', 'psi')}, r"unknown axis 'psi' in actions\.it\.axes; valid: pitch, roll, x, y, yaw, z"),
        ('twist', {'axes': ('x', 'x')}, r'it\.axes names an axis twice'),
        ('twist', {'axes': ('x', 'yaw'), 'scale': (1.0,) * 6}, r'it\.scale has 6 numbers; expected 1 or 2'),
        ('twist', {'lower': (0.1,)}, r'it: the fallback \[0\.0\] is not within lower and upper'),
        ('twist', {'max_acceleration': (1.0, 2.0)}, r'max_acceleration has 2 numbers; expected 1'),
        ('gripper', {'open': ()}, r'kind gripper needs open'),
        ('gripper', {'open': (0.1,), 'closed': (0.1,)}, r'open \[0\.1\] is closed \[0\.1\]'),
        ('gripper', {'joints': ()}, r"fallback keep needs joints, whose position source 'arm' measures"),
        ('gripper', {'fallback': 'value'}, r'it: fallback value needs fallback_value'),
        ('gripper', {'fallback_value': (0.1,)}, r'it\.fallback_value counts with fallback value only'),
        ('gripper', {'threshold': 0.5}, r'it\.threshold counts with mode threshold only; mode is proportional'),
        ('raw', {'size': 0}, r'kind raw needs size'),
        ('raw', {'fallback_value': ()}, r'kind raw needs fallback_value'),
        ('raw', {'fallback_value': (1.0, 5.0), 'upper': (2.0,)}, r'the fallback \[1\.0, 5\.0\] is not within'),
        ('raw', {'fallback_value': (np.inf,)}, r'kind raw needs fallback_value'),
        ('raw', {'lower': (1.0,), 'upper': (0.0,)}, r'lower \[1\.0\] is above upper \[0\.0\]'),
        ('discrete', {'table': ()}, r'kind discrete needs table'),
        ('discrete', {'table': (1.0,) * 5}, r'it\.table has 5 numbers; expected a multiple of table_columns, 2'),
        ('discrete', {'table': (1.0, np.nan)}, r'it\.table has a number that is not finite'),
        ('discrete', {'clip': 1.0}, r'clip mean nothing to kind discrete'),
    ],
)
def test_what_cannot_be_meant_is_refused(kind, options, told):
    with pytest.raises(ConfigurationError, match=told):
        spec(kind, **options)


def test_a_source_is_needed_only_for_what_is_measured():
    assert measured_fields(spec('joint_delta')) == ('position',)
    assert measured_fields(spec('pose_delta')) == ('position', 'orientation')
    assert measured_fields(spec('effort', source='arm')) == ()
    assert measured_fields(spec('gripper')) == ('position',)
    assert measured_fields(spec('gripper', fallback='value', fallback_value=(0.0,))) == ()


def test_commands_have_the_shapes_of_their_kind():
    assert command_shapes(spec('effort')) == {'effort': (3,)}
    assert command_shapes(spec('twist', axes=('x',))) == {'linear_velocity': (3,), 'angular_velocity': (3,)}
    assert command_shapes(spec('discrete')) == {'data': (2,)}
    assert command_shapes(spec('gripper')) == {'position': (1,)}


def test_one_number_may_be_written_as_a_number_and_no_limit_as_infinite():
    assert spec('joint_position', max_velocity=0.5).options.max_velocity == (0.5,)
    assert spec('joint_position', max_velocity=float('inf')).options.max_velocity == ()


@pytest.mark.parametrize(
    'specs, actions, told',
    [
        ([spec('discrete')], 1, r'actions\.it: kind discrete takes a choice; the policy gives 1 continuous numbers'),
        (
            [spec('effort')],
            {'discrete': 3},
            r"kind effort takes continuous numbers; the policy chooses \({'discrete': 3}",
        ),
        ([spec('discrete')], {'discrete': 4}, r'actions\.it\.table has 3 rows of 2; the policy chooses among 4'),
        ([spec('discrete')], {'multi_discrete': [3, 3]}, r'actions\.terms take 1 numbers \(it 1\); the policy gives 2'),
        ([spec('raw')], 3, r'actions\.terms take 2 numbers \(it 2\); the policy gives 3'),
        ([spec('gripper', joints=('thumb',))], 1, r"actions\.it: no joint \['thumb'\]"),
        ([spec('pose_delta', source='arm')], 6, r"needs the field 'orientation' of source 'arm'"),
        ([spec('wrench', scale=(0.0,))], 6, r'actions\.it\.scale has a zero'),
    ],
)
def test_terms_and_policy_have_to_agree(specs, actions, told):
    with pytest.raises(ConfigurationError, match=told):
        manager(measurements(), *specs, actions=actions)


def test_unknown_kind_is_answered_with_the_valid_ones():
    with pytest.raises(ConfigurationError, match=r"unknown kind 'torque' in actions\.it; valid: discrete, effort"):
        action_spec('it', 'torque', 'commands', '')
