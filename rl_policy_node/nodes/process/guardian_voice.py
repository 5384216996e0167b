# SPDX-License-Identifier: Apache-2.0
"""The guardian's own ROS node: publishers on the command topics of the node that it watches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
import importlib
import importlib.util
from pathlib import Path
import struct
import sys
import time
from types import ModuleType
from typing import Any, cast, Final

import rclpy
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile
from rclpy.signals import SignalHandlerOptions

_STAMP: Final = struct.Struct('=iI')
_STAMP_AT: Final = 4  # bytes of encapsulation before the stamp, in a message that begins with its header
_POLICIES = ('history', 'depth', 'reliability', 'durability', 'liveliness')
_DURATIONS = ('deadline', 'lifespan', 'liveliness_lease_duration')


def spoken_qos(profile: QoSProfile) -> dict[str, int]:
    """Return a profile as numbers, durations in ns."""
    return {
        **{name: int(getattr(profile, name)) for name in _POLICIES},
        **{name: getattr(profile, name).nanoseconds for name in _DURATIONS},
    }


def _qos(numbers: Mapping[str, int]) -> QoSProfile:
    return QoSProfile(
        **{name: numbers[name] for name in _POLICIES},
        **{name: Duration(nanoseconds=numbers[name]) for name in _DURATIONS},
    )


class Outgoing:
    """A command topic. publish(data): sends the bytes of a message. stamped: whether they begin with a header.

    reach(): returns the number of subscribers.
    """

    def __init__(self, publish: Callable[[bytes], None], stamped: bool, reach: Callable[[], int]) -> None:
        self._publish, self._stamped, self.reach = publish, stamped, reach

    def send(self, data: bytes, now: int) -> None:
        """Publish a message with the stamp `now`, ns; a stamp of zero stays zero, which also means now."""
        if self._stamped and any(_STAMP.unpack_from(data, _STAMP_AT)):
            data = data[:_STAMP_AT] + _STAMP.pack(*divmod(now, 10**9)) + data[_STAMP_AT + _STAMP.size :]
        self._publish(data)


class Voice:
    """Publishes the node's types on the node's topics with its quality of service. outgoing: one for each topic.

    setup: node, namespace, domain, and for each of `topics` name, module, class, stamped and qos.
    """

    def __init__(self, setup: Mapping[str, Any]) -> None:
        self._context = rclpy.Context()
        # topics come resolved: remappings of the command line must not apply again
        rclpy.init(
            args=['--ros-args', '--disable-external-lib-logs', '--disable-rosout-logs', '--disable-stdout-logs'],
            context=self._context,
            domain_id=setup['domain'],
            signal_handler_options=SignalHandlerOptions.NO,
        )
        self._node: Node = rclpy.create_node(
            setup['node'],
            namespace=setup['namespace'],
            context=self._context,
            use_global_arguments=False,
            enable_rosout=False,
            start_parameter_services=False,
            parameter_overrides=[Parameter('start_type_description_service', value=False)],
        )
        self._publishers = [
            self._node.create_publisher(
                message_type(topic['module'], topic['class']), topic['name'], _qos(topic['qos'])
            )
            for topic in setup['topics']
        ]
        self.outgoing = [
            Outgoing(publisher.publish, topic['stamped'], publisher.get_subscription_count)
            for publisher, topic in zip(self._publishers, setup['topics'])
        ]

    def gids(self) -> list[str]:
        """Return the hexadecimal GID of each publisher; '' if it does not appear in the graph."""
        own = self._node.get_name(), self._node.get_namespace()
        found = []
        end = time.monotonic() + 1.0
        for topic in (publisher.topic_name for publisher in self._publishers):
            while True:
                gid = next(
                    (
                        bytes(info.endpoint_gid).hex()
                        for info in self._node.get_publishers_info_by_topic(topic)
                        if (info.node_name, info.node_namespace) == own
                    ),
                    '',
                )
                if gid or time.monotonic() > end:
                    break
                time.sleep(0.01)
            found.append(gid)
        return found

    def close(self) -> None:
        """Wait until the last messages are acknowledged, and shut down."""
        for publisher in self._publishers:
            publisher.wait_for_all_acked(Duration(seconds=0.1))
        self._node.destroy_node()
        rclpy.try_shutdown(context=self._context)


def message_type(module: str, name: str) -> type:
    """Return a message type without loading numpy and the other messages of its package, which take memory."""
    package, kind, leaf = (*module.split('.'), '', '')[:3]
    if kind == 'msg' and leaf.startswith('_') and f'{package}.msg' not in sys.modules:
        found = importlib.util.find_spec(package)
        folders = [Path(place) / 'msg' for place in (found.submodule_search_locations or ())] if found else []
        if any((folder / f'{leaf}.py').exists() for folder in folders):
            bare = ModuleType(f'{package}.msg')
            bare.__path__ = [str(folder) for folder in folders]
            sys.modules[bare.__name__] = bare
            try:
                return cast(type, getattr(importlib.import_module(module), name))
            finally:
                del sys.modules[bare.__name__]  # later imports find the whole package
    return cast(type, getattr(importlib.import_module(module), name))
