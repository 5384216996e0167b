# SPDX-License-Identifier: Apache-2.0
"""Histories: oldest first, filled by the first sample, rows apart."""

from control.harness import ALL, context, manager, ROWS, sources
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from rl_policy_node.control.history import History
from rl_policy_node.control.specs import term_spec
from rl_policy_node.errors import ConfigurationError


class Slow:
    """Keeps every sample of a row in a list: what a history must agree with."""

    def __init__(self, length, stride):
        self.length, self.stride, self.rows = length, stride, [[] for _ in range(ROWS)]

    def push(self, sample, rows):
        for row in np.nonzero(rows)[0]:
            self.rows[row].append(sample[row].copy())

    def samples(self, row):
        seen = self.rows[row]
        return [seen[max(len(seen) - 1 - age * self.stride, 0)] for age in reversed(range(self.length))]


masks = st.lists(st.booleans(), min_size=ROWS, max_size=ROWS).map(np.array)


@given(st.integers(2, 4), st.integers(1, 3), st.lists(st.tuples(masks, masks), min_size=1, max_size=15))
def test_rows_that_reset_and_rest_at_any_time_see_their_own_last_samples(length, stride, steps):
    history, slow = History(ROWS, length, stride, (2,)), Slow(length, stride)
    for step, (resets, acts) in enumerate(steps):
        history.reset(resets)
        for row in np.nonzero(resets)[0]:
            slow.rows[row] = []
        sample = np.arange(ROWS * 2, dtype=np.float32).reshape(ROWS, 2) + 100 * step
        history.push(sample, acts)
        slow.push(sample, acts)
        for row in range(ROWS):
            if slow.rows[row]:
                np.testing.assert_array_equal(history.samples[row], slow.samples(row))


def test_the_first_sample_after_a_reset_fills_all_slots():
    history = History(ROWS, 3, 1, (1,))
    history.push(np.full((ROWS, 1), 7.0, np.float32), ALL)
    np.testing.assert_array_equal(history.samples, np.full((ROWS, 3, 1), 7.0))
    history.push(np.full((ROWS, 1), 8.0, np.float32), ALL)
    np.testing.assert_array_equal(history.samples[0, :, 0], [7, 7, 8])


def joint_history(**options):
    return term_spec('q', source='arm', field='position', scale=(2.0,), **options)


def step(observations, given_, number, acting=ALL):
    given_['arm'].values['position'][:] = [[number, 10 * number, row] for row in range(ROWS)]
    return observations.compute(given_, context(acting=acting))['obs'].copy()


def test_a_term_shows_all_its_samples_oldest_first_before_the_next_term():
    given_ = sources()
    observations = manager(given_, (12,), joint_history(history=3), term_spec('dq', source='arm', field='velocity'))
    for number in (1, 2, 3):
        seen = step(observations, given_, number)
    np.testing.assert_array_equal(seen[1, :9], [2, 20, 2, 4, 40, 2, 6, 60, 2])
    np.testing.assert_array_equal(seen[:, 9:], given_['arm'].values['velocity'].astype(np.float32))


def test_stride_skips_steps():
    given_ = sources()
    observations = manager(given_, (9,), joint_history(history=3, history_stride=2))
    for number in range(1, 7):
        seen = step(observations, given_, number)
    np.testing.assert_array_equal(seen[0, ::3], [4, 8, 12])


def test_reset_forgets_its_row_and_held_rows_do_not_advance():
    given_ = sources()
    observations = manager(given_, (9,), joint_history(history=3))
    for number in (1, 2, 3):
        step(observations, given_, number)
    observations.reset(np.array([True, False, False]))
    seen = step(observations, given_, 4, acting=np.array([True, True, False]))
    np.testing.assert_array_equal(seen[:, ::3], [[8, 8, 8], [4, 6, 8], [2, 4, 6]])
    seen = step(observations, given_, 5)
    np.testing.assert_array_equal(seen[:, ::3], [[8, 8, 10], [6, 8, 10], [4, 6, 10]])


def test_a_row_that_was_reset_while_it_rests_begins_with_its_next_sample():
    given_ = sources()
    observations = manager(given_, (9,), joint_history(history=3))
    step(observations, given_, 1)
    observations.reset(np.array([False, False, True]))
    step(observations, given_, 2, acting=np.array([True, True, False]))
    np.testing.assert_array_equal(step(observations, given_, 3)[2, ::3], [6, 6, 6])


def test_images_have_a_history_flat_or_stacked():
    given_ = sources()
    term = term_spec('x', source='camera', field='image', history=2)
    flat, stacked = manager(given_, (2 * 72,), term), manager(given_, (2, 4, 6, 3), term)
    old = given_['camera'].values['image'].copy()
    for observations in (flat, stacked):
        observations.compute(given_, context())
    given_['camera'].values['image'][:] = 9
    seen = stacked.compute(given_, context())['obs']
    np.testing.assert_array_equal(seen[:, 0], old)
    assert (seen[:, 1] == 9).all()
    np.testing.assert_array_equal(flat.compute(given_, context())['obs'], seen.reshape(ROWS, -1))


def test_a_simulator_feeds_the_newest_sample():
    given_ = sources()
    observations = manager(given_, (9,), joint_history(history=3, offset=(1.0,)))
    observations.scatter({'obs': np.tile(np.arange(9, dtype=np.float32), (ROWS, 1))}, given_)
    np.testing.assert_array_equal(given_['arm'].values['position'], [[4.0, 4.5, 5.0]] * ROWS)


@pytest.mark.parametrize(
    'options, told',
    [
        ({'history': 0}, r'terms\.q\.history is 0; expected 1 or more'),
        ({'history_stride': 0}, r'terms\.q\.history_stride is 0; expected 1 or more'),
    ],
)
def test_histories_that_cannot_be_are_refused(options, told):
    with pytest.raises(ConfigurationError, match=told):
        joint_history(**options)


def test_a_history_that_was_not_trained_is_refused_by_its_size():
    with pytest.raises(ConfigurationError, match=r'its terms have 9 numbers \(q 9\); the policy was trained with 3'):
        manager(sources(), (3,), joint_history(history=3))
