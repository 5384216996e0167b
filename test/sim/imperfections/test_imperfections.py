# SPDX-License-Identifier: Apache-2.0
"""Imperfections wrap publishers: what a wrapped one does, and that nothing is wrapped where nothing is stated."""

import time

import numpy as np
import pytest

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.sim.imperfections import create_imperfections, ImperfectionSpec, Measured, Robots

PERIOD, ROWS = 0.02, 3


class Command:
    """The newest command of every row: one number, stamped with the start of its episode."""

    def __init__(self):
        self.values = {'position': np.zeros((ROWS, 1))}
        self.stamps, self.received = np.zeros(ROWS, dtype=np.int64), np.full(ROWS, -np.inf)


def imperfections(lockstep=False, together=False, **spec):
    """Return Imperfections of one source, `joints`, and one command, `arm`, which is held at −1."""
    robots = Robots(
        ROWS,
        {'joints': Measured({'position': np.zeros((ROWS, 1))}, together)},
        {'arm': Command()},
        lambda: {'arm': {'position': np.full((ROWS, 1), -1.0)}},
    )
    return create_imperfections(ImperfectionSpec(**spec), 5, PERIOD, robots, lockstep)


@pytest.mark.parametrize('lockstep, spec', [(False, {}), (True, {}), (True, {'latency': 0.1, 'drop': 0.5})])
def test_a_publisher_is_returned_as_it_is_where_nothing_lies_in_between(lockstep, spec):
    made, sent = imperfections(lockstep, **spec), []
    publish = sent.append
    assert made.publisher(publish, 'joints', slice(0, ROWS)) is publish
    assert made.start_publisher(publish) is publish
    assert made.period() == PERIOD


@pytest.mark.parametrize('rows', [slice(1, 2), np.array([False, True, False])])
def test_a_slice_and_a_mask_name_the_same_rows(rows):
    """With a share of 0.5 lost, the three rows' messages differ in some step: the second row's fate is taken."""
    made, sent = imperfections(drop=0.5), []
    publish = made.publisher(sent.append, 'joints', rows)
    alike = made.publisher(lambda step: sent.append(-step), 'joints', slice(1, 2))
    for step in range(1, 50):
        made.show(np.ones(ROWS, dtype=np.int64))
        publish(step), alike(step)
    made.close()
    assert 20 < len(sent) < 80 and sum(sent) == 0 and sent == [n for s in sent[::2] for n in (s, -s)]


def test_a_message_of_all_rows_has_one_fate():
    made, sent = imperfections(together=True, drop=0.5), []
    every = made.publisher(sent.append, 'joints', slice(0, ROWS))
    last = made.publisher(lambda step: sent.append(-step), 'joints', slice(ROWS - 1, ROWS))
    for step in range(1, 50):
        made.show(np.ones(ROWS, dtype=np.int64))
        every(step), last(step)
    made.close()
    assert len(sent) % 2 == 0 and sum(sent) == 0
    assert made.summary()['imperfections'] == {
        'drop': 0.5,
        'sent': 49,
        'lost': 49 - len(sent) // 2,
        'late': 0,
        'reordered': 0,
    }


def test_a_late_publisher_sends_after_the_latency_and_in_order():
    made, sent = imperfections(latency=0.05), []
    publish = made.publisher(lambda message: sent.append((message, time.monotonic())), 'joints', slice(0, 1))
    start = made.start_publisher(lambda message: sent.append((message, time.monotonic())))
    made.show(np.ones(ROWS, dtype=np.int64))
    began = time.monotonic()
    start('start'), publish('first')
    assert not sent
    while len(sent) < 2 and time.monotonic() - began < 5:
        time.sleep(0.002)
    made.close()
    assert [message for message, _ in sent] == ['start', 'first'] and sent[0][1] - began >= 0.05


def test_a_robot_is_held_until_the_first_command_of_its_episode():
    made = imperfections(lockstep=True, command_latency=PERIOD)
    made.show(np.ones(ROWS, dtype=np.int64))
    assert made.commands()['arm']['position'].ravel().tolist() == [-1.0] * ROWS


def test_a_rate_that_drifts_is_refused_in_lockstep():
    with pytest.raises(ConfigurationError, match=r'sim\.rate_drift is 0\.1, which means nothing in lockstep'):
        imperfections(lockstep=True, rate_drift=0.1)
