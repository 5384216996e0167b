# SPDX-License-Identifier: Apache-2.0
"""All that was heard of a robot in some seconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rclpy.node import Node

from rl_policy_node.adapters import create_adapter
from rl_policy_node.control.arrays import Array
from rl_policy_node.control.specs import ControlSpec
from rl_policy_node.nodes.doctor.peers import Peer, publishers, subscribers
from rl_policy_node.nodes.doctor.shadow import Shadow
from rl_policy_node.nodes.doctor.traffic import Traffic
from rl_policy_node.nodes.doctor.watched import Watched
from rl_policy_node.nodes.parameters.configuration import Configuration
from rl_policy_node.nodes.policy.readiness import waiting
from rl_policy_node.nodes.topics.endpoints import Endpoint, Endpoints
from rl_policy_node.nodes.topics.naming import COMMAND_QOS, source_qos, spec_topic, topic_of
from rl_policy_node.nodes.topics.quality import PUBLISHER, SUBSCRIPTION
from rl_policy_node.nodes.topics.talkers import Talkers


@dataclass(frozen=True)
class CommandTopic:
    """A command topic. action: its term. publishers: other nodes that command it; subscribers: who listens."""

    action: str
    robot: str
    topic: str
    publishers: Sequence[Peer]
    subscribers: Sequence[Peer]


@dataclass
class Heard:
    """What came of each topic, what the policy saw of it, and who is at the other ends.

    moments: input → mean and standard deviation of training. enabled: (s, steady, whether the message enables).
    states: row → why its driver does not permit motion, ''. silent: source → the node's own texts on why nothing came.
    clock: why simulated time has not begun, ''. publishers: topic → publishers; commands: the command topics.
    simulated: whether use_sim_time is true; clocks: number of publishers of /clock. watched: None before `finish`;
    fault: what ended the steps, ''.
    """

    configuration: Configuration
    control: ControlSpec
    moments: Mapping[str, tuple[Array, Array]]
    traffic: Sequence[Traffic] = ()
    enabled: list[tuple[float, bool]] = field(default_factory=list)
    states: dict[int, str] = field(default_factory=dict)
    silent: dict[str, list[str]] = field(default_factory=dict)
    publishers: dict[str, list[Peer]] = field(default_factory=dict)
    commands: list[CommandTopic] = field(default_factory=list)
    clock: str = ''
    simulated: bool = False
    clocks: int = 0
    watched: Watched | None = None
    fault: str = ''

    def publishers_of(self, topic: str) -> list[Peer]:
        """Return the publishers on a topic as the file names it."""
        ending = '/' + topic.lstrip('/')
        return next((peers for name, peers in self.publishers.items() if name.endswith(ending)), [])

    def finish(
        self, node: Node, endpoints: Endpoints, subscriptions: Mapping[str, Sequence[Endpoint]], shadow: Shadow
    ) -> None:
        """Look at the graph, and keep what the shadow saw."""
        self.watched, self.fault = shadow.watched, shadow.fault
        talkers, control = Talkers(node, subscriptions), self.control
        self.simulated, self.clocks = node.get_clock().ros_time_is_active, node.count_publishers('/clock')
        if self.simulated and not node.get_clock().now().nanoseconds:
            self.clock = talkers.no_clock()
        for source in {traffic.source.spec.name: traffic.source for traffic in self.traffic}.values():
            self.silent[source.spec.name] = waiting({}, {source.spec.name: source}, control, talkers.why_silent)
            for endpoint in subscriptions.get(source.spec.name, ()):
                others = publishers(node, endpoint.topic, source.adapter.type_name, endpoint.qos)
                self.publishers[endpoint.topic] = others
        self._look_at_commands(node, endpoints)
        self._look_at_consent(node, endpoints)

    def _look_at_commands(self, node: Node, endpoints: Endpoints) -> None:
        """Find who hears the commands, and who else sends them."""
        for action in self.control.actions:
            kind = create_adapter(action.type, f'actions.{action.name}.type').type_name
            for robot in self.control.robots[:1] if action.rows else self.control.robots:
                topic = endpoints.resolve(spec_topic(action, robot))
                own = endpoints.profile(PUBLISHER, topic, COMMAND_QOS)
                talk, listen = publishers(node, topic, kind, own), subscribers(node, topic, kind, own)
                self.commands.append(CommandTopic(action.name, robot, topic, talk, listen))

    def _look_at_consent(self, node: Node, endpoints: Endpoints) -> None:
        """Find who enables the robots, and who reports their state."""
        enable, states = self.configuration.enable, self.configuration.robot_state
        named = [(enable.topic, enable.type)] if enable.topic else []
        if states.topic:
            named += [(topic_of(robot, states.topic), states.type) for robot in self.control.robots]
        for name, kind in named:
            topic = endpoints.resolve(name)
            own = endpoints.profile(SUBSCRIPTION, topic, source_qos(False))
            self.publishers[topic] = publishers(node, topic, kind, own)
