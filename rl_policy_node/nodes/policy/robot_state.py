# SPDX-License-Identifier: Apache-2.0
"""The state that each robot's driver reports: it must permit motion."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
import functools
import math
import time

from std_msgs.msg import Bool, Int8, Int32, String, UInt8

from rl_policy_node.control.source_spec import DURABILITIES
from rl_policy_node.control.specs import ControlSpec
from rl_policy_node.core.frame import RobotState
from rl_policy_node.errors import unfit
from rl_policy_node.nodes.topics.endpoints import Endpoints
from rl_policy_node.nodes.topics.naming import row_groups, source_qos, topic_of
from rl_policy_node.nodes.topics.payload import Payload
from rl_policy_node.options import option

TYPES = {f'std_msgs/msg/{kind.__name__}': kind for kind in (Bool, String, UInt8, Int8, Int32)}
_BOOL = 'std_msgs/msg/Bool'


@dataclass(frozen=True)
class RobotStateSpec:
    """The messages by which a robot's driver reports whether the robot may move."""

    topic: str = option(
        '',
        "topic, below each robot's namespace, on which its driver reports its state: one not in "
        'robot_state.values latches the robot on its fallback until ~/resume. Empty: not needed',
    )
    type: str = option(_BOOL, 'its message type', choices=tuple(TYPES))
    values: tuple[str, ...] = option((), 'the values, as text, that permit motion; Bool: true')
    timeout: float = option(math.inf, 'how long one message holds, from its receipt on', unit='s', low=0.01)
    durability: str = option(
        'volatile', 'transient_local takes the last message of a driver that latches its topic', choices=DURABILITIES
    )

    def __post_init__(self) -> None:
        if self.topic and not self.values and self.type != _BOOL:
            raise unfit(
                'robot_state.values', f'empty, and {self.type} has no value that means yes', 'those that permit motion'
            )

    @property
    def permitted(self) -> tuple[str, ...]:
        """The values that permit motion."""
        return self.values or ('true',)


def listen(
    spec: RobotStateSpec, control: ControlSpec, note: Callable[[slice, RobotState], None], endpoints: Endpoints
) -> None:
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
        note(
            rows,
            RobotState(
                ''
                if permits
                else f"{topic} says '{value}'; the robot may move with {' or '.join(map(repr, spec.permitted))}",
                now,
            ),
        )

    groups = row_groups(bool(control.shared_rows), control.rows)
    for robot, rows in zip(control.robots, groups):
        topic = topic_of(robot, spec.topic)
        endpoints.subscribe(
            payload.message_type,
            topic,
            functools.partial(on_bytes, rows, topic),
            source_qos(False, spec.durability),
            raw=True,
        )
