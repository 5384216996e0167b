# SPDX-License-Identifier: Apache-2.0
"""From sources to the network's inputs and back: order, arithmetic, shapes, and refusals by name."""

import dataclasses

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from rl_policy_node.control.context import Context
from rl_policy_node.control.control_options import ClipOptions
from rl_policy_node.control.observation_manager import ObservationManager
from rl_policy_node.control.source_buffer import SourceBuffer
from rl_policy_node.control.specs import action_spec, control_spec, SourceSpec, term_spec
from rl_policy_node.errors import ConfigurationError

ROWS, ACTIONS = 3, 2
FIRST = Context.at_reset(ROWS, ACTIONS)
JOINTS = ('hip', 'knee', 'ankle')
IMAGE = (2, 3, 1)
FIELDS = {
    'arm': {'position': ((3,), np.float64), 'velocity': ((3,), np.float64)},
    'camera': {'image': (IMAGE, np.uint8)},
    'touch': {'data': ((12,), np.float32)},
}


@pytest.fixture
def sources():
    """Return three sources with other values in every row."""
    random = np.random.default_rng(0)
    buffers = {name: SourceBuffer(SourceSpec(name, name, ''), fields, ROWS) for name, fields in FIELDS.items()}
    for buffer in buffers.values():
        for value in buffer.values.values():
            value[:] = random.uniform(0, 200, value.shape)
    return buffers


def position(name='q', **options):
    return term_spec(name, source='arm', field='position', **options)


def velocity(name='dq', **options):
    return term_spec(name, source='arm', field='velocity', **options)


def manager(sources, inputs, shapes, *terms, **options):
    """Return the manager of `inputs` (name → names of `terms`) for the trained `shapes`."""
    action = action_spec('legs', 'joint_position', 'commands', '', source='arm', joints=JOINTS)
    spec = control_spec(
        ('a', 'b', 'c'),
        50.0,
        'timer',
        1.0,
        {name: b.spec for name, b in sources.items()},
        {term.name: term for term in terms},
        inputs,
        (action,),
        **options,
    )
    return ObservationManager(spec, shapes, sources, {'arm': JOINTS}, ACTIONS)


def compute(sources, *terms, shape, last_action=None, **options):
    """Return the one input `obs` of terms in this order."""
    inputs = {'obs': tuple(term.name for term in terms)}
    context = FIRST if last_action is None else dataclasses.replace(FIRST, last_action=last_action)
    return manager(sources, inputs, {'obs': shape}, *terms, **options).compute(sources, context)['obs']


def test_terms_are_concatenated_in_the_order_of_the_input(sources):
    arm = sources['arm'].values
    q, dq = arm['position'].astype(np.float32), arm['velocity'].astype(np.float32)
    np.testing.assert_array_equal(compute(sources, position(), velocity(), shape=(6,)), np.hstack([q, dq]))
    np.testing.assert_array_equal(compute(sources, velocity(), position(), shape=(6,)), np.hstack([dq, q]))


def test_joints_are_picked_by_name_in_the_order_of_the_term(sources):
    picked = compute(sources, position(joints=('ankle', 'hip')), shape=(2,))
    np.testing.assert_array_equal(picked, sources['arm'].values['position'][:, [2, 0]].astype(np.float32))


def test_offset_comes_before_clip_and_clip_before_scale(sources):
    sources['arm'].values['position'][:] = [0.0, 2.0, 9.0]
    value = compute(sources, position(offset=(1.0, 1.5, 1.0), clip=2.0, scale=(10.0, 10.0, 100.0)), shape=(3,))
    np.testing.assert_array_equal(value, [[-10.0, 5.0, 200.0]] * ROWS)


def test_one_number_is_for_all_axes(sources):
    value = compute(sources, position(offset=(1.0,), scale=(0.5,)), shape=(3,))
    np.testing.assert_allclose(value, (sources['arm'].values['position'] - 1.0) * 0.5, rtol=1e-6)


def test_input_with_a_clip_of_its_own_is_not_clipped_by_the_common_one(sources):
    made = manager(
        sources,
        {'q': ('q',), 'dq': ('dq',)},
        {'q': (3,), 'dq': (3,)},
        position(),
        velocity(),
        clips=ClipOptions(clip_observations=5.0, clip_inputs={'dq': 12.0}),
    )
    inputs = made.compute(sources, FIRST)
    assert (inputs['q'].max(), inputs['dq'].max()) == (5.0, 12.0)
    with pytest.raises(ConfigurationError, match=r"unknown input 'dqq' in policy\.clip_inputs; valid: dq, q"):
        manager(
            sources,
            {'q': ('q',), 'dq': ('dq',)},
            {'q': (3,), 'dq': (3,)},
            position(),
            velocity(),
            clips=ClipOptions(clip_inputs={'dqq': 12.0}),
        )


def test_observations_are_clipped_last_as_the_environment_did(sources):
    sources['arm'].values['position'][:] = [-3.0, 0.25, 3.0]
    value = compute(sources, position(scale=(2.0,)), shape=(3,), clips=ClipOptions(clip_observations=5.0))
    np.testing.assert_array_equal(value, [[-5.0, 0.5, 5.0]] * ROWS)


def test_last_action_stands_where_the_input_names_it(sources):
    last = np.arange(ROWS * ACTIONS, dtype=np.float32).reshape(ROWS, ACTIONS)
    value = compute(sources, term_spec('u', kind='last_action', scale=(2.0,)), position(), shape=(5,), last_action=last)
    np.testing.assert_array_equal(value[:, :ACTIONS], 2 * last)
    np.testing.assert_array_equal(value[:, ACTIONS:], sources['arm'].values['position'].astype(np.float32))


def test_inputs_are_float32_in_the_trained_shapes(sources):
    shapes = {'camera': IMAGE, 'force': (2, 2, 3), 'flat': (6,)}
    terms = (
        term_spec('rgb', source='camera', field='image', scale=(1 / 255,)),
        term_spec('grid', source='touch', field='data', shape=(2, 2, 3)),
        position(),
        velocity(),
    )
    values = manager(sources, {'camera': ('rgb',), 'force': ('grid',), 'flat': ('q', 'dq')}, shapes, *terms).compute(
        sources, FIRST
    )
    assert {name: (value.shape[1:], value.dtype) for name, value in values.items()} == {
        name: (shape, np.float32) for name, shape in shapes.items()
    }
    np.testing.assert_array_equal(values['camera'], sources['camera'].values['image'] * np.float32(1 / 255))
    np.testing.assert_array_equal(values['force'], sources['touch'].values['data'].reshape(ROWS, 2, 2, 3))


def test_sources_are_only_read(sources):
    before = {name: {field: value.copy() for field, value in source.values.items()} for name, source in sources.items()}
    value = compute(
        sources,
        position(offset=(1.0,), clip=0.5, scale=(3.0,)),
        term_spec('grid', source='touch', field='data', offset=(1.0,)),
        shape=(15,),
        clips=ClipOptions(clip_observations=0.1),
    )
    value[:] = -7.0
    for name, fields in before.items():
        for field, then in fields.items():
            np.testing.assert_array_equal(sources[name].values[field], then)


def test_row_depends_on_its_own_sources_only(sources):
    terms = position(offset=(0.1,)), velocity(scale=(0.05,))
    before = compute(sources, *terms, shape=(6,))
    sources['arm'].values['position'][1] += 1.0
    after = compute(sources, *terms, shape=(6,))
    np.testing.assert_array_equal(after[[0, 2]], before[[0, 2]])
    assert not np.array_equal(after[1], before[1])


@given(
    st.lists(st.floats(-100, 100, width=32), min_size=ROWS * 6, max_size=ROWS * 6),
    st.sampled_from([1.0, 0.25, 2.0, 0.05]),
    st.sampled_from([(), (0.5,), (0.1, -0.2, 0.3)]),
)
def test_scattered_observations_are_computed_again(values, scale, offset):
    buffers = {name: SourceBuffer(SourceSpec(name, name, ''), fields, ROWS) for name, fields in FIELDS.items()}
    terms = position(joints=('knee', 'ankle', 'hip'), scale=(scale,), offset=offset), velocity()
    two_way = manager(buffers, {'obs': ('q', 'dq')}, {'obs': (6,)}, *terms)
    wanted = np.array(values, np.float32).reshape(ROWS, 6)
    two_way.scatter({'obs': wanted}, buffers)
    np.testing.assert_allclose(two_way.compute(buffers, FIRST)['obs'], wanted, rtol=1e-6, atol=1e-6)
    # without arithmetic on the way not a bit is lost
    np.testing.assert_array_equal(two_way.compute(buffers, FIRST)['obs'][:, 3:], wanted[:, 3:])


def test_scatter_of_an_image_and_of_actions_touches_only_the_image(sources):
    terms = term_spec('rgb', source='camera', field='image'), term_spec('u', kind='last_action')
    two_way = manager(sources, {'rgb': ('rgb',), 'u': ('u',)}, {'rgb': IMAGE, 'u': (ACTIONS,)}, *terms)
    image, arm = np.full((ROWS, *IMAGE), 200, np.float32), sources['arm'].values['position'].copy()
    two_way.scatter({'rgb': image, 'u': np.ones((ROWS, ACTIONS), np.float32)}, sources)
    np.testing.assert_array_equal(sources['camera'].values['image'], image)
    np.testing.assert_array_equal(sources['arm'].values['position'], arm)


def test_fields_are_those_that_terms_read(sources):
    two_way = manager(
        sources, {'obs': ('q', 'u')}, {'obs': (5,)}, position(), velocity(), term_spec('u', kind='last_action')
    )
    assert two_way.fields() == {('arm', 'position')}


@pytest.mark.parametrize(
    'shapes, terms, told',
    [
        ({'state': (3,)}, [position()], r"inputs are \['obs'\]; the policy was trained with \['state'\]"),
        (
            {'obs': (4,)},
            [position()],
            r"input 'obs': its terms have 3 numbers \(q 3\).*trained with 4 \(shape \(4,\)\)",
        ),
        ({'obs': (5,)}, [position(), velocity()], r"input 'obs': .* 6 numbers \(q 3, dq 3\).*trained with 5"),
        (
            {'obs': (3, 2, 1)},
            [term_spec('rgb', source='camera', field='image')],
            r"input 'obs': its term has the shape \(2, 3, 1\); the policy was trained with \(3, 2, 1\)",
        ),
        (
            {'obs': (3,)},
            [term_spec('q', source='arm', field='effort')],
            r"terms\.q: source 'arm' has no field 'effort'; it has \['position', 'velocity'\]",
        ),
        (
            {'obs': (1,)},
            [position(joints=('hand',))],
            r"terms\.q: no joint \['hand'\]; there are \['hip', 'knee', 'ankle'\]",
        ),
        ({'obs': (3,)}, [position(offset=(1.0, 2.0))], r'terms\.q\.offset has 2 numbers; expected 1 or 3'),
        ({'obs': (3,)}, [position(scale=(1.0,) * 4)], r'terms\.q\.scale has 4 numbers; expected 1 or 3'),
        (
            {'obs': (2,)},
            [term_spec('u', kind='last_action', scale=(1.0,) * 3)],
            r'terms\.u\.scale has 3 .* expected 1 or 2',
        ),
        (
            {'obs': (12,)},
            [term_spec('grid', source='touch', field='data', shape=(2, 2, 2))],
            r'terms\.grid\.shape is \(2, 2, 2\); the field touch\.data has the shape \(12,\)',
        ),
    ],
)
def test_what_does_not_fit_the_training_is_refused_by_name(sources, shapes, terms, told):
    with pytest.raises(ConfigurationError, match=told):
        manager(sources, {'obs': tuple(term.name for term in terms)}, shapes, *terms)
