# SPDX-License-Identifier: Apache-2.0
"""The heartbeat of the control loop: its absence shows others that the loop stands still."""

from __future__ import annotations

import struct
import traceback

from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.serialization import serialize_message
from std_msgs.msg import Header

from rl_policy_node.core.protocols import Clock
from rl_policy_node.nodes.topics.endpoints import Endpoints

TOPIC = '~/heartbeat'
# neither deadline nor liveliness: each would double what a beat costs the control loop
_QOS = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE)
_STAMP, _AT = struct.Struct('=iI'), 4  # behind the header of the serialized message


class Heartbeat:
    """Publishes `~/heartbeat`, a std_msgs/Header with the ROS time."""

    def __init__(self, endpoints: Endpoints, clock: Clock) -> None:
        self._publisher, self._clock = endpoints.advertise(Header, TOPIC, _QOS).made, clock
        self._log = endpoints.node.get_logger()
        self._block = bytearray(serialize_message(Header()))
        self._failed = False

    def beat(self) -> None:
        """Publish; never raises: silence is the signal."""
        if self._failed:
            return
        try:
            _STAMP.pack_into(self._block, _AT, *divmod(self._clock.ros(), 1_000_000_000))
            self._publisher.publish(bytes(self._block))
        except Exception:  # noqa: BLE001 - no fault of it may stop the robots
            self._failed = True
            self._log.error(f'the heartbeat failed and stays silent:\n{traceback.format_exc()}')
