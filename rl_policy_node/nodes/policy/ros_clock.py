# SPDX-License-Identifier: Apache-2.0
"""The clocks of a node, as the core reads them."""

from __future__ import annotations

import time

from rclpy.lifecycle import LifecycleNode


class RosClock:
    """A core Clock: the clock of a node, and the steady clock."""

    def __init__(self, node: LifecycleNode) -> None:
        self._clock = node.get_clock()

    def steady(self) -> float:
        """Return the steady time, s."""
        return time.monotonic()

    def ros(self) -> int:
        """Return ROS time, ns."""
        # without simulated time ROS time is the system's, which can be read in a tenth of the time
        return self._clock.now().nanoseconds if self._clock.ros_time_is_active else time.time_ns()
