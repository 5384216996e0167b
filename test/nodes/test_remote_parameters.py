# SPDX-License-Identifier: Apache-2.0
"""What other nodes may set, and that each of them gets an answer."""

from lifecycle_msgs.msg import Transition
from nodes.harness import parameters
import pytest
from rcl_interfaces.msg import Parameter, ParameterValue
from rcl_interfaces.srv import GetParameters, GetParameterTypes, SetParameters, SetParametersAtomically

from rl_policy_node.nodes.parameters import schema
from rl_policy_node.nodes.parameters.remote_parameters import AT_START, AT_START_WITH_COLON

STRING, STRINGS, DOUBLE, DOUBLES = 4, 9, 3, 8


def one(name, kind, **value):
    return Parameter(name=name, value=ParameterValue(type=kind, **value))


def set_each(arm, *changes):
    """Return the results of setting parameters one by one."""
    return arm.call(SetParameters, '/policy_node/set_parameters', SetParameters.Request(parameters=changes)).results


def set_all(arm, *changes):
    """Return the result of setting parameters together."""
    request = SetParametersAtomically.Request(parameters=changes)
    return arm.call(SetParametersAtomically, '/policy_node/set_parameters_atomically', request).result


def value_of(arm, name):
    request = GetParameters.Request(names=[name])
    return arm.call(GetParameters, '/policy_node/get_parameters', request).values[0]


@pytest.mark.parametrize('name', [*AT_START, *AT_START_WITH_COLON])
def test_what_is_barred_exists(name):
    assert name in {each.name for each in schema.PARAMETERS}


def test_code_is_never_named_from_outside_and_every_request_is_answered(arm, run):
    node = arm.start(parameters(run, autostart=False))
    barred = [
        one('policy.plugins', STRINGS, string_array_value=['evil']),
        one('policy.allow_untrusted_pickle', STRING, string_value='policy.pth'),
        one('policy.checkpoint_sha256', 0),
        one('terms.force.function', STRING, string_value='os:system'),
        one('sources.joints.type', STRING, string_value='evil:Adapter'),
        one('actions.arm.type', STRING, string_value='evil:Adapter'),
    ]
    for result in set_each(arm, *barred):
        assert not result.successful and 'only parameter files and overrides at start' in result.reason
    together = set_all(arm, one('blend', DOUBLE, double_value=0.5), barred[0])
    assert not together.successful and 'policy.plugins' in together.reason
    assert value_of(arm, 'blend').double_value == 1.0 and not value_of(arm, 'policy.plugins').string_array_value
    allowed = set_each(
        arm,
        one('control_rate', DOUBLE, double_value=40.0),
        one('sources.joints.type', STRING, string_value='sensor_msgs/msg/JointState'),
    )
    assert [each.successful for each in allowed] == [True, True]
    for answer in (set_each(arm, one('blend', 200))[0], set_all(arm, one('blend', 200))):
        assert not answer.successful and 'blend' in answer.reason and '200' in answer.reason
    for names, types in [(['blend', 'trigger'], [DOUBLE, STRING]), (['nothing'], [0]), ([], [])]:
        request = GetParameterTypes.Request(names=names)
        assert list(arm.call(GetParameterTypes, '/policy_node/get_parameter_types', request).types) == types
    assert arm.transition(Transition.TRANSITION_CONFIGURE) and node.poll() is None


def test_a_set_with_one_bad_value_changes_nothing(arm, run):
    arm.start(parameters(run))
    assert arm.live_until(lambda: len(arm.commands) > 3 and arm.commands[-1] != arm.position, 40)
    good, bad = one('blend', DOUBLE, double_value=0.0), one('actions.arm.scale', DOUBLES, double_array_value=[50.0])
    result = set_all(arm, good, bad)
    assert not result.successful and 'scale_limit' in result.reason
    before = len(arm.commands)
    arm.live(0.5)
    # a blend of 0 would hold the arm
    assert len(arm.commands) > before and arm.commands[-1] != arm.position
    assert value_of(arm, 'blend').double_value == 1.0
    fine = one('actions.arm.scale', DOUBLES, double_array_value=[0.25])
    assert set_all(arm, good, fine).successful
    assert arm.live_until(lambda: arm.commands[-1] == arm.position, 5)


def test_the_scale_of_one_joint_changes_as_the_list_does(arm, run):
    scales = {'wrist': 0.5, 'elbow': 0.5, 'shoulder': 0.5}
    arm.start(
        parameters(run, **{'actions.arm.scale': scales, 'actions.arm.offset': '@home', 'joint_values.home': scales})
    )
    assert arm.live_until(lambda: len(arm.commands) > 3 and arm.commands[-1] != arm.position, 40)
    (far,) = set_each(arm, one('actions.arm.scale.elbow', DOUBLE, double_value=50.0))
    assert not far.successful and 'scale_limit' in far.reason
    (other,) = set_each(arm, one('actions.arm.offset.elbow', DOUBLE, double_value=0.1))
    assert not other.successful and 'take effect at configure' in other.reason
    results = set_each(arm, *(one(f'actions.arm.scale.{joint}', DOUBLE, double_value=1e-6) for joint in scales))
    assert [each.successful for each in results] == [True] * 3
    # without an action the target is the offset
    assert arm.live_until(lambda: max(abs(each - 0.5) for each in arm.commands[-1]) < 1e-5, 10)
