# SPDX-License-Identifier: Apache-2.0
"""Kinds of the policy's past, of time, of numbers, and of a user's own function."""

from control.harness import ACTIONS, context, manager, of_kind, ROWS, sources, value
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from rl_policy_node.control.specs import term_spec
from rl_policy_node.errors import ConfigurationError

masks = st.lists(st.booleans(), min_size=ROWS, max_size=ROWS).map(np.array)
SPEED = {'function': 'control.observations:speed', 'fields': ('base.linear',)}


def test_last_action_may_be_that_of_one_action_term():
    last = np.arange(ROWS * 2, dtype=np.float32).reshape(ROWS, 2)
    np.testing.assert_array_equal(
        value(sources(), (1,), of_kind('last_action', elements=(1,)), last_action=last), last[:, 1:]
    )


@given(st.lists(st.tuples(masks, masks), min_size=1, max_size=15), st.sampled_from([(), (1,)]))
def test_filtered_last_action_is_that_of_the_environment_whatever_rows_reset_and_rest(steps, elements):
    """Factory's own law, a = m · action + (1 − m) · a, in single precision; a row that rests repeats itself."""
    share, given_, random = 0.2, sources(), np.random.default_rng(3)
    columns = list(elements) or slice(None)
    size = len(elements) or ACTIONS
    observations = manager(given_, (size,), of_kind('last_action', elements=elements, smoothing=share))
    last = np.zeros((ROWS, ACTIONS), np.float32)
    wanted = np.zeros((ROWS, size), np.float32)
    for resets, acts in steps:
        observations.reset(resets)
        last[resets], wanted[resets] = 0.0, 0.0
        wanted[acts] = np.float32(share) * last[acts][:, columns] + np.float32(1 - share) * wanted[acts]
        seen = observations.compute(given_, context(last_action=last, acting=acts))['obs']
        np.testing.assert_array_equal(seen, wanted)
        last[acts] = random.normal(size=(ROWS, ACTIONS))[acts]


def test_filtered_last_action_goes_on_from_a_saved_state():
    term = of_kind('last_action', smoothing=0.3)
    first, again = (manager(sources(), (ACTIONS,), term) for _ in range(2))
    given_, ones = sources(), np.ones((ROWS, ACTIONS), np.float32)
    first.compute(given_, context(last_action=ones))
    again.restore(first.state())
    np.testing.assert_array_equal(
        again.compute(given_, context(last_action=-ones))['obs'],
        first.compute(given_, context(last_action=-ones))['obs'],
    )
    assert first.state()['obs']['x']['memory']['result'][0, 0] == pytest.approx(0.3 * -1 + 0.7 * 0.3)


def test_difference_is_of_the_same_joints_in_the_same_order():
    given_ = sources()
    seen = value(
        given_,
        (2,),
        of_kind(
            'difference',
            source='wanted',
            field='position',
            minus_source='arm',
            minus_field='position',
            joints=('ankle', 'hip'),
            scale=(2.0,),
        ),
    )
    wanted, arm = given_['wanted'].values['position'], given_['arm'].values['position']
    np.testing.assert_allclose(seen, 2 * (wanted - arm)[:, [2, 0]], rtol=1e-6)


def test_phase_is_sine_and_cosine_of_the_time_since_the_reset():
    elapsed = np.array([0.0, 0.1, 7.3])
    seen = value(sources(), (2,), of_kind('phase', frequency=1.5), elapsed=elapsed)
    np.testing.assert_allclose(
        seen, np.stack([np.sin(3 * np.pi * elapsed), np.cos(3 * np.pi * elapsed)], axis=1), rtol=1e-5, atol=1e-6
    )


def test_constant_is_the_same_for_every_row():
    seen = value(sources(), (2,), of_kind('constant', values=(0.3, -1.0), scale=(2.0,)))
    np.testing.assert_array_equal(seen, np.float32([[0.6, -2.0]] * ROWS))


def test_a_function_of_the_users_sees_its_fields():
    given_ = sources()
    seen = value(given_, (1,), of_kind('function', **SPEED, clip=1.0))
    np.testing.assert_allclose(
        seen[:, 0], np.minimum(np.linalg.norm(given_['base'].values['linear'], axis=1), 1.0), rtol=1e-6
    )


def test_a_function_sees_joints_by_name_and_the_context():
    given_ = sources()
    term = of_kind(
        'function',
        function='control.observations:error',
        source='arm',
        field='position',
        joints=('ankle', 'knee', 'hip'),
        fields=('wanted.position',),
    )
    seen = value(given_, (4,), term, elapsed=np.array([1.0, 2.0, 3.0]))
    wanted, arm = given_['wanted'].values['position'], given_['arm'].values['position']
    np.testing.assert_allclose(seen[:, :3], wanted - arm[:, ::-1], rtol=1e-5)
    np.testing.assert_array_equal(seen[:, 3], [1, 2, 3])


@pytest.mark.parametrize(
    'options, told',
    [
        ({'function': 'control.observations'}, r"terms\.x\.function is '.*'; expected package\.module:function"),
        (
            {'function': 'no_such_module:f'},
            r"terms\.x\.function 'no_such_module:f': ModuleNotFoundError: No module named",
        ),
        (
            {'function': 'control.observations:sped'},
            r"terms\.x\.function '.*:sped': AttributeError: .* attribute 'sped'",
        ),
        ({'function': 'control.observations:nothing'}, r"terms\.x\.function '.*:nothing' is None; expected a function"),
        ({'function': 'control.observations:fails'}, r"terms\.x: function '.*:fails' raised KeyError: 'no such thing'"),
        (
            {'function': 'control.observations:flat'},
            r"terms\.x: function '.*:flat' returned float64 of the shape \(\); expected numbers of the shape \(3, …\)",
        ),
        ({'shape': (2,)}, r'returned float64 of the shape \(3, 1\); expected numbers of the shape \(3, 2\)'),
        ({'fields': ('base.speed',)}, r"terms\.x: source 'base' has no field 'speed'; it has \['angular', 'linear', "),
    ],
)
def test_a_function_that_does_not_do_is_refused_at_configuration(options, told):
    with pytest.raises(ConfigurationError, match=told) as refused:
        manager(sources(), (1,), of_kind('function', **{**SPEED, **options}))
    assert '\n' not in str(refused.value)


def test_a_function_that_changes_its_shape_later_is_told():
    given_ = sources()
    observations = manager(given_, (2,), of_kind('function', **{**SPEED, 'function': 'control.observations:shrinks'}))
    with pytest.raises(ConfigurationError, match=r'of the shape \(3, 1\); expected numbers of the shape \(3, 2\)'):
        observations.compute(given_, context())


def test_what_a_simulator_cannot_feed_is_told_by_term():
    given_ = sources()
    observations = manager(
        given_,
        (11,),
        of_kind('projected_gravity', source='base'),
        term_spec('v', source='base', field='linear'),
        term_spec('t', kind='rotate', source='base', field='linear'),
        term_spec('u', 'last_action'),
    )
    assert observations.fields() == {('base', 'linear')}
    assert {key: term.name for key, term in observations.unfed().items()} == {('base', 'orientation'): 't'}
    before = given_['base'].values['orientation'].copy()
    observations.scatter({'obs': np.ones((ROWS, 11), np.float32)}, given_)
    assert (given_['base'].values['linear'] == 1).all()
    np.testing.assert_array_equal(given_['base'].values['orientation'], before)
