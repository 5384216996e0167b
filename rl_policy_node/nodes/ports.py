"""The subscriptions and publishers of the policy node: one per robot, or one for all of them."""
import contextlib
import copy
import functools

from rclpy.duration import Duration
from rclpy.exceptions import InvalidTopicNameException
from rclpy.qos_overriding_options import InvalidQosOverridesError, QoSOverridingOptions

from rl_policy_node.control.specs import TRANSFORM
from rl_policy_node.errors import ConfigurationError
from rl_policy_node.nodes.episode_messages import start_topics
from rl_policy_node.nodes.transforms import Transforms
from rl_policy_node.nodes.wiring import COMMAND_QOS, row_groups, source_qos, spec_topic

_NAMING = (InvalidTopicNameException, InvalidQosOverridesError, ValueError)


class Ports:
    """What talks to the robots; if one part of it cannot be made, none stays.

    on_message(source, row, message): row None for a message of all rows; a message, or its bytes where the
    source is `raw`. on_episode(row, message): likewise, never bytes.
    Quality of service: best effort for sources, reliable for commands, each changed by the parameters
    `qos_overrides.<topic>.{subscription,publisher}.<policy>` that rclpy knows.
    """

    def __init__(self, node, control, sources, sinks, on_message, on_episode):
        self._node, self._control, self._sinks = node, control, sinks
        self._publishers = {}
        with contextlib.ExitStack() as entities:
            self._entities = entities
            self._subscribe(sources, on_message, on_episode)
            self._advertise()
            self._entities = entities.pop_all()

    def close(self):
        """Destroy everything."""
        self._entities.close()

    def publish(self, commands, stamps, only):
        """Send the commands of the rows in the mask `only`; stamps: name → (rows,) ns."""
        for name, publishers in self._publishers.items():
            for row, message in self._sinks[name].outgoing(commands[name], stamps[name], only):
                publishers[row or 0].publish(message)

    def wait_for_all_acked(self, seconds):
        """See the last commands off."""
        for publishers in self._publishers.values():
            for publisher in publishers:
                publisher.wait_for_all_acked(Duration(seconds=seconds))

    def _subscribe(self, sources, on_message, on_episode):
        robots, qos = self._control.robots, source_qos(self._control.trigger == 'lockstep')
        transforms = [source for source in sources.values() if source.spec.type == TRANSFORM]
        if transforms:
            looked_up = Transforms(self._node, self._control, transforms, on_message)
            self._entities.callback(looked_up.close)
        for source in sources.values():
            if source.spec.type == TRANSFORM:
                continue
            callback = functools.partial(on_message, source)
            for row in row_groups(source.spec, len(robots)):
                topic = spec_topic(source.spec, robots[row or 0])
                self._make('create_subscription', source.adapter.message_type, topic, qos,
                           functools.partial(callback, row), raw=source.raw)
        for row, topic, kind in start_topics(self._control):
            self._make('create_subscription', kind, topic, qos, functools.partial(on_episode, row))

    def _advertise(self):
        for name, sink in self._sinks.items():
            rows = row_groups(sink.spec, self._control.rows)
            topics = [spec_topic(sink.spec, self._control.robots[row or 0]) for row in rows]
            if self._control.shadow:
                topics = [f'~/shadow/{topic.lstrip("/")}' for topic in topics]
            self._publishers[name] = [
                self._make('create_publisher', sink.adapter.message_type, topic, COMMAND_QOS) for topic in topics]

    def _make(self, method, message_type, topic, qos, *callback, **options):
        # rclpy writes what the parameters say into the profile that it is given
        options['qos_overriding_options'] = QoSOverridingOptions.with_default_policies()
        try:
            made = getattr(self._node, method)(message_type, topic, *callback, copy.copy(qos), **options)
        except _NAMING as error:
            raise ConfigurationError(f'topic {topic}: {" ".join(str(error).split())}') from error
        destroy = getattr(self._node, method.replace('create', 'destroy'))
        self._entities.callback(destroy, made)
        return made
