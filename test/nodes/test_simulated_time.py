# SPDX-License-Identifier: Apache-2.0
"""A live node on a clock that jumps: what was before is forgotten, and the policy begins anew."""

import time

from nodes.acting import acted, expected
from nodes.harness import Arm, parameters
import numpy as np
import pytest
from rclpy.time import Time
from rosgraph_msgs.msg import Clock


class Simulated(Arm):
    """An arm in a simulation that tells the time. began: s, what its clock showed when this machine's showed 0."""

    def __enter__(self):
        super().__enter__()
        self.began = 1000.0 - time.monotonic()
        self.now = lambda: Time(nanoseconds=int((self.began + time.monotonic()) * 1e9))
        self._clock = self.node.create_publisher(Clock, '/clock', 10)
        return self

    def speak(self):
        self._clock.publish(Clock(clock=self.now().to_msg()))
        super().speak()


@pytest.fixture
def simulated(tmp_path):
    with Simulated(tmp_path) as simulated:
        yield simulated


def test_a_clock_that_jumps_back_has_the_policy_begin_anew(simulated, run):
    node = simulated.start(parameters(run, use_sim_time=True))
    acted(simulated, 30)
    first = expected(run, simulated, 1)[0]
    before = len(simulated.commands)
    simulated.live(0.3)
    assert first not in simulated.commands[before:]
    simulated.began -= 500.0
    assert simulated.live_until(lambda: first in simulated.commands[before:], 10), node.tail()
    simulated.live(0.3)
    assert first not in simulated.commands[-5:] and simulated.position not in simulated.commands[-5:], 'it goes on'
    assert np.isfinite(simulated.commands).all()
