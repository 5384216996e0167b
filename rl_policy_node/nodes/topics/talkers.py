# SPDX-License-Identifier: Apache-2.0
"""Looks up the publishers of the sources in the ROS graph, and explains missing messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rclpy.node import Node
from rclpy.qos import qos_check_compatible, QoSCompatibility

from rl_policy_node.nodes.topics.endpoints import Endpoint
from rl_policy_node.nodes.topics.links import called, UNKNOWN
from rl_policy_node.nodes.topics.source import Source

NO_CLOCK = 'no /clock message yet: use_sim_time is true'


class Talkers:
    """Looks up the publishers of sources.

    subscriptions: source → its endpoints, one for each of its topics; none for a transform: tf2 subscribes to that.
    """

    def __init__(self, node: Node, subscriptions: Mapping[str, Sequence[Endpoint]]) -> None:
        self._node, self._subscriptions = node, subscriptions
        self._reported: set[str] = set()

    def no_clock(self) -> str:
        """Return a text that says why simulated time has not begun."""
        return NO_CLOCK if self._node.count_publishers('/clock') else f'{NO_CLOCK}, and it has no publisher'

    def why_silent(self, source: Source, row: int) -> str:
        """Return why no message of a source has arrived for a row, judged by its publishers."""
        endpoints = self._subscriptions.get(source.spec.name)
        if not endpoints:
            return 'no message yet' if self._node.count_publishers('/tf') else 'no publisher'
        endpoint = endpoints[0 if source.spec.rows else row]
        infos = self._infos(endpoint)
        if not infos:
            return 'no publisher'
        faults = [_mismatch(info, source, endpoint) for info in infos]
        texts = list(dict.fromkeys(filter(None, faults)))
        return '; '.join(texts if all(faults) else [*texts, 'no message yet'])

    def several(self) -> list[str]:
        """Return a line for each topic with several publishers that was not reported before."""
        lines = []
        for name, endpoints in self._subscriptions.items():
            for endpoint in endpoints:
                if endpoint.topic in self._reported or self._node.count_publishers(endpoint.topic) < 2:
                    continue
                infos = self._infos(endpoint)
                if len(infos) > 1 and all(info.node_name != UNKNOWN for info in infos):
                    self._reported.add(endpoint.topic)
                    lines.append(
                        f'sources.{name}: {len(infos)} publishers on {endpoint.topic}: '
                        f'{", ".join(sorted(map(called, infos)))}; is that meant?'
                    )
        return lines

    def _infos(self, endpoint: Endpoint) -> list[Any]:
        return list(
            self._node.get_publishers_info_by_topic(endpoint.topic, endpoint.qos.avoid_ros_namespace_conventions)
        )


def _mismatch(info: Any, source: Source, endpoint: Endpoint) -> str:
    """Return why the messages of a publisher cannot reach a subscription, '' if they can."""
    if info.topic_type != source.adapter.type_name:
        return f'{called(info)} publishes {info.topic_type} instead of {source.adapter.type_name}'
    compatible, reason = qos_check_compatible(info.qos_profile, endpoint.qos)
    if compatible != QoSCompatibility.ERROR:
        return ''
    reason = reason.replace('ERROR: ', '').strip('; ')
    return f'{called(info)} publishes with another quality of service ({reason}; see qos_overrides)'
