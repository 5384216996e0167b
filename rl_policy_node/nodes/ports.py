"""The subscriptions and publishers of the policy node: one per robot, or one for all of them."""
from __future__ import annotations

from collections.abc import Callable, Mapping
import contextlib
import copy
import functools
from typing import Any, TypeAlias

from rclpy.duration import Duration
from rclpy.exceptions import InvalidTopicNameException
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.qos_overriding_options import InvalidQosOverridesError, QoSOverridingOptions

from rl_policy_node.control.action_manager import Commands
from rl_policy_node.control.arrays import Mask, Stamps
from rl_policy_node.control.specs import ControlSpec, TRANSFORM
from rl_policy_node.errors import ConfigurationError
from rl_policy_node.nodes.episode_messages import start_topics
from rl_policy_node.nodes.sink import Sink
from rl_policy_node.nodes.source import Source
from rl_policy_node.nodes.topics import COMMAND_QOS, source_qos, spec_topic
from rl_policy_node.nodes.transforms import Transforms

# (source, rows that the message is of, message): its bytes; of a transform, the message
OnMessage: TypeAlias = Callable[[Source, slice, Any], None]
# (rows that the message is of, its bytes)
OnEpisode: TypeAlias = Callable[[slice, bytes], None]

_NAMING = (InvalidTopicNameException, InvalidQosOverridesError, ValueError)


class Ports:
    """What talks to the robots; if one part of it cannot be made, none stays.

    Subscriptions take bytes: whatever a peer sends is looked at before native code decodes it.

    Quality of service: best effort for sources, reliable for commands, each changed by the parameters
    `qos_overrides.<topic>.{subscription,publisher}.<policy>` that rclpy knows.
    """

    def __init__(self, node: Node, control: ControlSpec, sources: Mapping[str, Source], sinks: Mapping[str, Sink],
                 on_message: OnMessage, on_episode: OnEpisode) -> None:
        self._node, self._control, self._sinks = node, control, sinks
        self._publishers: dict[str, list[Any]] = {}
        with contextlib.ExitStack() as entities:
            self._entities = entities
            self._subscribe(sources, on_message, on_episode)
            self._advertise()
            self._entities = entities.pop_all()

    def close(self) -> None:
        """Destroy everything."""
        self._entities.close()

    def publish(self, commands: Commands, stamps: Mapping[str, Stamps], rows: Mask) -> None:
        """Send the commands of rows. stamps: action term → (rows,), ns.

        Where some of them cannot be sent the others are, before the first error is raised.
        """
        fault: BaseException | None = None
        for name, publishers in self._publishers.items():
            try:
                for topic, message in self._sinks[name].outgoing(commands[name], stamps[name], rows):
                    publishers[topic].publish(message)
            except BaseException as error:      # noqa: BLE001 - raised below
                fault = fault or error
        if fault is not None:
            raise fault

    def wait_for_all_acked(self, seconds: float) -> None:
        """See the last commands off."""
        for publishers in self._publishers.values():
            for publisher in publishers:
                publisher.wait_for_all_acked(Duration(seconds=seconds))

    def _subscribe(self, sources: Mapping[str, Source], on_message: OnMessage, on_episode: OnEpisode) -> None:
        robots, qos = self._control.robots, source_qos(self._control.lockstep)
        transforms = [source for source in sources.values() if source.spec.type == TRANSFORM]
        if transforms:
            looked_up = Transforms(self._node, self._control, transforms, on_message)
            self._entities.callback(looked_up.close)
        for source in sources.values():
            if source.spec.type == TRANSFORM:
                continue
            for robot, rows in zip(robots, source.groups):
                self._make('create_subscription', source.adapter.message_type, spec_topic(source.spec, robot), qos,
                           functools.partial(on_message, source, rows), raw=True)
        for rows, topic, kind in start_topics(self._control):
            self._make('create_subscription', kind, topic, qos, functools.partial(on_episode, rows), raw=True)

    def _advertise(self) -> None:
        for name, sink in self._sinks.items():
            topics = [spec_topic(sink.spec, robot) for robot, _ in zip(self._control.robots, sink.groups)]
            if self._control.shadow:
                topics = [f'~/shadow/{topic.lstrip("/")}' for topic in topics]
            self._publishers[name] = [
                self._make('create_publisher', sink.adapter.message_type, topic, COMMAND_QOS) for topic in topics]

    def _make(self, method: str, message_type: type, topic: str, qos: QoSProfile, *callback: Callable[[Any], None],
              **options: Any) -> Any:
        # rclpy writes what the parameters say into the profile that it is given
        options['qos_overriding_options'] = QoSOverridingOptions.with_default_policies()
        try:
            made = getattr(self._node, method)(message_type, topic, *callback, copy.copy(qos), **options)
        except _NAMING as error:
            raise ConfigurationError(f'topic {topic}: {" ".join(str(error).split())}') from error
        destroy = getattr(self._node, method.replace('create', 'destroy'))
        self._entities.callback(destroy, made)
        return made
