# SPDX-License-Identifier: Apache-2.0
"""The other ends of the node's topics: publishers of its sources, other commanders, and subscribers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
import time

from rclpy.node import Node

from rl_policy_node.control.specs import ControlSpec
from rl_policy_node.core.checks import Refusals
from rl_policy_node.nodes.policy.readiness import waiting
from rl_policy_node.nodes.topics.endpoints import Gid
from rl_policy_node.nodes.topics.links import Links, LinkSpec, worst
from rl_policy_node.nodes.topics.ports import Ports
from rl_policy_node.nodes.topics.source import Source
from rl_policy_node.nodes.topics.talkers import Talkers


class Neighbours:
    """Looks at the graph: before activation, at activation, once per second from then on, and after the last command.

    latch(rows, reason): puts robots on their fallback. guardian_gids(): GIDs of the publishers of the guardian.
    """

    def __init__(
        self,
        node: Node,
        control: ControlSpec,
        ports: Ports,
        spec: LinkSpec,
        latch: Callable[[slice, str], None],
        guardian_gids: Callable[[], Collection[Gid]] = tuple,
    ) -> None:
        self._node, self._control, self._latch = node, control, latch
        self._links = Links(node, control, ports.commands, spec, node.get_logger(), guardian_gids)
        self._talkers = Talkers(node, ports.sources)

    def ready(self, refusals: Refusals, sources: Mapping[str, Source]) -> bool:
        """Return whether activation may begin. refusals: row → why it could not act now."""
        return not (self._timeless() or waiting(refusals, sources, self._control, lambda *_: ''))

    def missing(self, refusals: Refusals, sources: Mapping[str, Source]) -> list[str]:
        """Return a line for everything that activation waits for; reads the graph, which takes time."""
        if self._timeless():  # this may be the cause of everything else that is missing
            return [self._talkers.no_clock()]
        return waiting(refusals, sources, self._control, self._talkers.why_silent)

    def start(self) -> None:
        """Begin the supervision of an activation; raises ConfigurationError if another node commands the robots."""
        self._links.start()
        self._warn()

    def report(self, level: bytes, message: str, values: Mapping[str, object]) -> tuple[bytes, str, dict[str, object]]:
        """Return level, message and values of the diagnostics, with the problems of the topics.

        Latches all robots if another node commands one, and robots whose commands have lost their subscriber.
        """
        self._warn()
        troubles = list(self._links.troubles(time.monotonic()))
        for trouble in troubles:
            if trouble.reason:
                self._latch(trouble.rows, trouble.reason)
        worst_level, text = worst(troubles)
        if worst_level > level:
            level, message = worst_level, f'{text}; {message}'
        return level, message, {**values, **{f'topic {trouble.topic}': trouble.text for trouble in troubles}}

    def see_off(self, seconds: float) -> str:
        """Wait up to `seconds` for the last commands to be acknowledged; return the result."""
        return self._links.see_off(seconds)

    def _timeless(self) -> bool:
        """Return whether simulated time is in use but has not begun; in lockstep the observations set the time."""
        clock = self._node.get_clock()
        return not self._control.lockstep and clock.ros_time_is_active and not clock.now().nanoseconds

    def _warn(self) -> None:
        for line in self._talkers.several():
            self._node.get_logger().warning(line)
