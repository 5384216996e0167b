# SPDX-License-Identifier: Apache-2.0
"""A loop with real threads and a real clock."""

import time

from core.core_bench import Bench, control_of
import numpy as np

from rl_policy_node.core import ControlLoop, Watch

LIMIT = 0.3
PATIENT = {name: {'max_age': 5.0} for name in ('joints', 'wrench')}  # whatever else the machine does


class Real(Bench):
    """A bench on the steady clock, with its loop and its watch."""

    def __init__(self, policy, control=None, observers=(), prepare=lambda: None):
        super().__init__(policy, control or control_of(sources=PATIENT), observers=observers)
        self.errors, self.gone = [], []
        self.loop = ControlLoop(self.cycle, self.trigger, prepare, self.errors.append)
        self.watch = Watch(self.loop, self.cycle, self.trigger, LIMIT, self.gone.append, self.log)
        self.measure(stamp=0)
        self.cycle.start()

    def steady(self):
        return time.monotonic()

    def measure(self, *arguments, **options):
        self.now = time.monotonic()
        super().measure(*arguments, **options)

    def __enter__(self):
        self.loop.start()
        self.watch.start()
        return self

    def __exit__(self, *_):
        self.loop.stop(0.01)
        self.cycle.stop()
        self.watch.stop()

    def alive(self, until, seconds=5.0):
        """Keep measuring until a condition comes true; return whether it does."""
        end = time.monotonic() + seconds
        while not until() and time.monotonic() < end:
            self.measure(stamp=0)
            time.sleep(0.005)
        return until()

    def held(self):
        return bool(self.sent) and np.array_equal(self.positions, self.inbox.buffers['joints'].values['position'])
