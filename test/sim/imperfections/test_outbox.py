# SPDX-License-Identifier: Apache-2.0
"""Messages that wait until they are due."""

import threading
import time

import pytest

from rl_policy_node.sim.imperfections.outbox import Outbox


def outboxes():
    return [thread for thread in threading.enumerate() if thread.name == 'outbox']


def test_an_outbox_sends_in_the_order_of_due_times_and_not_before():
    sent, box = [], Outbox()
    began = time.monotonic()
    for delay, name in ((0.12, 'late'), (0.04, 'soon'), (0.04, 'then'), (9.0, 'never')):
        box.put(delay, lambda name: sent.append((name, time.monotonic() - began)), name)
    while len(sent) < 3 and time.monotonic() - began < 5:
        time.sleep(0.005)
    box.close()
    assert [name for name, _ in sent] == ['soon', 'then', 'late'] and not outboxes()
    assert sent[0][1] >= 0.04 and sent[2][1] >= 0.12


def test_an_error_of_sending_is_told_to_who_sends_next():
    box = Outbox()
    box.put(0.0, lambda message: 1 / 0, None)
    with pytest.raises(ZeroDivisionError):
        for _ in range(500):
            box.put(5.0, print, None)
            time.sleep(0.005)
    box.close()
