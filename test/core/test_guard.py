# SPDX-License-Identifier: Apache-2.0
"""The guard outside of the process: it sees the loop live, and once it has spoken nothing goes out."""

from core.real_clock import Real
import pytest

from rl_policy_node.core.guard import Unguarded


class Fence(Unguarded):
    """A guard that writes down what it is told, and speaks when the test wants."""

    def __init__(self):
        self.fenced, self.reason, self.told = False, '', []

    def begin(self):
        self.told.append('begin')

    def beat(self, steady):
        self.told.append('beat')

    def expect(self, steady):
        self.told.append('step')

    def end(self):
        self.told.append('end')

    def alarm(self):
        return self.reason


def guarded(bench):
    """Put a guard in front of a bench's outlet; return it."""
    fence = bench.cycle.guard = bench.cycle.outlet.guard = Fence()
    return fence


def test_a_fenced_outlet_sends_neither_steps_nor_fallbacks_nor_the_last_one(bench):
    fence = guarded(bench)
    count, fence.fenced = len(bench.sent), True
    bench.step(2)
    bench.cycle.look()
    assert not bench.cycle.give_up(None)
    bench.cycle.stop()
    assert len(bench.sent) == count and fence.told[-1] == 'end'
    fence.fenced = False
    bench.cycle.start()
    bench.step(3)
    assert len(bench.sent) > count, 'until it is started anew'


def test_the_end_is_told_after_the_fallback_and_not_where_that_failed(bench):
    fence, publish = guarded(bench), bench.cycle.outlet._publish

    def fail(*arguments):
        raise OSError('no network')

    bench.cycle.outlet._publish = fail
    with pytest.raises(OSError):
        bench.cycle.stop()
    assert 'end' not in fence.told, 'somebody has to speak'
    bench.cycle.outlet._publish = lambda *arguments: (fence.told.append('sent'), publish(*arguments))
    bench.cycle.stop()
    assert fence.told[-2:] == ['sent', 'end']


def test_the_loop_beats_with_or_without_a_step_and_an_alarm_ends_it_on_the_fallback(policy):
    bench = Real(policy)
    fence = guarded(bench)
    with bench:
        assert bench.alive(lambda: fence.told.count('step') > 3 and fence.told.count('beat') > 3)
        fence.reason = 'the guardian has ended'
        assert bench.alive(lambda: bench.gone, 2) and bench.gone == ['the guardian has ended'] and bench.held()
        count = len(bench.sent)
        bench.alive(lambda: False, 0.1)
        assert len(bench.sent) == count and 'end' in fence.told
