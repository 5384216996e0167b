# SPDX-License-Identifier: Apache-2.0
"""The gap by the clock: messages go out late, lost or swapped, with the stamps they were measured with."""

import time

from nodes.bridge_bench import BridgeBench
from nodes.harness import parameters
from nodes.imperfection_bench import Counting, OFFSET, PERIOD, ROWS
import numpy as np
from std_msgs.msg import Float64MultiArray

from rl_policy_node.sim.hosted import HostedEnvironment


def real_time(run, **changes):
    """Return a bridge of Counting in real time at 50 Hz, not begun."""
    tree = parameters(run, robots=['left', 'right'], **{'sim.mode': 'real_time', 'control_rate': 50.0, **changes})
    return BridgeBench(tree, HostedEnvironment(Counting()))


def test_in_real_time_messages_are_late_lost_or_swapped_and_starts_only_late(run):
    made = real_time(run, **{'sim.latency': 0.06, 'sim.drop': 0.4, 'sim.reorder': 0.2})
    sent, starts = [], []
    for step in range(25):
        made.show({'obs': np.full((ROWS, 9), float(step), np.float32)})
        now = time.monotonic()
        start = made.imperfections.start_publisher(
            lambda start, now=now: starts.append((start, time.monotonic() - now))
        )
        publish = made.imperfections.publisher(
            lambda message, now=now: sent.append((message, time.monotonic() - now)), 'joints', slice(0, 1)
        )
        start(step)
        publish(step)
        time.sleep(PERIOD)
    time.sleep(0.2)
    made.imperfections.close()
    numbers = [number for number, _ in sent]
    assert min(late for _, late in sent + starts) >= 0.06
    assert [number for number, _ in starts] == list(range(25))
    assert 5 < len(numbers) < 25 and len(set(numbers)) == len(numbers) and numbers != sorted(numbers)
    counts = made.summary()['imperfections']
    assert counts['sent'] == 25 * 4 and counts['late'] + counts['lost'] == counts['sent']


def test_in_real_time_what_is_sent_late_is_what_was_measured_then(run):
    made = real_time(run, **{'sim.latency': 0.05})
    made.show({'obs': np.full((ROWS, 9), 1.0, np.float32)})
    message, sent = made.message('joints', 0, 7 * 10**9), []
    made.imperfections.publisher(sent.append, 'joints', slice(0, 1))(message)
    made.show({'obs': np.full((ROWS, 9), 2.0, np.float32)})
    assert not sent
    time.sleep(0.15)
    made.imperfections.close()
    assert sent == [message] and sent[0].header.stamp.sec == 7 and np.allclose(sent[0].position, 1.0 + np.array(OFFSET))


def test_in_real_time_commands_from_before_the_start_went_out_are_of_the_episode_before(run):
    made = real_time(run, **{'sim.latency': 0.1})
    observation = {'obs': np.full((ROWS, 9), 4.0, np.float32)}

    def command():
        for row in range(ROWS):
            made.receive('arm', row, Float64MultiArray(data=[0.6, 0.7, 0.8]))
        return made.bridge._mirror.actions(made.imperfections.commands())

    made.show(observation)
    assert np.allclose(command(), 8.0), 'held where it is: the policy does not know of the episode yet'
    time.sleep(0.12)
    assert np.allclose(command(), 1.0)
    made.bridge._begun[1] += 1
    made.show(observation)
    assert np.allclose(command()[:, 0], [1.0, 8.0]), 'the other robot goes on'
    made.imperfections.close()


def test_the_period_wanders_only_where_it_is_asked_to(run):
    steady, drifting = real_time(run, **{'sim.latency': 0.1}), real_time(run, **{'sim.rate_drift': 0.1})
    assert {steady.imperfections.period() for _ in range(50)} == {PERIOD}
    periods = [drifting.imperfections.period() for _ in range(500)]
    assert 0.9 * PERIOD <= min(periods) < max(periods) <= 1.1 * PERIOD
    steady.imperfections.close(), drifting.imperfections.close()


def test_the_bridge_asks_for_every_period_anew(run):
    made, periods = real_time(run, **{'sim.rate_drift': 0.5, 'sim.steps': 10}), []
    wander = made.imperfections.period
    made.imperfections.period = lambda: periods.append(wander()) or periods[-1]
    made.start()
    end = time.monotonic() + 10
    while not made.finished and time.monotonic() < end:
        for row in range(ROWS):
            made.receive('arm', row, Float64MultiArray(data=OFFSET))
        time.sleep(0.001)
    made.stop()
    assert len(periods) == 10 and len(set(periods)) == 10
