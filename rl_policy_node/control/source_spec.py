# SPDX-License-Identifier: Apache-2.0
"""Typed, validated configuration of a source."""

from dataclasses import dataclass
from typing import Final

from rl_policy_node.errors import ConfigurationError, unknown
from rl_policy_node.options import option, wrong_choices

# the type of a source that is the pose of a frame in another, not a topic
TRANSFORM: Final = 'tf2'
ALIGNMENTS: Final = ('hold', 'asof', 'drop')
DURABILITIES: Final = ('volatile', 'transient_local')
STALE: Final = ('hold', 'zero')


@dataclass(frozen=True)
class SourceSpec:
    """A subscription, or the pose of a frame in another."""

    name: str
    topic: str = option('', "topic, below each robot's namespace; required but for type tf2")
    type: str = option(
        '',
        'message type, such as sensor_msgs/msg/JointState; package.module:Class for your own '
        'adapter; tf2 for the pose of a frame',
        required=True,
    )
    max_age: float = option(0.1, 'age at which a value is stale and the fallback goes out', unit='s', low=1e-3)
    use_header_stamp: bool = option(True, 'let the header stamp count for age and order beside the time of receipt')
    encoding: str = option('', 'encoding of images; empty: 32FC3, rgb8 of compressed ones')
    alignment: str = option(
        'hold',
        "which message a step takes: hold, the latest; asof, the latest not newer than the step's reference "
        'stamp; drop, the latest, once: without a new one the robot does not act',
        choices=ALIGNMENTS,
    )
    frozen_after: float | None = option(
        None,
        'time of identical payloads after which the sensor counts as dead and the fallback goes out; 0: never',
        unit='s',
        low=0.0,
        absent=0.0,
    )
    target_frame: str = option('', "type tf2: frame that the pose is in; {robot} is the robot's namespace")
    source_frame: str = option('', 'type tf2: frame whose pose it is')
    future_tolerance: float | None = option(
        None,
        'how far ahead a header stamp may lie; 0: two periods of the control, at least 0.1 s',
        unit='s',
        low=0.0,
        absent=0.0,
    )
    rows: bool = option(
        False,
        'one message, of a type that ends in MultiArray, carries all rows in its first '
        'dimension; its topic has no namespace',
    )
    frame_id: str = option(
        '',
        'frame in the header of each message, such as the one of goals; others are refused. '
        "{robot} is the robot's namespace. Empty: any",
    )
    durability: str = option(
        'volatile',
        'transient_local also takes what was published before this node came, such as a latched goal, '
        'reliable; max_age may then be .inf, and stamps old. Never for velocities',
        choices=DURABILITIES,
    )
    stale: str = option(
        'hold',
        'effect of a value older than max_age: hold, the fallback; zero, for velocities that a person '
        'commands: they read as zeros, also before the first message, and the policy goes on, for example to keep its '
        'balance. With trigger observation no step waits for them',
        choices=STALE,
    )

    def __post_init__(self) -> None:
        where = f'sources.{self.name}'
        if self.type == TRANSFORM and self.frame_id:
            raise ConfigurationError(f'{where}.frame_id is {self.frame_id!r}; type {TRANSFORM} has target_frame')
        for name, value, choices in wrong_choices(self):
            raise unknown(name, value, choices, where)
        if self.type == TRANSFORM and self.durability != 'volatile':
            raise ConfigurationError(f'{where}.durability is {self.durability}; type {TRANSFORM} has no topic')
        if self.stale == 'zero' and self.alignment != 'hold':
            raise ConfigurationError(f'{where}: stale zero needs alignment hold; it is {self.alignment}')
        if self.type == TRANSFORM and not (self.target_frame and self.source_frame):
            raise ConfigurationError(f'{where}: type {TRANSFORM} needs target_frame and source_frame')
        if self.type != TRANSFORM and not self.topic:
            raise ConfigurationError(f"parameter '{where}.topic' is missing")
