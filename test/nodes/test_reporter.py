# SPDX-License-Identifier: Apache-2.0
"""Reports come from a thread of their own, and nobody who changes what they are about meets one under way."""

import threading
import time

from nodes.harness import wait

from rl_policy_node.nodes.process.reporter import PATIENCE, Reporter


class Log:
    def __init__(self):
        self.errors = []

    def error(self, text, **_options):
        self.errors.append(text)


def test_a_report_that_fails_is_told_and_not_the_last():
    log, calls = Log(), []

    def report():
        calls.append(len(calls))
        if len(calls) == 1:
            raise RuntimeError('no figures')

    reporter = Reporter(report, 0.01, log)
    reporter.start()
    assert wait(lambda: len(calls) > 2)
    reporter.stop()
    assert len(log.errors) == 1 and 'no figures' in log.errors[0]
    count = len(calls)
    time.sleep(0.05)
    assert len(calls) == count, 'it has ended'


def test_who_changes_something_waits_for_a_report_under_way_but_not_for_one_that_hangs():
    under_way, go_on = threading.Event(), threading.Event()

    def report():
        under_way.set()
        go_on.wait()

    reporter = Reporter(report, 0.01, Log())
    reporter.start()
    assert under_way.wait(5.0)
    began = time.monotonic()
    with reporter.at_rest():
        assert PATIENCE <= time.monotonic() - began < PATIENCE + 1.0
    go_on.set()
    with reporter.at_rest():
        under_way.clear()
        time.sleep(0.05)
        assert not under_way.is_set(), 'none begins meanwhile'
    reporter.stop()
