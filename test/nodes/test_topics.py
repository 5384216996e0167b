# SPDX-License-Identifier: Apache-2.0
"""No command shares its topic, whatever names say: not with another command, not with what is read."""

from pathlib import Path

from lifecycle_msgs.msg import Transition
from nodes.harness import JOINTS, parameters
from nodes.stepper_bench import flat
import pytest
from rcl_interfaces.msg import Parameter, ParameterValue
from rcl_interfaces.srv import SetParameters

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.nodes.parameters.parsing import configuration
from rl_policy_node.nodes.topics.naming import refuse_shared

HAND = {
    'actions.terms': ['arm', 'hand'],
    'actions.hand': {
        'kind': 'gripper',
        'joints': ['finger'],
        'source': 'joints',
        'open': [0.04],
        'closed': [0.0],
        'limits': 'none',
        'topic': '/ns/commands',
        'type': 'std_msgs/msg/Float64MultiArray',
    },
}


def resolve(topic, remaps=(('/ns/remapped', '/ns/commands'),)):
    """Return a topic as a node in the namespace /ns resolves it, with remaps."""
    full = f'/ns/policy_node{topic[1:]}' if topic[0] == '~' else topic if topic[0] == '/' else f'/ns/{topic}'
    return dict(remaps).get(full, full)


def shared(run, inputs=None, **changes):
    refuse_shared(configuration(flat(parameters(run, **changes))).control, resolve, inputs or {})


@pytest.mark.parametrize(
    'words, changes',
    [
        (["robots 'left' and '/ns/left' are one", 'both have /ns/left'], {'robots': ['left', '/ns/left']}),
        (['actions.arm and actions.hand both command /ns/commands'], HAND),
        (['actions.arm and actions.hand both command /ns/commands'], HAND | {'actions.hand.topic': 'remapped'}),
        (
            ["actions.arm of robot 'left' and actions.arm of robot 'right' both command /commands"],
            {'robots': ['left', 'right'], 'actions.arm.topic': '/commands'},
        ),
        (['sources.wrench reads /ns/commands, and actions.arm commands it'], {'sources.wrench.topic': 'remapped'}),
        (
            ["sources.joints of robot 'left' reads /ns/left/joint_states, and actions.arm of robot 'left' commands it"],
            {'robots': ['left', 'right'], 'actions.arm.topic': 'joint_states'},
        ),
        (
            ["sources.joints of robot 'left' reads /ns/right/commands, and actions.arm of robot 'right' commands it"],
            {'robots': ['left', 'right'], 'sources.joints.topic': '/ns/right/commands'},
        ),
    ],
)
def test_a_topic_that_two_would_use_is_refused_naming_both(run, words, changes):
    with pytest.raises(ConfigurationError) as caught:
        shared(run, **changes)
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_what_goes_to_a_shadow_must_not_meet_there(run):
    names = {**HAND, 'actions.hand.topic': '/commands', 'shadow': True}
    with pytest.raises(ConfigurationError, match='both command /ns/policy_node/shadow/commands'):
        shared(run, **names)
    shared(run, **{**names, 'shadow': False})


def test_an_input_beside_the_sources_is_named_too(run):
    with pytest.raises(ConfigurationError, match='enable.topic reads /ns/commands, and actions.arm commands it'):
        shared(run, {'enable.topic': 'commands'})


@pytest.mark.parametrize(
    'changes',
    [
        {
            'sources.again': {'topic': 'joint_states', 'type': 'sensor_msgs/msg/JointState'},
            'terms.velocity': {'source': 'again', 'field': 'velocity', 'joints': JOINTS},
        },
        {'robots': ['left', 'right'], 'sources.wrench.topic': '/wrench'},
        {'robots': ['', 'right']},
        {'robots': ['left', '/left']},
    ],
)
def test_what_is_read_may_be_shared(run, changes):
    shared(run, **changes)


ARM = parameters(Path())['actions']['arm']
SPLIT = {
    'actions.terms': ['arm', 'hand'],
    'actions.arm': {**ARM, 'joints': JOINTS[:2], 'offset': [0.1, 0.2]},
    'actions.hand': {**ARM, 'joints': JOINTS[2:], 'offset': [0.3], 'topic': '/commands'},
}


def test_a_live_node_refuses_shared_topics_until_each_has_its_own(arm, run):
    node = arm.start(parameters(run, autostart=False, **SPLIT))

    def configured(**values):
        kinds = {str: (4, 'string_value'), list: (9, 'string_array_value')}
        changes = [
            Parameter(name=name, value=ParameterValue(**{'type': kinds[type(value)][0], kinds[type(value)][1]: value}))
            for name, value in values.items()
        ]
        request = SetParameters.Request(parameters=changes)
        assert all(each.successful for each in arm.call(SetParameters, '/policy_node/set_parameters', request).results)
        return arm.transition(Transition.TRANSITION_CONFIGURE)

    for values, told in [
        ({}, 'actions.arm and actions.hand both command /commands'),
        (
            {'actions.hand.topic': 'hand', 'sources.wrench.topic': '/commands'},
            'sources.wrench reads /commands, and actions.arm commands it',
        ),
        ({'sources.wrench.topic': 'wrench', 'robots': ['left', '/left']}, "robots 'left' and '/left' are one"),
    ]:
        assert not configured(**values) and arm.says(node, told, 5), node.tail()
        assert not arm.transition(Transition.TRANSITION_ACTIVATE) and arm.state() == 'unconfigured'
    assert not arm.commands
    assert configured(robots=[''])
    assert arm.live_until(lambda: arm.transition(Transition.TRANSITION_ACTIVATE), 10), 'once the first messages came'
    assert arm.live_until(lambda: any(command != arm.position[:2] for command in arm.commands), 10), 'it acts'
