# SPDX-License-Identifier: Apache-2.0
"""Robots move only while somebody enables them, and would be heard."""

from core.core_bench import Bench, control_of, PERIOD, policy_of
from core.latch_bench import acts, ALL
import pytest

from rl_policy_node.core import Attention, Enable


def enabled(folder, **options):
    """A bench that somebody has to enable."""
    control = control_of(**options)
    bench = Bench(policy_of(folder), control, checks=[Enable(0.1, 'deadman', 2)])
    bench.measure()
    return bench


@pytest.mark.parametrize('end', ['false', 'silence'])
def test_without_enable_nothing_moves(folder, end):
    bench = enabled(folder, resume='on_request')
    assert 'no true on deadman' in bench.cycle.refusals()[0]
    bench.inbox.enable(True, bench.now)
    assert not bench.cycle.refusals()
    bench.cycle.start()
    assert acts(bench) == [True, True]
    if end == 'false':
        bench.inbox.enable(False, bench.now)
    bench.now += 0.0 if end == 'false' else 0.1
    bench.cycle.look()
    assert not bench.rows.healthy.any() and bench.sent[-1][2].all() and 'not enabled' in bench.rows.reasons[1]
    for _ in range(60):
        bench.inbox.enable(True, bench.now)
        assert acts(bench) == [False, False], 'it takes ~/resume besides'
    bench.cycle.resume(ALL)
    assert acts(bench) == [True, True]


def test_enable_ends_no_stop(folder):
    bench = enabled(folder)
    bench.inbox.enable(True, bench.now)
    bench.cycle.start()
    bench.cycle.latch(ALL, 'stop')
    for value in (False, True, True):
        bench.inbox.enable(value, bench.now)
        assert acts(bench) == [False, False]


def test_robots_stop_where_nobody_would_be_heard(folder):
    bench = Bench(policy_of(folder), control_of(), checks=[Attention(2, 1.0)])
    bench.measure()
    bench.inbox.hear(bench.now)
    bench.now += 5.0  # before the start nobody needs to be heard
    bench.measure()
    bench.cycle.start()
    assert acts(bench) == [True, True]
    bench.inbox.hear(bench.now)
    for _ in range(round(0.9 / PERIOD)):
        assert acts(bench) == [True, True]
    for _ in range(round(0.2 / PERIOD)):
        healthy = acts(bench)
    assert healthy == [False, False] and 'a stop would not be heard' in bench.rows.reasons[0]
    bench.inbox.hear(bench.now)
    for _ in range(round(1.0 / PERIOD)):
        assert acts(bench) == [False, False], 'it takes ~/resume'
        bench.inbox.hear(bench.now)
    bench.cycle.resume(slice(None))
    assert acts(bench) == [True, True]
