# SPDX-License-Identifier: Apache-2.0
"""What a parameter file may say of a term: refusals in one line that name the term and what is valid."""

from control.harness import manager, sources
import pytest

from rl_policy_node.control.specs import control_spec, SourceSpec, term_spec
from rl_policy_node.control.terms.kinds import KINDS
from rl_policy_node.control.terms.term_spec import TERM_PARAMETERS
from rl_policy_node.errors import ConfigurationError
from rl_policy_node.options import leaves

JOINTS = {'source': 'arm', 'field': 'position'}
PIXELS = {'source': 'camera', 'field': 'image'}
GRAVITY = {'kind': 'projected_gravity', 'source': 'base'}
RELATIVE = {'kind': 'relative_position', 'source': 'goal', 'frame_source': 'hand'}


@pytest.mark.parametrize('name', KINDS)
def test_every_kind_is_described_and_its_options_are_parameters(name):
    kind = KINDS[name]
    assert kind.description
    for option, leaf in leaves(kind.option_class).items():
        parameter = TERM_PARAMETERS[option]
        assert leaf._replace(option=None, path=()) == parameter._replace(option=None, path=()), 'one default, one type'
        assert leaf.option.description == parameter.option.description != ''
        assert (leaf.option.low, leaf.option.high) == (parameter.option.low, parameter.option.high)


@pytest.mark.parametrize(
    'options, told',
    [
        (
            {'kind': 'projected_gravty', 'source': 'base'},
            r"unknown kind 'projected_gravty' in terms\.x; valid: constant, ",
        ),
        ({'kind': 'projected_gravity'}, r'terms\.x: kind projected_gravity needs source'),
        ({'kind': 'phase'}, r'terms\.x: kind phase needs frequency'),
        ({'kind': 'relative_pose', 'source': 'goal'}, r'terms\.x: kind relative_pose needs source and frame_source'),
        (
            {**JOINTS, 'frequency': 1.0},
            r"unknown option 'frequency' in terms\.x \(kind field\); valid: channels, clip, ",
        ),
        ({**GRAVITY, 'grey': True}, r"unknown option 'grey' in terms\.x \(kind projected_gravity\); valid: .*inverse"),
        ({**GRAVITY, 'convention': 'wxyz'}, r"unknown option 'convention' in terms\.x"),
        ({'kind': 'last_action', 'source': 'arm'}, r"unknown option 'source' in terms\.x \(kind last_action\)"),
        ({**JOINTS, 'convention': 'wzyx'}, r"unknown convention 'wzyx' in terms\.x; valid: wxyz, xyzw"),
        ({**PIXELS, 'layout': 'cwh'}, r"unknown layout 'cwh' in terms\.x; valid: chw, hwc"),
        (
            {'kind': 'rotation_6d', 'source': 'base', 'six_d': 'cols'},
            r"unknown six_d 'cols' in terms\.x; valid: columns, ",
        ),
        ({**RELATIVE, 'axes': 'base'}, r"unknown axes 'base' in terms\.x; valid: frame, world"),
        ({**JOINTS, 'joints': ('hip',), 'elements': (0,)}, r'terms\.x: joints and elements are both stated'),
        (
            {**JOINTS, 'clip_range': (1.0, -1.0)},
            r'terms\.x\.clip_range is \[1\.0, -1\.0\]; expected \[least, greatest\]',
        ),
        ({**JOINTS, 'clip_range': (-1.0, 1.0), 'clip': 2.0}, r'terms\.x: clip and clip_range are both stated'),
        ({**PIXELS, 'difference_to_tare': True, 'tare_frames': 0}, r'terms\.x\.tare_frames is 0; expected 1 or more'),
        ({'kind': 'function', 'function': 'a:b', 'fields': ('base',)}, r"terms\.x\.fields names \['base'\]; expected"),
    ],
)
def test_what_cannot_be_meant_is_refused(options, told):
    with pytest.raises(ConfigurationError, match=told):
        term_spec('x', **options)


@pytest.mark.parametrize(
    'options, told',
    [
        ({**JOINTS, 'joints': ('hip', 'toe')}, r"terms\.x: no joint \['toe'\]; there are \['hip', 'knee', 'ankle'\]"),
        ({**JOINTS, 'elements': (3,)}, r'terms\.x\.elements names \[3\]; arm\.position has the numbers 0 to 2'),
        (
            {'kind': 'last_action', 'elements': (2,)},
            r'terms\.x\.elements names \[2\]; the action has the numbers 0 to 1',
        ),
        ({**JOINTS, 'unique_sign': True}, r'terms\.x: convention and unique_sign are for quaternions.*shape \(3,\)'),
        ({**JOINTS, 'grey': True}, r'terms\.x\.grey is for images \(height, width, channels\).*has the shape \(3,\)'),
        ({**PIXELS, 'crop': (2, 0, 3, 6)}, r'terms\.x\.crop reaches to row 5, column 6 of an image of 4 × 6'),
        ({**PIXELS, 'crop': (0, 0, 4)}, r'terms\.x\.crop has 3 numbers; expected 4: top, left, height, width'),
        ({**PIXELS, 'resize': (0, 3)}, r'terms\.x\.resize is \[0, 3\]; expected height, width from 1'),
        ({**PIXELS, 'depth_clip': (2.0, 1.0)}, r'terms\.x\.depth_clip is \[2\.0, 1\.0\]; expected near below far'),
        ({**PIXELS, 'channels': (0, 3)}, r'terms\.x\.channels names \[3\]; the image has the channels 0 to 2'),
        ({**PIXELS, 'zero_channels': (5,)}, r'terms\.x\.zero_channels names \[5\]; the image has the channels 0 to 2'),
        (
            {'source': 'depth', 'field': 'image', 'grey': True},
            r'terms\.x\.grey needs the channels red, green, blue; .* 1',
        ),
        ({**GRAVITY, 'field': 'linear'}, r'terms\.x: base\.linear has 3 numbers \(shape \(3,\)\); expected 4'),
        ({**GRAVITY, 'source': 'arm'}, r"terms\.x: source 'arm' has no field 'orientation'; it has \['position', "),
        (
            {'kind': 'rotate', 'source': 'touch', 'field': 'data', 'elements': (0, 1)},
            r'terms\.x: touch\.data has 2 numbers \(shape \(2,\)\); expected a multiple of 3',
        ),
        (
            {'kind': 'rotate', 'source': 'arm', 'field': 'position'},
            r"terms\.x: source 'arm' has no field 'orientation'",
        ),
        (
            {**RELATIVE, 'field': 'orientation'},
            r'terms\.x: goal\.orientation has 4 numbers .*; expected a multiple of 3',
        ),
        (
            {'kind': 'relative_pose', 'source': 'touch', 'field': 'data', 'frame_source': 'hand'},
            r"terms\.x: source 'touch' has no field 'orientation'; it has \['data'\]",
        ),
        (
            {
                'kind': 'difference',
                'source': 'base',
                'field': 'orientation',
                'minus_source': 'arm',
                'minus_field': 'position',
            },
            r'terms\.x: base\.orientation has the shape \(4,\), arm\.position the shape \(3,\)',
        ),
        ({'kind': 'constant', 'values': (1.0, 2.0), 'scale': (1.0,) * 3}, r'terms\.x\.scale has 3 numbers; expected'),
    ],
)
def test_what_does_not_fit_its_sources_is_refused_by_name(options, told):
    with pytest.raises(ConfigurationError, match=told) as refused:
        manager(sources(), (3,), term_spec('x', **options))
    assert '\n' not in str(refused.value)


def control(*terms, inputs):
    from control.manager_bench import joints

    return control_spec(
        ('',),
        50.0,
        'timer',
        1.0,
        {'arm': SourceSpec('arm', 'arm', '')},
        {term.name: term for term in terms},
        inputs,
        (joints(),),
    )


def test_a_term_stands_once_in_an_input():
    with pytest.raises(ConfigurationError, match=r"inputs\.obs names a term twice: \['q', 'q'\]"):
        control(term_spec('q', **JOINTS), inputs={'obs': ('q', 'q')})


def test_every_source_that_a_term_reads_must_be_there():
    with pytest.raises(ConfigurationError, match=r"unknown source 'hand' in terms\.x; valid: arm"):
        control(term_spec('x', kind='relative_position', source='arm', frame_source='hand'), inputs={'obs': ('x',)})


def test_joints_of_a_source_are_those_of_all_that_read_it():
    terms = (
        term_spec('q', **JOINTS, joints=('knee',)),
        term_spec(
            'x',
            kind='difference',
            source='arm',
            field='position',
            minus_source='arm',
            minus_field='velocity',
            joints=('hip',),
        ),
    )
    assert control(*terms, inputs={'obs': ('q',)}).joints_of('arm')[:2] == ('knee', 'hip')


@pytest.mark.parametrize(
    'options, trained, sent',
    [
        ({}, (4, 6, 3), (4, 6, 3)),
        ({'history': 3}, (12,), (4,)),
        ({'history': 3}, (3, 4, 6), (4, 6)),
        ({'resize': (2, 2)}, (2, 2, 3), None),
        ({'grey': True}, (4, 6, 1), None),
        ({'elements': (0,)}, (1,), None),
    ],
)
def test_the_shape_of_a_message_follows_from_the_training_where_nothing_changes_it(options, trained, sent):
    assert term_spec('x', **PIXELS, **options).sent_shape(trained) == sent
