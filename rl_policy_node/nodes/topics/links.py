# SPDX-License-Identifier: Apache-2.0
"""Who else commands the robots, and who listens: what the graph says of the command topics."""
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

# the process that watches over a node speaks for it: `<node>_guardian` in its namespace
GUARDIAN = '_guardian'
# s after which a publisher whose node nobody has named yet counts as one without: names come after endpoints
_NAMELESS = 2.0
UNKNOWN = '_NODE_NAME_UNKNOWN_'
# looks that rely on the number of publishers alone before all of them are asked for their names, which costs more
_TRUSTED = 10


@dataclass(frozen=True)
class LinkSpec:
    """exclusive: whether another commander stops the robots. consumer_timeout: s without anybody who listens, 0: any.
    heartbeat: whether the control loop publishes one.
    """

    exclusive: bool = True
    consumer_timeout: float = 2.0
    heartbeat: bool = True


@dataclass
class _Topic:
    """A command topic.

    count: of its publishers when all of them were last asked for; looks: since then; others: found then. nameless:
    publisher whose node is not known → since when, s, steady. heard: s, steady, when somebody last listened, None:
    nobody since the start; told: whether the log says that nobody does any more.
    """

    rows: slice
    endpoint: Endpoint
    count: int = -1
    looks: int = 0
    others: tuple[str, ...] = ()
    nameless: dict[Gid, float] = field(default_factory=dict)
    heard: float | None = None
    told: bool = False


@dataclass(frozen=True)
class Trouble:
    """What is wrong with a topic. level: of the diagnostics; rows, reason: whom to latch, '': nobody."""

    level: bytes
    topic: str
    text: str
    rows: slice
    reason: str = ''


class Links:
    """Looks after the command topics: at activation, once per second while active, and after the last command.

    commands: [(rows, publisher)] of each. In shadow nothing is looked at, in lockstep, where one simulator asks and
    gets its answer, only the activation is. speaks_too(): GIDs of publishers that speak for this node.
    """

    def __init__(self, node: Node, control: ControlSpec, commands: Sequence[tuple[slice, Endpoint]], spec: LinkSpec,
                 log: Logger, speaks_too: Callable[[], Collection[Gid]] = tuple) -> None:
        self._node, self._spec, self._log, self._speaks_too = node, spec, log, speaks_too
        self._topics = [_Topic(rows, endpoint) for rows, endpoint in commands]
        self._asked = not control.shadow
        self._looked_at = self._asked and not control.lockstep

    def start(self) -> None:
        """Begin; raises ConfigurationError for another publisher on a command topic, where that is not allowed."""
        for topic in self._topics if self._asked else ():
            now = time.monotonic()
            topic.count, topic.told = -1, False
            topic.heard = now if topic.endpoint.made.get_subscription_count() else None
            for text in self._intruders(topic, now):
                if self._spec.exclusive:
                    raise ConfigurationError(f'not activated: {text}. Stop it, or set exclusive: false. A process that '
                                             'was killed is listed until its middleware gives it up, up to 20 s')
                self._log.warning(text)

    def troubles(self, now: float) -> Iterator[Trouble]:
        """Yield what is wrong now. now: s, steady."""
        for topic in self._topics if self._looked_at else ():
            for text in self._intruders(topic, now):
                if self._spec.exclusive:
                    yield Trouble(DiagnosticStatus.ERROR, topic.endpoint.topic, text, slice(None), text)
                else:
                    yield Trouble(DiagnosticStatus.WARN, topic.endpoint.topic, text, topic.rows)
            yield from self._unheard(topic, now)

    def see_off(self, seconds: float) -> str:
        """Wait for the last commands to be acknowledged, for so many seconds at the most; return what came of it."""
        listeners = [topic.endpoint.made.get_subscription_count() for topic in self._topics]
        reliable = sum(map(self._reliable, self._topics))
        if not any(listeners):
            return 'sent, nobody listens'
        end, acknowledged = time.monotonic() + seconds, True
        for topic in self._topics:
            left = Duration(seconds=max(end - time.monotonic(), 0.0))
            acknowledged = topic.endpoint.made.wait_for_all_acked(left) and acknowledged
        parts = [f'sent and acknowledged by {reliable} subscribers' if acknowledged else
                 f'sent, not acknowledged within {seconds:g} s'] if reliable else ['sent']
        if sum(listeners) > reliable:
            parts.append(f'{sum(listeners) - reliable} best-effort subscribers acknowledge nothing')
        parts += [f'nobody listens to {topic.endpoint.topic}'
                  for topic, count in zip(self._topics, listeners) if not count]
        return '; '.join(parts)

    def _unheard(self, topic: _Topic, now: float) -> Iterator[Trouble]:
        if topic.endpoint.made.get_subscription_count():
            topic.heard, topic.told = now, False
            return
        text = f'nobody listens to {topic.endpoint.topic}'
        if topic.heard is None or not self._spec.consumer_timeout or now - topic.heard < self._spec.consumer_timeout:
            yield Trouble(DiagnosticStatus.WARN, topic.endpoint.topic, text, topic.rows)
            return
        if not topic.told:
            topic.told = True
            self._log.error(f'{text} any more')
        yield Trouble(DiagnosticStatus.ERROR, topic.endpoint.topic, f'{text} any more', topic.rows, f'{text} any more')

    def _intruders(self, topic: _Topic, now: float) -> list[str]:
        """Return a line for each other node that publishes on a command topic.

        The graph lists the publishers again when their number has changed, and after a few looks.
        """
        endpoint = topic.endpoint
        hidden = endpoint.qos.avoid_ros_namespace_conventions
        count = -1 if hidden else self._node.count_publishers(endpoint.topic)
        topic.looks += 1
        if hidden or count != topic.count or topic.looks > _TRUSTED or topic.nameless:
            infos = self._node.get_publishers_info_by_topic(endpoint.topic, hidden)
            topic.count, topic.looks = len(infos), 0
            strangers = self._strangers(infos, endpoint)
            topic.nameless = {gid: topic.nameless.get(gid, now)
                              for gid, info in strangers.items() if info.node_name == UNKNOWN}
            topic.others = tuple(sorted({called(info) for gid, info in strangers.items()
                                         if now - topic.nameless.get(gid, -math.inf) >= _NAMELESS}))
        return [f'{other} publishes on the command topic {endpoint.topic}, too' for other in topic.others]

    def _strangers(self, infos: Sequence[Any], endpoint: Endpoint) -> dict[Gid, Any]:
        """Return gid → info of others than this node's publisher and its guardian."""
        own, namespace = self._node.get_name(), self._node.get_namespace()
        namesakes = [info for info in infos if (info.node_name, info.node_namespace) == (own, namespace)]
        mine = endpoint.gid or (tuple(namesakes[0].endpoint_gid) if namesakes else ())
        known = {mine, *self._speaks_too()}
        return {tuple(info.endpoint_gid): info for info in infos if tuple(info.endpoint_gid) not in known
                and (info.node_name, info.node_namespace) != (f'{own}{GUARDIAN}', namespace)}

    def _reliable(self, topic: _Topic) -> int:
        """Return how many subscribers acknowledge what they get."""
        endpoint = topic.endpoint
        if endpoint.qos.reliability == ReliabilityPolicy.BEST_EFFORT or not endpoint.made.get_subscription_count():
            return 0
        infos = self._node.get_subscriptions_info_by_topic(
            endpoint.topic, endpoint.qos.avoid_ros_namespace_conventions)
        return sum(info.qos_profile.reliability == ReliabilityPolicy.RELIABLE for info in infos)


def called(info: TopicEndpointInfo) -> str:
    """Return the full name of the node that an endpoint of the graph belongs to."""
    if info.node_name == UNKNOWN:
        return 'a publisher without a node'
    return f'{info.node_namespace.rstrip("/")}/{info.node_name}'


def worst(troubles: Sequence[Trouble]) -> tuple[bytes, str]:
    """Return the worst level and what is wrong to that level, OK and '' where all is well."""
    level: bytes = max((trouble.level for trouble in troubles), default=DiagnosticStatus.OK)
    return level, '; '.join(dict.fromkeys(trouble.text for trouble in troubles if trouble.level == level))
