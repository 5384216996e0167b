# SPDX-License-Identifier: Apache-2.0
"""Enabling of the robots by messages that a person keeps sending."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
import time

from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Joy
from std_msgs.msg import Bool

from rl_policy_node.errors import ConfigurationError, unfit
from rl_policy_node.nodes.topics.endpoints import Endpoints
from rl_policy_node.nodes.topics.payload import Payload
from rl_policy_node.options import option

_TYPES = {'std_msgs/msg/Bool': Bool, 'sensor_msgs/msg/Joy': Joy}
# best effort matches any publisher; volatile receives no message from before the subscription
_QOS = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)


@dataclass(frozen=True)
class EnableSpec:
    """The messages by which a person enables the robots. none: the robots move without them."""

    topic: str = option(
        '',
        'topic on which a person keeps enabling the robots: false, or silence for longer than '
        'enable.timeout, brings the fallback',
    )
    type: str = option('std_msgs/msg/Bool', 'its message type', choices=tuple(_TYPES))
    button: int = option(0, 'Joy: the button to be held down, from 0', low=0, high=1000)
    timeout: float = option(0.5, 'how long one message holds, from its receipt on', unit='s', low=0.01, high=60.0)
    none: bool = False

    def __post_init__(self) -> None:
        if self.none and self.topic:
            raise unfit('enable', f"'none' and enable.topic is '{self.topic}'", 'one of the two')

    def check(self) -> None:
        """Raise ConfigurationError if the file neither names a topic nor says that none is needed."""
        if not (self.topic or self.none):
            raise ConfigurationError(
                'enable.topic is missing: the topic on which a person keeps enabling the robots. '
                "'enable: none' lets them move without"
            )


UNCONDITIONAL = EnableSpec(none=True)


def listen(spec: EnableSpec, enable: Callable[[bool, float], None], endpoints: Endpoints) -> None:
    """Call enable(whether the robots may move, s of receipt, steady) for each message.

    A Joy without the button means no. Raises ConfigurationError for an invalid topic, and for a latched one: an old
    message must not enable the robots.
    """
    payload = Payload(_TYPES[spec.type])

    def on_bytes(data: bytes) -> None:
        now = time.monotonic()
        try:
            message = payload.message(data)
            if isinstance(message, Bool):
                enabled = bool(message.data)
            else:
                enabled = (
                    isinstance(message, Joy)
                    and len(message.buttons) > spec.button
                    and message.buttons[spec.button] == 1
                )
            enable(enabled, now)
        except ValueError as error:
            endpoints.node.get_logger().warning(f'{spec.topic}: message refused: {error}', throttle_duration_sec=2.0)

    made = endpoints.subscribe(payload.message_type, spec.topic, on_bytes, _QOS, raw=True)
    if made.qos.durability != DurabilityPolicy.VOLATILE:
        raise ConfigurationError(
            f'enable.topic {made.topic}: qos_overrides make its durability '
            f'{made.qos.durability.name.lower()}; expected volatile: a message of the past would '
            'let the robots move'
        )
