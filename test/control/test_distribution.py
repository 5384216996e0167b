# SPDX-License-Identifier: Apache-2.0
"""Who sees what training did not: told by mean and variance alone, and by what stays the same."""

import numpy as np
import pytest

from rl_policy_node.control.distribution import Distribution, Moments, Piece
from rl_policy_node.control.specs import OodSpec
from rl_policy_node.errors import ConfigurationError

PERIOD, ALL = 0.02, np.ones(2, dtype=bool)
PIECES = [Piece('q', 'obs', slice(0, 3), (3,), np.inf), Piece('dq', 'obs', slice(3, 5), (2,), np.inf)]
MOMENTS = {'obs': Moments(np.array([1.0, 0.0, 0.0, 0.0, 10.0]), np.array([0.1, 1.0, 1.0, 2.0, 1.0]))}
USUAL = np.array([[1.0, 0.0, 0.0, 0.0, 10.0]] * 2, dtype=np.float32)


class Watch:
    """A Distribution of two rows, a step at a time."""

    def __init__(self, pieces=PIECES, moments=MOMENTS, **options):
        self.distribution = Distribution(OodSpec(**options), pieces, moments, 2, PERIOD)
        self.step = 0

    def see(self, value, rows=ALL, name='obs', times=1):
        for _ in range(times):
            self.distribution.update({name: np.array(value, dtype=np.float32)}, rows, self.step * PERIOD)
            self.step += 1
        return self.distribution.reasons


def changed(row, **places):
    value = USUAL.copy()
    for place, number in places.items():
        value[row, int(place[1:])] = number
    return value


def test_largest_deviation_is_that_of_the_term_in_units_of_training():
    watch = Watch()
    watch.see(changed(1, _0=1.5, _3=-8.0))
    _, peak, smoothed = watch.distribution.report()
    # rl_games adds 1e-5 to the variance
    np.testing.assert_allclose(peak, [0.5 / np.sqrt(0.01 + 1e-5), 8.0 / np.sqrt(4.0 + 1e-5)], rtol=1e-5)
    np.testing.assert_array_equal(smoothed, peak)
    watch.see(USUAL)
    _, peak, smoothed = watch.distribution.report()
    assert (peak == 0.0).all() and 0.0 < smoothed[0] < 5.0


def test_what_starts_outside_is_told_at_once_and_one_outlier_is_not():
    assert Watch().see(USUAL) == {}
    reason = Watch().see(changed(1, _0=3.0))[1]
    assert reason == (
        "term 'q' lies 20.0 standard deviations from the mean of training (ood.limit 6), most of all its number 0"
    )
    watch = Watch()
    watch.see(USUAL, times=30)
    assert watch.see(changed(0, _4=1e9)) == {} and watch.see(USUAL, times=30) == {}


@pytest.mark.parametrize('number', [np.inf, -np.inf, np.nan, 1e38])
def test_what_is_no_number_does_not_stay(number):
    watch = Watch()
    watch.see(USUAL, times=10)
    with np.errstate(all='ignore'):
        watch.see(changed(0, _1=number))
    assert watch.see(USUAL, times=100) == {} and np.isfinite(watch.distribution.smoothed).all()


def test_deviation_below_the_cap_needs_time_and_goes_again():
    watch = Watch()
    watch.see(USUAL, times=10)
    steps = next(step for step in range(100) if watch.see(changed(0, _1=7.0)))
    assert 0.25 < steps * PERIOD < 1.0
    watch.see(USUAL, times=50)
    assert watch.distribution.reasons == {} and set(watch.distribution.report()[0]) == {0}
    assert watch.distribution.report()[0] == {}


def test_row_that_does_not_act_is_not_looked_at_and_begins_anew():
    watch = Watch()
    only = np.array([True, False])
    watch.see(USUAL)
    assert watch.see(changed(1, _0=50.0), only, times=50) == {}
    assert set(watch.see(changed(1, _0=50.0))) == {1}
    watch.see(USUAL, only, times=50)
    assert watch.see(USUAL) == {}


def test_term_that_stays_at_the_clamp_of_the_normaliser_counts():
    watch = Watch(limit=20.0)
    value = changed(0, _1=5.5)
    assert watch.see(value, times=25) == {}
    assert watch.see(value, times=3) == {0: "term 'q' has been at its clip for 0.5 s"}
    assert watch.see(USUAL) == {}


def test_term_that_stays_at_clip_observations_counts_unless_training_came_there():
    pieces = [Piece('q', 'obs', slice(0, 3), (3,), 3.0), Piece('dq', 'obs', slice(3, 5), (2,), 3.0)]
    assert Watch(pieces).see(changed(0, _1=3.0), times=40) == {0: "term 'q' has been at its clip for 0.5 s"}
    # two deviations of training reach it
    assert Watch(pieces).see(changed(0, _3=3.0), times=40) == {}


def grid(random, frozen=None, move=0.02):
    """Yield what a pad of 4 × 4 taxels shows row 0 and 1, one number of row 1 frozen."""
    value = 0.5 + random.uniform(-0.1, 0.1, (2, 4, 4)).astype(np.float32)
    first = value.copy()
    while True:
        yield value.copy()
        value += random.uniform(-move, move, value.shape).astype(np.float32)
        if frozen is not None:
            value[(1, *frozen)] = first[(1, *frozen)]


PAD = [Piece('pad', 'pad', slice(0, 16), (4, 4), np.inf)]
FELT = {'pad': Moments(np.full(16, 0.5), np.full(16, 0.15))}


def test_taxel_that_is_frozen_is_told_while_its_neighbours_move():
    watch, shown = Watch(PAD, FELT), grid(np.random.default_rng(3), frozen=(2, 1))
    found = [dict(watch.see(next(shown), name='pad')) for _ in range(40)]
    assert found[-1] == {1: "term 'pad': its number 9 stays the same while the others move"}
    assert next(step for step, reasons in enumerate(found) if reasons) * PERIOD < 0.5
    assert not any(reasons for reasons in found[:10])


@pytest.mark.parametrize('move', [0.02, 1e-5, 0.0])
def test_pad_without_a_frozen_taxel_raises_nothing(move):
    watch, shown = Watch(PAD, FELT), grid(np.random.default_rng(3), move=move)
    assert not any(watch.see(next(shown), name='pad') for _ in range(200))


def test_frozen_taxel_cannot_be_told_while_nothing_moves_nor_without_contact():
    watch, shown = Watch(PAD, FELT), grid(np.random.default_rng(3), frozen=(2, 1), move=1e-5)
    assert not any(watch.see(next(shown), name='pad') for _ in range(200))
    watch, shown = Watch(PAD, FELT), grid(np.random.default_rng(3))
    for _ in range(100):
        value = next(shown)
        value[1, 2, 1] = 0.0
        assert not watch.see(value, name='pad')


def test_joints_are_no_grid():
    pieces = [Piece('q', 'pad', slice(0, 16), (16,), np.inf)]
    watch, shown = Watch(pieces, FELT), grid(np.random.default_rng(3), frozen=(2, 1))
    assert not any(watch.see(next(shown), name='pad') for _ in range(100))


def test_large_terms_are_sampled_and_terms_stand_in_their_places():
    size = 80 * 60 * 3
    pieces = [Piece('a', 'obs', slice(0, 2), (2,), np.inf), Piece('b', 'obs', slice(2 + size, 4 + size), (2,), np.inf)]
    pieces.insert(1, Piece('image', 'obs', slice(2, 2 + size), (80, 60, 3), np.inf))
    moments = {'obs': Moments(np.zeros(4 + size), np.ones(4 + size))}
    value = np.zeros((2, 4 + size), dtype=np.float32)
    value[0, 3 + size] = 9.0
    told = Watch(pieces, moments).see(value)
    assert told[0].startswith("term 'b' lies 9.0") and told[0].endswith('number 1')
    value[0, 3 + size], value[1, 2 : 2 + size] = 0.0, 9.0
    assert set(Watch(pieces, moments).see(value)) == {1}


def test_inputs_without_statistics_are_left_out():
    pieces = [*PIECES, Piece('other', 'image', slice(0, 4), (2, 2), np.inf)]
    assert Watch(pieces).distribution.terms == ('q', 'dq')
    empty = Watch(PIECES, {})
    assert empty.distribution.terms == () and empty.see(changed(0, _0=99.0)) == {}


def test_action_is_one_of_three():
    with pytest.raises(ConfigurationError, match=r"unknown value 'stop' in ood\.action; valid: hold, latch, warn"):
        OodSpec(action='stop')


def test_frozen_row_that_begins_anew_is_not_told_of_before_it_is_frozen_again():
    watch, shown = Watch(PAD, FELT), grid(np.random.default_rng(3), frozen=(2, 1))
    while not watch.see(next(shown), name='pad'):
        pass
    healthy = grid(np.random.default_rng(4))
    assert watch.see(next(healthy), np.array([True, False]), 'pad', times=20) == {}
    for _ in range(20):
        assert watch.see(next(healthy), name='pad') == {}
