# SPDX-License-Identifier: Apache-2.0
"""The other ends of a topic, by the ROS graph."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

from rclpy.duration import Infinite
from rclpy.node import Node
from rclpy.qos import qos_check_compatible, QoSCompatibility, QoSProfile

from rl_policy_node.nodes.topics.links import called


@dataclass(frozen=True)
class Peer:
    """An endpoint of another node. node: its full name. type: of its messages. qos: its profile, in words.

    mismatch: why no message passes between it and the policy node, '' if messages pass.
    """

    node: str
    type: str
    qos: str
    mismatch: str


def publishers(node: Node, topic: str, type_name: str, own: QoSProfile) -> list[Peer]:
    """Return the publishers on a resolved topic. type_name, own: type and profile of the subscription."""
    return [_peer(info, type_name, info.qos_profile, own) for info in _others(node, 'publishers', topic)]


def subscribers(node: Node, topic: str, type_name: str, own: QoSProfile) -> list[Peer]:
    """Return the subscriptions on a resolved topic. type_name, own: type and profile of the publisher."""
    sent = _endless(own)
    return [_peer(info, type_name, sent, info.qos_profile) for info in _others(node, 'subscriptions', topic)]


def _others(node: Node, kind: str, topic: str) -> list[Any]:
    infos = getattr(node, f'get_{kind}_info_by_topic')(topic)
    own = node.get_name(), node.get_namespace()
    return [info for info in infos if (info.node_name, info.node_namespace) != own]


def _endless(profile: QoSProfile) -> QoSProfile:
    """Return a profile whose default durations are infinite, as the graph shows those of others."""
    made = copy.copy(profile)
    for name in ('deadline', 'lifespan', 'liveliness_lease_duration'):
        if not getattr(made, name).nanoseconds:
            setattr(made, name, Infinite)
    return made


def _peer(info: Any, type_name: str, sent: QoSProfile, taken: QoSProfile) -> Peer:
    profile = info.qos_profile
    words = f'{profile.reliability.name.lower()}, {profile.durability.name.lower()}'
    mismatch = '' if info.topic_type == type_name else f'its type is {info.topic_type} instead of {type_name}'
    compatible, reason = qos_check_compatible(sent, taken)
    if not mismatch and compatible == QoSCompatibility.ERROR:
        mismatch = f'another quality of service: {reason.replace("ERROR: ", "").strip("; ")}'
    return Peer(called(info), info.topic_type, words, mismatch)
