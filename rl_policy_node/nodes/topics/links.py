# SPDX-License-Identifier: Apache-2.0
"""Supervises other publishers and the subscribers of the command topics, by the ROS graph."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
import math
import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.qos import ReliabilityPolicy
from rclpy.topic_endpoint_info import TopicEndpointInfo

from rl_policy_node.control.specs import ControlSpec
from rl_policy_node.core.protocols import Logger
from rl_policy_node.errors import ConfigurationError
from rl_policy_node.nodes.topics.endpoints import Endpoint, Gid
from rl_policy_node.options import option

# the guardian may publish for its node: `<node>_guardian` in its namespace
GUARDIAN = '_guardian'
# s after which a publisher without a node name counts as another node's: the graph learns names late
_NAMELESS = 2.0
UNKNOWN = '_NODE_NAME_UNKNOWN_'
# looks that only compare the number of publishers, before the next one lists their names, which costs more
_TRUSTED = 10


@dataclass(frozen=True)
class LinkSpec:
    """Supervision of the command topics. consumer_timeout: None: no limit."""

    exclusive: bool = option(
        True,
        'whether another publisher on a command topic refuses activation and, found later, stops the robots '
        'until ~/resume; false: a warning. Not in shadow; in lockstep at activation only',
    )
    consumer_timeout: float | None = option(
        2.0,
        'how long the commands of a robot may lack a subscriber, once they had one since activation; then the '
        'robot is latched on its fallback until ~/resume. Checked once per second; a killed subscriber counts until '
        'the middleware gives it up. 0: no limit. Not in shadow, nor in lockstep',
        unit='s',
        low=0.0,
        high=3600.0,
        absent=0.0,
    )
    heartbeat: bool = option(
        True,
        'publish ~/heartbeat, a std_msgs/Header with the time, at the control rate while active, also on the '
        'fallback: its absence shows other nodes that the control loop stands still',
    )


@dataclass
class _Topic:
    """A command topic.

    count: number of publishers when they were last listed; looks: number of looks since then; others: other nodes found
    then. nameless: publisher of an unknown node → since when, s, steady. heard: s, steady, when the topic last had a
    subscriber, None: never since the start; logged: whether the loss of the subscribers was logged.
    """

    rows: slice
    endpoint: Endpoint
    count: int = -1
    looks: int = 0
    others: tuple[str, ...] = ()
    nameless: dict[Gid, float] = field(default_factory=dict)
    heard: float | None = None
    logged: bool = False


@dataclass(frozen=True)
class Trouble:
    """A problem of a topic. level: of the diagnostics. rows: to be latched for the reason; '': none is latched."""

    level: bytes
    topic: str
    text: str
    rows: slice
    reason: str = ''


class Links:
    """Supervises the command topics: at activation, once per second while active, and after the last command.

    commands: [(rows, publisher)], one for each topic. In shadow it checks nothing; in lockstep, where one simulator
    gets the answers, only at activation. guardian_gids(): returns the GIDs of the guardian's publishers.
    """

    def __init__(
        self,
        node: Node,
        control: ControlSpec,
        commands: Sequence[tuple[slice, Endpoint]],
        spec: LinkSpec,
        log: Logger,
        guardian_gids: Callable[[], Collection[Gid]] = tuple,
    ) -> None:
        self._node, self._spec, self._log, self._guardian_gids = node, spec, log, guardian_gids
        self._topics = [_Topic(rows, endpoint) for rows, endpoint in commands]
        self._checks_start = not control.shadow
        self._supervises = self._checks_start and not control.lockstep

    def start(self) -> None:
        """Begin; raises ConfigurationError for another publisher on a command topic, if `exclusive`."""
        for topic in self._topics if self._checks_start else ():
            now = time.monotonic()
            topic.count, topic.logged = -1, False
            topic.heard = now if topic.endpoint.made.get_subscription_count() else None
            for text in self._intruders(topic, now):
                if self._spec.exclusive:
                    raise ConfigurationError(
                        f'not activated: {text}. Stop it, or set exclusive: false. A process that '
                        'was killed is listed until its middleware gives it up, up to 20 s'
                    )
                self._log.warning(text)

    def troubles(self, now: float) -> Iterator[Trouble]:
        """Yield the present problems. now: s, steady."""
        for topic in self._topics if self._supervises else ():
            for text in self._intruders(topic, now):
                if self._spec.exclusive:
                    yield Trouble(DiagnosticStatus.ERROR, topic.endpoint.topic, text, slice(None), text)
                else:
                    yield Trouble(DiagnosticStatus.WARN, topic.endpoint.topic, text, topic.rows)
            yield from self._unheard(topic, now)

    def see_off(self, seconds: float) -> str:
        """Wait, at most `seconds`, until the last commands are acknowledged; return the result as text."""
        listeners = [topic.endpoint.made.get_subscription_count() for topic in self._topics]
        reliable = sum(map(self._reliable, self._topics))
        if not any(listeners):
            return 'sent, no subscriber'
        end, acknowledged = time.monotonic() + seconds, True
        for topic in self._topics:
            left = Duration(seconds=max(end - time.monotonic(), 0.0))
            acknowledged = topic.endpoint.made.wait_for_all_acked(left) and acknowledged
        parts = (
            [
                f'sent and acknowledged by {reliable} subscribers'
                if acknowledged
                else f'sent, not acknowledged within {seconds:g} s'
            ]
            if reliable
            else ['sent']
        )
        if sum(listeners) > reliable:
            parts.append(f'{sum(listeners) - reliable} best-effort subscribers acknowledge nothing')
        parts += [
            f'no subscriber on {topic.endpoint.topic}' for topic, count in zip(self._topics, listeners) if not count
        ]
        return '; '.join(parts)

    def _unheard(self, topic: _Topic, now: float) -> Iterator[Trouble]:
        if topic.endpoint.made.get_subscription_count():
            topic.heard, topic.logged = now, False
            return
        text = f'no subscriber on {topic.endpoint.topic}'
        if topic.heard is None or not self._spec.consumer_timeout or now - topic.heard < self._spec.consumer_timeout:
            yield Trouble(DiagnosticStatus.WARN, topic.endpoint.topic, text, topic.rows)
            return
        if not topic.logged:
            topic.logged = True
            self._log.error(f'{text} any more')
        yield Trouble(DiagnosticStatus.ERROR, topic.endpoint.topic, f'{text} any more', topic.rows, f'{text} any more')

    def _intruders(self, topic: _Topic, now: float) -> list[str]:
        """Return a line for each other node that publishes on a command topic.

        The publishers are listed again only when their number has changed, and after _TRUSTED looks.
        """
        endpoint = topic.endpoint
        hidden = endpoint.qos.avoid_ros_namespace_conventions
        count = -1 if hidden else self._node.count_publishers(endpoint.topic)
        topic.looks += 1
        if hidden or count != topic.count or topic.looks > _TRUSTED or topic.nameless:
            infos = self._node.get_publishers_info_by_topic(endpoint.topic, hidden)
            topic.count, topic.looks = len(infos), 0
            strangers = self._strangers(infos, endpoint)
            topic.nameless = {
                gid: topic.nameless.get(gid, now) for gid, info in strangers.items() if info.node_name == UNKNOWN
            }
            topic.others = tuple(
                sorted(
                    {
                        called(info)
                        for gid, info in strangers.items()
                        if now - topic.nameless.get(gid, -math.inf) >= _NAMELESS
                    }
                )
            )
        return [f'{other} publishes on the command topic {endpoint.topic}, too' for other in topic.others]

    def _strangers(self, infos: Sequence[Any], endpoint: Endpoint) -> dict[Gid, Any]:
        """Return gid → info of all publishers except this node's and its guardian's."""
        own, namespace = self._node.get_name(), self._node.get_namespace()
        namesakes = [info for info in infos if (info.node_name, info.node_namespace) == (own, namespace)]
        mine = endpoint.gid or (tuple(namesakes[0].endpoint_gid) if namesakes else ())
        known = {mine, *self._guardian_gids()}
        return {
            tuple(info.endpoint_gid): info
            for info in infos
            if tuple(info.endpoint_gid) not in known
            and (info.node_name, info.node_namespace) != (f'{own}{GUARDIAN}', namespace)
        }

    def _reliable(self, topic: _Topic) -> int:
        """Return the number of subscribers that acknowledge messages."""
        endpoint = topic.endpoint
        if endpoint.qos.reliability == ReliabilityPolicy.BEST_EFFORT or not endpoint.made.get_subscription_count():
            return 0
        infos = self._node.get_subscriptions_info_by_topic(endpoint.topic, endpoint.qos.avoid_ros_namespace_conventions)
        return sum(info.qos_profile.reliability == ReliabilityPolicy.RELIABLE for info in infos)


def called(info: TopicEndpointInfo) -> str:
    """Return the full name of the node to which an endpoint of the graph belongs."""
    if info.node_name == UNKNOWN:
        return 'a publisher without a node'
    return f'{info.node_namespace.rstrip("/")}/{info.node_name}'


def worst(troubles: Sequence[Trouble]) -> tuple[bytes, str]:
    """Return the worst level and the text of its problems; OK and '' if there are none."""
    level: bytes = max((trouble.level for trouble in troubles), default=DiagnosticStatus.OK)
    return level, '; '.join(dict.fromkeys(trouble.text for trouble in troubles if trouble.level == level))
