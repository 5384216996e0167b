# SPDX-License-Identifier: Apache-2.0
"""Looks up the poses of frames, as sources, with tf2_ros if it is installed."""

from collections.abc import Callable, Iterable
import importlib
from typing import Any, Protocol, TypeVar

from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.time import Time

from rl_policy_node.control.specs import ControlSpec, SourceSpec
from rl_policy_node.errors import ConfigurationError


class TransformSource(Protocol):
    """A source whose values are a frame's pose."""

    @property
    def spec(self) -> SourceSpec: ...


_Source = TypeVar('_Source', bound=TransformSource)


class Transforms:
    """Looks up the newest pose of source_frame in target_frame, for every robot, at the control rate.

    It calls on_message(source, rows, TransformStamped) for each transform newer than the one before. A static transform
    has the stamp 0, and counts as measured at each look-up. tf2: the module tf2_ros.
    """

    def __init__(
        self,
        node: Node,
        control: ControlSpec,
        sources: Iterable[_Source],
        on_message: Callable[[_Source, slice, Any], object],
        tf2: Any = None,
    ) -> None:
        try:
            self._tf2 = tf2 or importlib.import_module('tf2_ros')
        except ImportError as error:
            raise ConfigurationError(
                f'sources of type tf2 need tf2_ros, which is not installed here ({error}); '
                'install ros-<distro>-tf2-ros-py, or publish the pose on a topic'
            ) from error
        self._on_message = on_message
        self._wanted = [
            (source, row, *_frames(source.spec, robot))
            for source in sources
            for row, robot in enumerate(control.robots)
        ]
        self._stamps: dict[tuple[str, int], int] = {}
        self._buffer = self._tf2.Buffer()
        self._listener = self._tf2.TransformListener(self._buffer, node)
        timer = node.create_timer(1.0 / control.rate, self.poll, clock=Clock(clock_type=ClockType.STEADY_TIME))
        self._destroy: Callable[[], object] = lambda: node.destroy_timer(timer)

    def close(self) -> None:
        """Stop looking up."""
        self._destroy()
        self._listener.unregister()

    def poll(self) -> None:
        """Pass on new transforms."""
        for source, row, target, frame in self._wanted:
            try:
                message = self._buffer.lookup_transform(target, frame, Time())
            except self._tf2.TransformException:
                continue  # not there yet, or gone: the source grows stale, which the log reports
            stamp = message.header.stamp.sec * 10**9 + message.header.stamp.nanosec
            if stamp == 0 or stamp > self._stamps.get((source.spec.name, row), -1):
                self._stamps[source.spec.name, row] = stamp
                self._on_message(source, slice(row, row + 1), message)


def _frames(spec: SourceSpec, robot: str) -> tuple[str, str]:
    return spec.target_frame.replace('{robot}', robot), spec.source_frame.replace('{robot}', robot)
