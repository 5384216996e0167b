# SPDX-License-Identifier: Apache-2.0
"""Which topics a bag has, and what each carries."""

from __future__ import annotations

from collections.abc import Mapping
import json
from typing import Final, NamedTuple

from rclpy.node import Node
from rclpy.qos import DurabilityPolicy
from rclpy.serialization import serialize_message
from std_msgs.msg import String, UInt8MultiArray

from rl_policy_node.control.specs import TRANSFORM
from rl_policy_node.core.recording import Message, Step
from rl_policy_node.nodes.parameters.parsing import values_of
from rl_policy_node.nodes.policy.policy_metadata import Deployed, describe
from rl_policy_node.nodes.policy.record.bag_file import Topic
from rl_policy_node.nodes.policy.record.bag_journal import Part, Plan
from rl_policy_node.nodes.policy.record.bag_topic import topic_of_class
from rl_policy_node.nodes.policy.record.event_codec import FIELDS, LARGEST_INPUT
from rl_policy_node.nodes.policy.streams import Cut, METADATA, PolicyStreams, PREFIX, StreamSpec
from rl_policy_node.nodes.policy.tracks import tracks
from rl_policy_node.nodes.topics.payload import Payload

RECORD: Final = f'{PREFIX}record'
TRANSFORMS: Final = f'{PREFIX}transform/'  # and the name of a source that looks up frames


class Layout(NamedTuple):
    """The topics of a bag in the order of their channels, from 1 on, and the Plan for them."""

    topics: tuple[Topic, ...]
    plan: Plan


def layout(node: Node, deployed: Deployed) -> Layout:
    """Return the Layout of a configured policy."""
    made = _Topics(node)
    sources = _source_channels(deployed, made)
    commands = _command_channels(deployed, made)
    streams = PolicyStreams(
        # the numbers of an input that is recorded itself; float32
        StreamSpec(most_numbers=LARGEST_INPUT // 4),
        deployed.control,
        deployed.policy.spaces,
        tracks(deployed.control, deployed.cycle),
    )
    shown = {topic: made.add(node.resolve_topic_name(topic), kind) for topic, kind in streams.topics.items()}
    about = made.add(node.resolve_topic_name(METADATA), String, latched=True)
    record = made.add(node.resolve_topic_name(RECORD), UInt8MultiArray)
    own = [made.topics[channel - 1].name for channel in (*sources.values(), *commands.values())]
    described = json.loads(describe(deployed, values_of(node)))
    text = json.dumps({**described, 'record': {'fields': FIELDS, 'topics': list(dict.fromkeys(own))}})
    payloads = {name: Payload(source.adapter.message_type) for name, source in deployed.sources.items()}

    def readable(message: Message) -> bool:
        try:
            payloads[message.source].check(message.payload)
        except ValueError:
            return False
        return True

    beginning = ((about, serialize_message(String(data=text))),)
    return Layout(tuple(made.topics), Plan(sources, commands, record, _Shown(streams, shown), beginning, readable))


class _Shown:
    """Builds the messages that show a step. channels: of their topics, relative to the node."""

    def __init__(self, streams: PolicyStreams, channels: Mapping[str, int]) -> None:
        self._streams, self._channels = streams, channels
        self._sizes: dict[str, int] = {}  # bytes; all messages of a topic have one size

    def __call__(self, step: Step) -> list[Part]:
        """Return channel and payload of each message; none where the network did not run."""
        outcome = step.outcome
        if outcome is None or outcome.inputs is None or outcome.actions is None:
            return []
        rows = slice(len(self._streams.rows))  # no rows are named: the first ones
        inputs = {name: outcome.inputs[name][rows] for name in self._streams.inputs}
        cut, found = Cut(step.frame.ros, inputs, outcome.actions[rows], outcome.acted[rows]), []
        for topic, kind, payload in self._streams.messages(cut):
            if topic not in self._sizes:
                # strict readers refuse the bytes that a middleware may put behind a message
                self._sizes[topic] = Payload(kind).length(payload)
            found.append((self._channels[topic], payload[: self._sizes[topic]]))
        return found


class _Topics:
    """Collects topics."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.topics: list[Topic] = []

    def add(self, name: str, kind: type, latched: bool = False) -> int:
        """Return the channel of a new topic."""
        self.topics.append(topic_of_class(name, kind, latched))
        return len(self.topics)


def _source_channels(deployed: Deployed, made: _Topics) -> Mapping[tuple[str, int], int]:
    """Return (source, first row) → channel; of two sources that read one topic, the first writes its messages."""
    found: dict[tuple[str, int], int] = {}
    taken: set[str] = set()
    for name, source in deployed.sources.items():
        kind = source.adapter.message_type
        if source.spec.type == TRANSFORM:
            channel = made.add(made.node.resolve_topic_name(TRANSFORMS + name), kind)
            found |= {(name, rows.start): channel for rows in source.groups}
        for rows, endpoint in zip(source.groups, deployed.ports.sources.get(name, ())):
            if endpoint.topic not in taken:
                taken.add(endpoint.topic)
                latched = endpoint.qos.durability == DurabilityPolicy.TRANSIENT_LOCAL
                found[name, rows.start] = made.add(endpoint.topic, kind, latched)
    return found


def _command_channels(deployed: Deployed, made: _Topics) -> Mapping[tuple[str, int], int]:
    """Return (action term, its topic) → channel."""
    found: dict[tuple[str, int], int] = {}
    endpoints = iter(deployed.ports.commands)
    for action in deployed.control.actions:
        for topic in range(1 if action.rows else deployed.control.rows):
            _, endpoint = next(endpoints)
            found[action.name, topic] = made.add(endpoint.topic, endpoint.made.msg_type)
    return found
