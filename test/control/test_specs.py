# SPDX-License-Identifier: Apache-2.0
"""Specifications refuse what cannot be meant, naming the thing and the valid choices."""

import dataclasses

from control.spec_bench import ACTION, control, SOURCE, TERM
import pytest

from rl_policy_node.control.specs import action_spec, SourceSpec, term_spec
from rl_policy_node.errors import ConfigurationError

POSE = {'kind': 'pose_delta', 'joints': ()}


@pytest.mark.parametrize(
    'changes, told',
    [
        ({'kind': 'feild'}, r"unknown kind 'feild' in terms\.q; valid: constant, difference, field, function"),
        ({'source': ''}, r'terms\.q: kind field needs source and field'),
        ({'field': ''}, r'terms\.q: kind field needs source and field'),
        ({'joints': ('hip', 'knee', 'hip')}, r"terms\.q\.joints names a joint twice: \['hip', 'knee', 'hip'\]"),
    ],
)
def test_term_is_refused(changes, told):
    with pytest.raises(ConfigurationError, match=told):
        term_spec(**{**TERM, **changes})


def test_last_action_needs_neither_source_nor_field():
    assert term_spec('actions', kind='last_action').reads == ()


@pytest.mark.parametrize(
    'changes, told',
    [
        ({'kind': 'torque'}, r"unknown kind 'torque' in actions\.legs; valid: discrete, effort, gripper, joint_delta"),
        ({'fallback': 'zero'}, r"unknown fallback 'zero' in actions\.legs \(kind joint_position\); valid: hold, keep"),
        ({'source': ''}, r'actions\.legs: needs a source that measures what it commands'),
        ({'joints': ()}, r'actions\.legs: kind joint_position needs joints'),
        ({'scale': (1.0, 1.0, 1.0)}, r'actions\.legs\.scale has 3 numbers; expected 1 or 2'),
        ({'offset': (0.0,) * 5}, r'actions\.legs\.offset has 5 numbers; expected 1 or 2'),
        ({'lower': (0.0,) * 3}, r'actions\.legs\.lower has 3 numbers; expected 1 or 2'),
        ({'upper': (0.0,) * 3}, r'actions\.legs\.upper has 3 numbers; expected 1 or 2'),
        ({**POSE, 'position_scale': (0.01,) * 2}, r'legs\.position_scale has 2 numbers; expected 1 or 3'),
        ({**POSE, 'rotation_scale': (0.05,) * 4}, r'legs\.rotation_scale has 4 numbers; expected 1 or 3'),
        ({**POSE, 'lower': (0.0,) * 2}, r'legs\.lower has 2 numbers; expected 1 or 3'),
    ],
)
def test_action_is_refused(changes, told):
    with pytest.raises(ConfigurationError, match=told):
        action_spec(**{**ACTION, **changes})


@pytest.mark.parametrize('name', ['scale', 'offset', 'lower', 'upper'])
@pytest.mark.parametrize('count', [1, 2])
def test_numbers_are_one_for_all_or_one_for_each_joint(name, count):
    assert len(getattr(action_spec(**{**ACTION, name: (1.0,) * count}).options, name)) == count


@pytest.mark.parametrize(
    'changes, told',
    [
        ({'trigger': 'clock'}, r"unknown trigger 'clock' in trigger; valid: lockstep, observation, timer"),
        ({'robots': ()}, r'robots is \[\]; expected one or more different namespaces'),
        ({'robots': ('a', 'b', 'a')}, r"robots is \['a', 'b', 'a'\]; expected one or more different namespaces"),
        ({'inputs': {'obs': ('q', 'dq')}}, r"unknown term 'dq' in inputs\.obs; valid: q"),
        ({'sources': {'leg': SOURCE}}, r"unknown source 'arm' in terms\.q; valid: leg"),
        (
            {'actions': (action_spec(**{**ACTION, 'source': 'hand'}),)},
            r"unknown source 'hand' in actions\.legs; valid: arm",
        ),
        ({'inputs': {}}, r'inputs and actions\.terms must each name at least one term'),
        ({'actions': ()}, r'inputs and actions\.terms must each name at least one term'),
    ],
)
def test_control_is_refused(changes, told):
    with pytest.raises(ConfigurationError, match=told):
        control(**changes)


def test_rows_are_the_robots():
    assert control(robots=('left', 'right')).rows == 2


ALL = {'type': 'std_msgs/msg/Float32MultiArray', 'rows': True}
TOGETHER = {
    'rows': 64,
    'sources': {'arm': SourceSpec('arm', 'state', **ALL)},
    'actions': (action_spec(**{**ACTION, **ALL}),),
}


def test_rows_may_share_every_topic():
    spec = control(**TOGETHER)
    assert spec.rows == 64 and dataclasses.replace(spec, shadow=True).rows == 64


@pytest.mark.parametrize(
    'changes, told',
    [
        ({'robots': ('left', 'right')}, r"rows is 64 and robots names \['left', 'right'\]; expected one of the two"),
        ({'robots': ('sim',)}, r"rows is 64 and robots names \['sim'\]"),
        (
            {'sources': {'arm': SOURCE}, 'actions': (action_spec(**ACTION),)},
            r"rows is 64, and sources \['arm'\] have a message for each row; expected rows: true",
        ),
        ({'actions': (action_spec(**ACTION),)}, r"rows is 64, and actions \['legs'\] have a message for each row"),
        (
            {
                'sources': {
                    **TOGETHER['sources'],
                    'hand': SourceSpec('hand', '', 'tf2', target_frame='a', source_frame='b'),
                }
            },
            r'sources\.hand: rows is 64, and type tf2 looks up a frame of each robot',
        ),
        (
            {'actions': (action_spec(**{**ACTION, **ALL, 'joints': ('{robot}_hip', 'knee')}),)},
            r"rows is 64, and joints \['\{robot\}_hip'\] bear the name of their robot",
        ),
    ],
)
def test_what_needs_robots_by_name_is_refused_where_rows_share_every_topic(changes, told):
    with pytest.raises(ConfigurationError, match=told):
        control(**{**TOGETHER, **changes})


def test_joints_of_a_source_are_those_of_its_terms_then_of_its_actions_each_once():
    terms = {
        'q': term_spec(**TERM, joints=('knee', 'ankle')),
        'dq': term_spec('dq', source='arm', field='velocity'),
        'other': term_spec('other', source='leg', field='position', joints=('toe',)),
        'last': term_spec('last', kind='last_action'),
    }
    spec = control(terms=terms, sources={'arm': SOURCE, 'leg': SOURCE})
    assert spec.joints_of('arm') == ('knee', 'ankle', 'hip')
    assert spec.joints_of('leg') == ('toe',)


def test_specifications_do_not_change():
    with pytest.raises(dataclasses.FrozenInstanceError):
        control().trigger = 'observation'
