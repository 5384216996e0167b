# SPDX-License-Identifier: Apache-2.0
"""A source that is slower than its max_age: said once, with its period and the remedy; what was counted besides."""

from core.core_bench import Bench, control_of, Log, PERIOD, policy_of
import numpy as np
import pytest

from rl_policy_node.nodes.policy.diagnostics import Figures, RowLog
from rl_policy_node.nodes.topics.episode_messages import EpisodeStarts
from rl_policy_node.nodes.topics.periods import Periods


def bench_of(folder, trigger='timer', **options):
    log = Log()
    options = {'trigger': trigger, 'robots': ('',), 'sources': {'wrench': {'max_age': 0.1}}, **options}
    control = control_of(**options)
    bench = Bench(policy_of(folder, rows=1), control, observers=[Periods(control, log), RowLog(control, log)])
    bench.measure()
    bench.cycle.start()
    return bench, log


def run(bench, gaps, seconds):
    """Let the arm be measured in each period, and the wrench after gaps (s) that repeat."""
    due, count = bench.now, 0
    for _ in range(round(seconds / PERIOD)):
        bench.now += PERIOD
        bench.measure(sources=('joints',))
        if bench.now >= due:
            due, count = due + gaps[count % len(gaps)], count + 1
            bench.measure(sources=('wrench',))
        bench.cycle.step()


@pytest.mark.parametrize('resume', ['automatic', 'on_request'])
def test_periodic_staleness_is_told_once_with_the_remedy(tmp_path, resume):
    bench, log = bench_of(tmp_path, resume=resume)
    run(bench, [0.2], 4.0)
    told = [line for line in log.lines if 'again and again' in line]
    assert told == [
        "source 'wrench' (wrench) arrives each 0.2 s, max_age is 0.1 s: its robots stop again and again; "
        'set sources.wrench.max_age above 0.25, or publish it more often'
    ]
    assert bench.rows.reasons and 'until ~/resume' in bench.rows.reasons[0], 'the swinging ends'


def test_a_source_that_is_fast_enough_or_fails_at_random_is_not_periodic(tmp_path):
    bench, log = bench_of(tmp_path)
    run(bench, [0.06], 2.0)
    run(bench, [0.12, 0.06, 0.9, 0.06, 0.4], 4.0)
    assert not any('again and again' in line for line in log.lines)


def test_too_few_steps_are_told_in_log_and_diagnostics(tmp_path):
    bench, log = bench_of(tmp_path, sources={'joints': {'max_age': 1.0}, 'wrench': {'max_age': 1.0}})
    figures = Figures(bench.steady)
    bench.cycle._observers += (figures,)
    figures.rates(bench.sources)
    for _ in range(40):
        bench.now += 0.03
        bench.measure()
        bench.cycle.step()
    assert 'robot: the loop steps 33.3 times a second; control_rate is 50 Hz' in log.lines
    assert figures.warnings and figures.rates(bench.sources) == {'joints': '33.3', 'wrench': '33.3'}


def test_an_episode_that_begins_in_the_future_is_refused_and_counted():
    def payload(seconds):
        return b'\x00\x01\x00\x00' + np.array([seconds, 0, 1], np.int32).tobytes() + b'\x00'

    now = 100 * 10**9
    starts, one = EpisodeStarts(control_of(episode_topic='episode'), lambda: now), slice(0, 1)
    assert starts.read(payload(100), one).tolist() == [100 * 10**9]
    with pytest.raises(ValueError, match='the episode begins 3600.000 s in the future; expected at most 0.1 s'):
        starts.read(payload(3700), one)
    assert starts.report() == {
        'rejected from episode': '1 (last: the episode begins 3600.000 s in the future; expected at most 0.1 s)'
    }
    waiting = EpisodeStarts(control_of(trigger='lockstep', episode_topic='episode'), lambda: now)
    assert waiting.read(payload(3700), one).tolist() == [3700 * 10**9]
    now = 0
    assert starts.read(payload(3700), one).tolist() == [3700 * 10**9], 'nobody told the time yet'
