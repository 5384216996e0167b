# SPDX-License-Identifier: Apache-2.0
"""A robot that sees what its training did not: told after the command, or held before it."""

from core.core_bench import Bench, control_of
import numpy as np
import pytest

from rl_policy_node.control.distribution import Moments
from rl_policy_node.control.specs import OodSpec

# what the bench measures lies within ±1.3; the forces of training were small
MOMENTS = {'obs': Moments(np.zeros(9), np.ones(9))}
FAR = {'force': np.full((1, 3), 15.0)}


@pytest.fixture
def bench(policy, request):
    control = control_of(ood=OodSpec(action=request.param), latch_falls=1000)
    bench = Bench(policy, control, moments=MOMENTS)
    bench.measure()
    bench.cycle.start()
    for seed in range(3):
        bench.step(seed)
    assert bench.rows.healthy.all() and not bench.cycle.distribution.reasons
    return bench


def push(bench, times=1):
    """Push the wrist of row 1 for some steps; return who acts, whose actions were taken over, and its command."""
    for _ in range(times):
        bench.now += 0.02
        bench.measure()
        bench.inbox.write('wrench', slice(1, 2), FAR, bench.ros(), bench.now)
        bench.cycle.step()
    return bench.rows.healthy.tolist(), bench.keeper.outcomes[-1].acted.tolist()


@pytest.mark.parametrize('bench', ['warn'], indirect=True)
def test_warning_changes_no_command(bench, policy):
    other = Bench(policy, control_of())
    assert push(bench, 30) == ([True, True], [True, True])
    assert list(bench.cycle.distribution.reasons) == [1]
    found, peak, smoothed = bench.cycle.distribution.report()
    assert found[1].startswith("term 'force' lies") and bench.cycle.distribution.terms == (
        'position',
        'velocity',
        'force',
    )
    assert peak[2] == pytest.approx(15.0, abs=1e-3) and 6.0 < smoothed[2] < 15.0 and peak[0] < 6.0
    assert other.cycle.distribution.terms == ()


@pytest.mark.parametrize('bench', ['hold'], indirect=True)
def test_row_is_held_until_it_is_gone_and_the_other_acts(bench):
    assert push(bench, 30) == ([True, False], [True, False])
    assert 'ood.limit 6' in bench.rows.reasons[1]
    held = bench.positions[1].copy()
    assert push(bench, 10) == ([True, False], [True, False])
    np.testing.assert_array_equal(bench.positions[1], held)
    for seed in range(60):
        bench.step(seed)
    assert bench.rows.healthy.all() and bench.keeper.outcomes[-1].acted.all()


@pytest.mark.parametrize('bench', ['latch'], indirect=True)
def test_row_is_latched_until_it_is_freed(bench):
    assert push(bench, 30) == ([True, False], [True, False])
    for seed in range(60):
        bench.step(seed)
    assert bench.rows.healthy.tolist() == [True, False]
    assert 'ood.limit 6' in bench.rows.reasons[1] and bench.rows.reasons[1].endswith('~/resume')
    bench.cycle.resume(slice(1, 2))
    for seed in range(3):
        bench.step(seed)
    assert bench.rows.healthy.all()


@pytest.mark.parametrize('action', ['hold', 'latch'])
def test_first_step_that_is_outside_is_not_acted_upon(policy, action):
    bench = Bench(policy, control_of(ood=OodSpec(action=action)), moments=MOMENTS)
    bench.measure()
    bench.inbox.write('wrench', slice(1, 2), FAR, bench.ros(), bench.now)
    bench.cycle.start()
    bench.cycle.step()
    assert bench.keeper.outcomes[-1].acted.tolist() == [True, False]


@pytest.mark.parametrize('bench', ['hold'], indirect=True)
def test_a_state_goes_on_smoothing_where_it_was_taken(bench, policy):
    # the smoothed |z| has risen, and is still within the limit
    assert push(bench, 4) == ([True, True], [True, True])
    again = Bench(policy, control_of(ood=OodSpec(action='hold'), latch_falls=1000), moments=MOMENTS)
    again.cycle.stepper.restore(bench.cycle.stepper.state())
    begun = len(bench.keeper.frames)
    kept = policy.state()
    push(bench, 20)
    policy.restore(kept)
    healthy = []
    for frame, outcome in list(zip(bench.keeper.frames, bench.keeper.outcomes))[begun:]:
        other = again.cycle.stepper.step(frame)
        np.testing.assert_array_equal(other.acted, outcome.acted)
        np.testing.assert_array_equal(other.commands['arm']['position'], outcome.commands['arm']['position'])
        healthy.append(bool(other.acted[1]))
    assert healthy[0] and not healthy[-1]
