# SPDX-License-Identifier: Apache-2.0
"""The probe over real DDS: which answer is whose, what was not answered, and robots that take turns."""

import pytest

from rl_policy_node.tools.bench.probe import Probe, topics
from rl_policy_node.tools.process.processes import ToolProcess


@pytest.fixture
def probe(tmp_path):
    with Probe(tmp_path) as probe:
        yield probe


@pytest.fixture
def echo(tmp_path):
    """Start an echo for a group's robots; all are stopped at the end."""
    started = []

    def start(group, robot=0, robots=1):
        started.append(
            ToolProcess(
                'echo',
                [
                    '-m',
                    'rl_policy_node.nodes.bench.bench_echo',
                    '--executor',
                    'events',
                    *topics(group, robot, robots).values(),
                ],
                tmp_path / f'{len(started)}.log',
            )
        )
        return started[-1]

    yield start
    for process in started:
        process.stop()


@pytest.mark.slow
def test_every_observation_meets_its_own_answer(probe, echo):
    probe.open('one')
    node = echo('one')
    probe.meet('one', node)
    found = probe.ask('measure', group='one', rate=50.0, seconds=1.0, pid=node.process.pid)
    assert len(found['latencies']) == 50
    answered = [value for value in found['latencies'] if value is not None]
    # one that were taken for another's would be a period, 20 ms, off
    assert len(answered) >= 45 and min(answered) > 0 and sorted(answered)[len(answered) // 2] < 20_000
    assert 0 <= found['cpu'] < 2


@pytest.mark.slow
@pytest.mark.parametrize('stagger', [False, True])
def test_a_robot_that_nobody_answers_is_counted(probe, echo, stagger):
    probe.open('two', 2)
    echo('two', 0, 2)
    assert probe.ask('await_answers', group='two', patience=5.0) == {'answered': False}
    found = probe.ask('measure', group='two', rate=20.0, seconds=0.5, stagger=stagger)['latencies']
    assert len(found) == 20
    assert all(value is not None for value in found[:10]) and found[10:] == [None] * 10


def test_a_probe_that_dies_is_told(probe):
    with pytest.raises(RuntimeError, match='(?s)the probe died:.*nobody'):
        probe.ask('measure', group='nobody', rate=10.0, seconds=0.1)
