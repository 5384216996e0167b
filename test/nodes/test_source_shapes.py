# SPDX-License-Identifier: Apache-2.0
"""How large the fields of a source are: as their message, their joints, or the terms that read them say."""

import pytest

from rl_policy_node.control.specs import action_spec, control_spec, SourceSpec, term_spec
from rl_policy_node.errors import ConfigurationError
from rl_policy_node.nodes.topics.source import Source

SOURCES = {
    'arm': SourceSpec('arm', 'arm', 'sensor_msgs/msg/JointState'),
    'skin': SourceSpec('skin', 'skin', 'std_msgs/msg/Float32MultiArray'),
    'hand': SourceSpec('hand', 'hand', 'geometry_msgs/msg/PoseStamped'),
}
LEGS = action_spec(
    'legs', 'joint_position', 'commands', 'std_msgs/msg/Float64MultiArray', source='arm', joints=('hip',)
)


def shapes(source, *terms, trained=None, inputs=None):
    """Return field → shape of a source, for terms each alone in an input of its name."""
    inputs = {term.name: (term.name,) for term in terms} if inputs is None else inputs
    control = control_spec(('',), 50.0, 'timer', 1.0, SOURCES, {term.name: term for term in terms}, inputs, (LEGS,))
    buffer = Source(SOURCES[source], control, trained or {}).buffer
    return {field: value.shape[1:] for field, value in buffer.values.items()}


def skin(name='x', **options):
    return term_spec(name, source='skin', field='data', **options)


def test_computed_terms_bring_the_fields_they_need():
    terms = (term_spec('x', kind='relative_pose', source='hand', frame_source='hand'),)
    assert shapes('hand', *terms) == {'position': (3,), 'orientation': (4,)}


def test_an_array_has_the_size_that_a_kind_needs():
    assert shapes('skin', term_spec('x', kind='projected_gravity', source='skin', field='data')) == {'data': (4,)}


def test_an_array_has_the_trained_shape_of_the_term_that_is_alone():
    assert shapes('skin', skin(), trained={'x': (4, 4, 3)}) == {'data': (4, 4, 3)}
    assert shapes('skin', skin(history=5), trained={'x': (60,)}) == {'data': (12,)}


def test_one_term_may_state_the_shape_for_another():
    assert shapes('skin', skin('x', elements=(0, 1)), skin('all', shape=(4, 4, 3)), inputs={'x': ('x',)}) == {
        'data': (4, 4, 3)
    }


@pytest.mark.parametrize(
    'terms, told',
    [
        ([skin(elements=(0,))], r"source 'skin': the size of 'data' is not known; state the joints or the shape of"),
        (
            [skin(shape=(12,)), skin('y', shape=(13,))],
            r"terms state the shapes \(12,\) and \(13,\) of its field 'data'",
        ),
        (
            [term_spec('x', kind='projected_gravity', source='skin')],
            r"unknown field 'orientation' in source 'skin' .*data",
        ),
    ],
)
def test_sizes_that_are_not_known_or_differ_are_refused(terms, told):
    with pytest.raises(ConfigurationError, match=told):
        shapes('skin', *terms, trained={'x': (1,)})
