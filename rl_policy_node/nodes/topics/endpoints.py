# SPDX-License-Identifier: Apache-2.0
"""Creates publishers and subscriptions with the user's quality of service, and destroys them together."""

from __future__ import annotations

from collections.abc import Callable
import contextlib
from dataclasses import dataclass
from typing import Any, TypeAlias

from rclpy.exceptions import InvalidTopicNameException
from rclpy.node import Node
from rclpy.qos import QoSProfile

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.nodes.topics.quality import differences, Overrides, PUBLISHER, SUBSCRIPTION

# raised for invalid topics; a middleware that refuses a profile raises rclpy's private RCLError
_FAULTS = (InvalidTopicNameException, ValueError, RuntimeError)
Gid: TypeAlias = tuple[int, ...]


@dataclass(frozen=True)
class Endpoint:
    """A publisher or subscription.

    topic: resolved. gid: its id in the graph; () if it is ambiguous, since a node of the same name came at that moment.
    """

    made: Any
    topic: str
    qos: QoSProfile
    gid: Gid


class Endpoints:
    """Creates publishers and subscriptions of a node; `entities` destroys them.

    The parameters `qos_overrides.<topic>.<publisher|subscription>.<policy>` change their profiles; they name the topic
    after remapping. Raises ConfigurationError for invalid parameters.
    """

    def __init__(self, node: Node, entities: contextlib.ExitStack) -> None:
        self.node, self.entities = node, entities
        given = {name: parameter.value for name, parameter in node.get_parameters_by_prefix('').items()}
        self._overrides = Overrides(given, node.get_fully_qualified_name())

    def subscribe(
        self, message_type: type, topic: str, callback: Callable[[bytes], None], default: QoSProfile, raw: bool = False
    ) -> Endpoint:
        """Create a subscription. raw: the callback gets bytes. Raises ConfigurationError if that is impossible."""
        return self._make(
            SUBSCRIPTION,
            topic,
            default,
            lambda qos: self.node.create_subscription(message_type, topic, callback, qos, raw=raw),
        )

    def advertise(self, message_type: type, topic: str, default: QoSProfile) -> Endpoint:
        """Create a publisher; raises ConfigurationError if that is impossible."""
        return self._make(PUBLISHER, topic, default, lambda qos: self.node.create_publisher(message_type, topic, qos))

    def resolve(self, topic: str) -> str:
        """Return the name of a topic after expansion and remapping; raises ConfigurationError for invalid ones."""
        try:
            return str(self.node.resolve_topic_name(topic))
        except _FAULTS as error:
            raise _refused(topic, error) from error

    def tolerate(self, entity: str, topic: str) -> None:
        """Accept qos_overrides for a topic on which nothing is created now."""
        self.profile(entity, self.resolve(topic), QoSProfile(depth=1))

    def profile(self, entity: str, topic: str, default: QoSProfile) -> QoSProfile:
        """Return the profile that a publisher or subscription (`entity`) on a resolved topic has."""
        return self._overrides.profile(entity, topic, default)

    def refuse_unused(self) -> None:
        """Raise ConfigurationError for qos_overrides of a topic that is neither created nor tolerated."""
        self._overrides.refuse_unused()

    def _make(self, entity: str, topic: str, default: QoSProfile, make: Callable[[QoSProfile], Any]) -> Endpoint:
        resolved = self.resolve(topic)
        qos = self.profile(entity, resolved, default)
        before = self._known(entity, resolved, qos)
        try:
            made = make(qos)
        except _FAULTS as error:
            raise _refused(topic, error) from error
        self.entities.callback(getattr(self.node, f'destroy_{entity}'), made)
        infos = {gid: info for gid, info in self._known(entity, resolved, qos).items() if gid not in before}
        for info in infos.values():
            for difference in differences(self._overrides.given(entity, resolved), info.qos_profile):
                raise ConfigurationError(
                    f'topic {resolved}: this middleware cannot give the {entity} what '
                    f'qos_overrides ask for: {difference}'
                )
        return Endpoint(made, resolved, qos, next(iter(infos)) if len(infos) == 1 else ())

    def _known(self, entity: str, topic: str, qos: QoSProfile) -> dict[Gid, Any]:
        """Return gid → info of the endpoints on a topic under this node's name."""
        infos = getattr(self.node, f'get_{entity}s_info_by_topic')(topic, qos.avoid_ros_namespace_conventions)
        own = self.node.get_name(), self.node.get_namespace()
        return {tuple(info.endpoint_gid): info for info in infos if (info.node_name, info.node_namespace) == own}


def _refused(topic: str, error: Exception) -> ConfigurationError:
    return ConfigurationError(f'topic {topic}: {" ".join(str(error).split())}')
