# SPDX-License-Identifier: Apache-2.0
"""The subscriptions and publishers of the policy node: one for each robot, or one for all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
import functools
from typing import Any, TypeAlias

import numpy as np
from rclpy.qos import DurabilityPolicy
from rclpy.serialization import serialize_message

from rl_policy_node.control.action_manager import Commands
from rl_policy_node.control.action_terms import stated_fallback
from rl_policy_node.control.arrays import Mask, Stamps
from rl_policy_node.control.specs import ControlSpec, TRANSFORM
from rl_policy_node.errors import ConfigurationError
from rl_policy_node.nodes.interfaces import Message
from rl_policy_node.nodes.policy.guardian_link import Command, GuardedPublisher, Guardian
from rl_policy_node.nodes.topics.endpoints import Endpoint, Endpoints
from rl_policy_node.nodes.topics.episode_messages import start_topics
from rl_policy_node.nodes.topics.naming import COMMAND_QOS, shadow_topic, source_qos, spec_topic
from rl_policy_node.nodes.topics.quality import PUBLISHER
from rl_policy_node.nodes.topics.sink import Sink
from rl_policy_node.nodes.topics.source import Source
from rl_policy_node.nodes.topics.transforms import Transforms

# (source, rows of the message, its bytes; for a transform the message)
OnMessage: TypeAlias = Callable[[Source, slice, Any], None]
# (rows of the message, its bytes)
OnEpisode: TypeAlias = Callable[[slice, bytes], None]


class Ports:
    """The subscriptions and publishers that connect the node with the robots.

    Subscriptions receive bytes, which are checked before native code decodes them. Quality of service: best
    effort for sources, reliable for commands; the user may change each: see Endpoints.
    commands: [(rows, endpoint)], one for each command topic; sources: name → endpoint of each of its topics. kept:
    (action, topic, message or bytes) of what is published from now on, None: none is kept.
    """

    def __init__(
        self,
        endpoints: Endpoints,
        control: ControlSpec,
        sources: Mapping[str, Source],
        sinks: Mapping[str, Sink],
        on_message: OnMessage,
        on_episode: OnEpisode,
    ) -> None:
        self._control, self._sinks = control, sinks
        self._publishers: dict[str, list[Any]] = {}
        self.commands: list[tuple[slice, Endpoint]] = []
        self.sources: dict[str, list[Endpoint]] = {}
        self.kept: list[tuple[str, int, Message | bytes]] | None = None
        self._subscribe(endpoints, sources, on_message, on_episode)
        for name, sink in sinks.items():
            self._publishers[name] = []
            for robot, rows in zip(control.robots, sink.groups):
                topic = spec_topic(sink.spec, robot)
                if control.shadow:
                    endpoints.tolerate(PUBLISHER, topic)
                    topic = shadow_topic(topic)
                made = endpoints.advertise(sink.adapter.message_type, topic, COMMAND_QOS)
                self._publishers[name].append(made.made)
                self.commands.append((rows, made))

    def guard(self, guardian: Guardian) -> None:
        """Let a guardian watch all commands, and check its fence before each is sent."""
        rows = self._control.rows
        # any stamp but 0: the guardian replaces it
        stamps, every_row = np.ones(rows, dtype=np.int64), np.ones(rows, dtype=bool)
        flat: list[tuple[str, int, Command]] = []
        for name, publishers in self._publishers.items():
            sink = self._sinks[name]
            command = stated_fallback(sink.spec, rows)
            # empty if the fallback needs a measurement: the guardian then repeats the last command
            messages = (
                {topic: serialize_message(message) for topic, message in sink.messages(command, stamps, every_row)}
                if command
                else {}
            )
            flat += [
                (name, topic, Command(publisher, messages.get(topic, b'')))
                for topic, publisher in enumerate(publishers)
            ]
        cells = guardian.watch([guarded for _, _, guarded in flat])
        for (name, topic, guarded), cell in zip(flat, cells):
            self._publishers[name][topic] = GuardedPublisher(
                guarded.publisher, guardian, cell.show if guarded.fallback else cell.keep
            )

    def publish(self, commands: Commands, stamps: Mapping[str, Stamps], rows: Mask) -> None:
        """Send the commands of rows. stamps: action term → (rows,), ns.

        If some of them fail, the others are still sent before the first error is raised.
        """
        fault: BaseException | None = None
        for name, command in commands.items():
            publishers = self._publishers[name]
            try:
                for topic, message in self._sinks[name].outgoing(command, stamps[name], rows):
                    publishers[topic].publish(message)
                    if self.kept is not None:
                        self.kept.append((name, topic, message))
            except BaseException as error:  # noqa: BLE001 - raised below
                fault = fault or error
        if fault is not None:
            raise fault

    def _subscribe(
        self, endpoints: Endpoints, sources: Mapping[str, Source], on_message: OnMessage, on_episode: OnEpisode
    ) -> None:
        robots, qos = self._control.robots, source_qos(self._control.lockstep)
        transforms = [source for source in sources.values() if source.spec.type == TRANSFORM]
        if transforms:
            looked_up = Transforms(endpoints.node, self._control, transforms, on_message)
            endpoints.entities.callback(looked_up.close)
        for name, source in sources.items():
            if source.spec.type == TRANSFORM:
                continue
            of_source = source_qos(self._control.lockstep, source.spec.durability)
            self.sources[name] = [
                endpoints.subscribe(
                    source.adapter.message_type,
                    spec_topic(source.spec, robot),
                    functools.partial(on_message, source, rows),
                    of_source,
                    raw=True,
                )
                for robot, rows in zip(robots, source.groups)
            ]
            self._refuse_latched(source, self.sources[name])
        for rows, topic, kind in start_topics(self._control):
            endpoints.subscribe(kind, topic, functools.partial(on_episode, rows), qos, raw=True)

    def _refuse_latched(self, source: Source, made: Sequence[Endpoint]) -> None:
        """Raise ConfigurationError if the quality of service would repeat the last message of a velocity."""
        moves = self._control.velocities_of(source.spec.name)
        for endpoint in made if moves and not self._control.lockstep else ():
            if endpoint.qos.durability == DurabilityPolicy.TRANSIENT_LOCAL:
                raise ConfigurationError(
                    f'topic {endpoint.topic}: qos_overrides ask for transient_local, and source '
                    f"'{source.spec.name}' has {' and '.join(moves)}: a velocity must "
                    'not go on without being repeated'
                )
