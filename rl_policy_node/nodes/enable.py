"""Who lets the robots move: a heartbeat that a person keeps up."""
from __future__ import annotations

from collections.abc import Callable
import contextlib
from dataclasses import dataclass
import time

from rclpy.exceptions import InvalidTopicNameException
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Joy
from std_msgs.msg import Bool

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.nodes.payload import Payload
from rl_policy_node.nodes.protocols import Message

_TYPES = {'std_msgs/msg/Bool': Bool, 'sensor_msgs/msg/Joy': Joy}
# whoever publishes it: best effort hears all of them, volatile none that has gone
_QOS = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)


@dataclass(frozen=True)
class EnableSpec:
    """topic: of the heartbeat. type: Bool or Joy, of which a button. timeout: s it holds. none: nobody is asked."""

    topic: str = ''
    type: str = 'std_msgs/msg/Bool'
    button: int = 0
    timeout: float = 0.5
    none: bool = False

    def __post_init__(self) -> None:
        if self.none and self.topic:
            raise ConfigurationError(f"enable is 'none' and enable.topic is '{self.topic}'; expected one of the two")

    def check(self) -> None:
        """Raise ConfigurationError where the file says neither who enables the robots, nor that nobody does."""
        if not (self.topic or self.none):
            raise ConfigurationError('enable.topic is missing: the topic on which somebody says again and again that '
                                     "the robots may move. 'enable: none' lets them move without")


NOBODY = EnableSpec(none=True)


def listen(node: Node, spec: EnableSpec, enable: Callable[[bool, float], None],
           entities: contextlib.ExitStack) -> None:
    """Tell enable(whether the robots may move, s of receipt, steady) of each message; `entities` ends it.

    A Joy without the button means no. Raises ConfigurationError for a topic that is none.
    """
    payload = Payload(_TYPES[spec.type])

    def on_bytes(data: bytes) -> None:
        now = time.monotonic()
        try:
            enable(_enables(payload.message(data), spec.button), now)
        except ValueError as error:
            node.get_logger().warning(f'{spec.topic}: message refused: {error}', throttle_duration_sec=2.0)
    try:
        entities.callback(node.destroy_subscription, node.create_subscription(
            payload.message_type, spec.topic, on_bytes, _QOS, raw=True))
    except (InvalidTopicNameException, ValueError) as error:
        raise ConfigurationError(f'enable.topic: {" ".join(str(error).split())}') from error


def _enables(message: Message, button: int) -> bool:
    if isinstance(message, Bool):
        return bool(message.data)
    return isinstance(message, Joy) and len(message.buttons) > button and message.buttons[button] == 1
