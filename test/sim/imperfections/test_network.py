# SPDX-License-Identifier: Apache-2.0
"""When messages and commands arrive, step by step."""

import numpy as np

from rl_policy_node.sim.imperfections import ImperfectionSpec
from rl_policy_node.sim.imperfections.delay_lines import CommandLine, DelayLine
from rl_policy_node.sim.imperfections.lossy_link import Network, whole_steps

PERIOD = 0.02


def test_a_latency_that_is_a_number_of_periods_is_that_many_steps_at_any_rate():
    for rate in (30.0, 60.0, 50.0, 100.0, 500.0, 120.0):
        period = 1.0 / rate
        assert [whole_steps(round(k * period, 5) / period) for k in (0, 1, 3, 6)] == [0, 1, 3, 6], rate
    assert whole_steps(0.0167 * 60) == 1 and whole_steps(3.1) == 4


def test_a_message_all_robots_share_is_lost_for_all_of_them():
    network = Network(ImperfectionSpec(drop=0.5), PERIOD, 1, np.random.default_rng(0))
    line = DelayLine({'data': np.zeros((3, 1))}, 3, network.longest)
    seen = []
    for step in range(100):
        line.push({'data': np.full((3, 1), step)}, network.send(np.array([step == 0])), np.full(3, step == 0))
        seen.append(line.shown['data'][:, 0].copy())
    seen = np.array(seen)
    assert (seen == seen[:, :1]).all() and 30 < len(np.unique(seen)) < 70
    assert network.counts['sent'] == 100


def test_rows_that_share_a_message_begin_their_episodes_apart():
    line = DelayLine({'data': np.zeros((2, 1))}, 2, 2)
    shown = []
    for step, begins in enumerate([(1, 1), (0, 0), (0, 1), (0, 0), (0, 0)]):
        line.push({'data': np.full((2, 1), step)}, np.array([2.0]), np.array(begins, dtype=bool))
        shown.append(line.shown['data'][:, 0].tolist())
    assert shown == [[0, 0], [0, 0], [0, 2], [1, 2], [2, 2]]


def test_a_command_that_answers_an_ended_episode_is_none():
    received = {'arm': {'position': np.zeros((2, 1))}}
    line = CommandLine(received, 2, 1)
    both, first = np.array([True, True]), np.array([True, False])
    line.restart(both, {'arm': {'position': np.array([[-1.0], [-2.0]])}})
    obeyed = []
    for step, valid in enumerate([both, first, both, both]):
        received['arm']['position'][:] = step
        obeyed.append(line.push(received, {'arm': valid})['arm']['position'][:, 0].tolist())
    assert obeyed == [[-1, -2], [0, 0], [1, 0], [2, 2]]


def test_an_overtaken_message_counts_once():
    network = Network(ImperfectionSpec(reorder=1.0, latency=PERIOD), PERIOD, 1, np.random.default_rng(0))
    assert [network.send(np.array([step in (0, 4)])).item() for step in range(6)] == [0.0, 3.0, 3.0, 3.0, 0.0, 3.0]
    assert network.counts == {'sent': 6, 'lost': 0, 'late': 4, 'reordered': 0}, 'all alike late: none overtakes'
    network = Network(ImperfectionSpec(latency_jitter=10 * PERIOD), PERIOD, 1, np.random.default_rng(0))
    due = np.array([step + network.send(np.array([False])).item() for step in range(300)])
    overtaken = sum((due[step + 1 :] < due[step]).any() for step in range(300))
    assert network.counts['reordered'] == overtaken > 100
