# SPDX-License-Identifier: Apache-2.0
"""The state that each robot's driver reports, which must permit motion."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
import functools
import math
import time

from std_msgs.msg import Bool, Int8, Int32, String, UInt8

from rl_policy_node.control.specs import ControlSpec
from rl_policy_node.core.frame import RobotState
from rl_policy_node.errors import ConfigurationError
from rl_policy_node.nodes.topics.endpoints import Endpoints
from rl_policy_node.nodes.topics.naming import row_groups, source_qos, topic_of
from rl_policy_node.nodes.topics.payload import Payload

TYPES = {f'std_msgs/msg/{kind.__name__}': kind for kind in (Bool, String, UInt8, Int8, Int32)}
_BOOL = 'std_msgs/msg/Bool'


@dataclass(frozen=True)
class RobotStateSpec:
    """topic: below each robot's namespace, '': not needed. type: of TYPES. values: those that permit motion, as text;
    empty for Bool: true. timeout: s for which a message holds. durability: transient_local for a latched topic.
    """

    topic: str = ''
    type: str = _BOOL
    values: tuple[str, ...] = ()
    timeout: float = math.inf
    durability: str = 'volatile'

    def __post_init__(self) -> None:
        if self.topic and not self.values and self.type != _BOOL:
            raise ConfigurationError(f'robot_state.values is empty, and {self.type} has no value that means yes; '
                                     'expected those that permit motion')

    @property
    def permitted(self) -> tuple[str, ...]:
        """The values that permit motion."""
        return self.values or ('true',)


def listen(spec: RobotStateSpec, control: ControlSpec, note: Callable[[slice, RobotState], None],
           endpoints: Endpoints) -> None:
    """Call note(rows, state) for each message; raises ConfigurationError for an invalid topic."""
    payload = Payload(TYPES[spec.type])

    def on_bytes(rows: slice, topic: str, data: bytes) -> None:
        now = time.monotonic()
        try:
            value = str(getattr(payload.message(data), 'data', None))
        except ValueError as error:
            endpoints.node.get_logger().warning(f'{topic}: message refused: {error}', throttle_duration_sec=2.0)
            return
        value = value.lower() if spec.type == _BOOL else value
        permits = value in spec.permitted
        note(rows, RobotState('' if permits else f"{topic} says '{value}'; the robot may move with "
                                                 f'{" or ".join(map(repr, spec.permitted))}', now))
    groups = row_groups(bool(control.shared_rows), control.rows)
    for robot, rows in zip(control.robots, groups):
        topic = topic_of(robot, spec.topic)
        endpoints.subscribe(payload.message_type, topic, functools.partial(on_bytes, rows, topic),
                            source_qos(False, spec.durability), raw=True)
