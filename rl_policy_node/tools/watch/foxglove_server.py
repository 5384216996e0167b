# SPDX-License-Identifier: Apache-2.0
"""Serves running policy nodes to Foxglove: a WebSocket with a channel, and a schema, for each thing that they show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import math
import re
import time
from typing import Any, Final

from rich.console import Console

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.nodes.policy.streams import METADATA
from rl_policy_node.nodes.topics.message_definitions import definition, type_name
from rl_policy_node.nodes.watch.node_view import Fault, NodeView
from rl_policy_node.nodes.watch.watcher import Watcher
from rl_policy_node.tools.watch.term_rows import deviations

try:
    import foxglove
except ImportError as error:
    raise ConfigurationError(
        "--foxglove needs the package foxglove-sdk; install it with `pip install 'rl_policy_node[watch]'`"
    ) from error

Json = dict[str, Any]
PERIOD: Final = 0.05  # s between two looks at the nodes
_NUMBER: Final = {'type': 'number'}
_WHOLE: Final = {'type': 'integer'}
_TEXT: Final = {'type': 'string'}
# what a report tells: field → key of the diagnostics
_FIGURES: Final = {
    'steps': 'steps',
    'missed_deadlines': 'missed deadlines',
    'recurrent_resets': 'recurrent resets',
    'latency_p50_ms': 'latency p50 [ms]',
    'latency_p99_ms': 'latency p99 [ms]',
    'latency_max_ms': 'latency max [ms]',
    'policy_p50_ms': 'policy p50 [ms]',
    'late_start_p99_ms': 'late start p99 [ms]',
}
REPORT: Final = {
    'type': 'object',
    'title': 'rl_policy.Report',
    'properties': {
        **dict.fromkeys(('state', 'level', 'message', 'guardian'), _TEXT),
        'reasons': {'type': 'array', 'items': {'type': 'object', 'properties': {'robot': _TEXT, 'reason': _TEXT}}},
        **dict.fromkeys(('steps_per_second', *_FIGURES), _NUMBER),
        'message_rates_hz': {'type': 'object', 'additionalProperties': _NUMBER},
    },
}
_LEVELS: Final = {'warn': 3, 'error': 4}  # of foxglove.Log
_LOG: Final = {
    'type': 'object',
    'title': 'foxglove.Log',
    'properties': {
        'timestamp': {
            'type': 'object',
            'title': 'time',
            'properties': {'sec': {'type': 'integer'}, 'nsec': {'type': 'integer'}},
        },
        'level': {'type': 'integer'},
        **dict.fromkeys(('message', 'name', 'file'), _TEXT),
        'line': {'type': 'integer'},
    },
}


def serve(names: Sequence[str], host: str, port: int, console: Console | None = None) -> None:
    """Serve nodes until a signal ends it; names: of nodes, empty: all of the DDS domain."""
    with FoxgloveServer(names, host, port) as server:
        (console or Console()).print(f'Foxglove: open a connection to ws://{host}:{server.port}', highlight=False)
        while True:
            server.poll()


class FoxgloveServer:
    """A context manager: a WebSocket server whose channels follow the nodes.

    Of each node, below its name: `report` and `log` always; where it streams, `terms`, its numbers by name, and
    `training`, their standard deviations from the mean of training; and the streams themselves as ROS publishes them.
    """

    def __init__(self, names: Sequence[str], host: str, port: int) -> None:
        self._context = foxglove.Context()
        self._address, self._watcher = (host, port), Watcher(names, self._on_stream)
        self._channels: dict[str, foxglove.Channel] = {}
        self._told: dict[str, tuple[float, Fault | None, int]] = {}
        self._metadata: dict[str, tuple[type, bytes]] = {}

    def __enter__(self) -> FoxgloveServer:
        host, port = self._address
        try:
            self._server = foxglove.start_server(name='rl_policy watch', host=host, port=port, context=self._context)
        except Exception as error:
            raise ConfigurationError(f'no server on {host}, port {port}: {error}') from error
        self._watcher.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._watcher.__exit__(None, None, None)
        self._server.stop()

    @property
    def port(self) -> int:
        """The port that the server listens on."""
        return int(self._server.port)

    def poll(self) -> None:
        """Listen for a while, and pass on what came."""
        for view in self._watcher.poll(PERIOD):
            heard, last, stamp = self._told.get(view.name, (-math.inf, None, 0))
            if view.heard > heard:
                self._log(f'{view.name}/report', REPORT, _report(view))
                for topic in view.streams:  # again for clients that have come since: the protocol latches nothing
                    if topic in self._metadata:
                        self._on_stream(view, topic, *self._metadata[topic])
            faults = list(view.faults)
            for fault in faults[faults.index(last) + 1 :] if last in faults else faults:
                self._log(f'{view.name}/log', _LOG, _log_entry(view, fault))
            if view.numbers is not None and view.numbers.stamp != stamp:
                stamp = view.numbers.stamp
                self._log_numbers(f'{view.name}/terms', 'rl_policy.Terms', view.numbers.values)
                self._log_numbers(f'{view.name}/training', 'rl_policy.Training', deviations(view))
            self._told[view.name] = view.heard, view.faults[-1] if view.faults else None, stamp
        self._close_gone()

    def _log_numbers(self, topic: str, title: str, values: Mapping[str, float]) -> None:
        """Log numbers by name; another set of names is another schema, and so another channel."""
        if values:
            content = nested(values)
            self._log(topic, {'type': 'object', 'title': title, 'properties': _schema_of(content)}, content)

    def _log(self, topic: str, schema: Json, content: Json) -> None:
        if topic not in self._channels:
            self._channels[topic] = foxglove.Channel(topic, schema=schema, context=self._context)
        self._channels[topic].log(content, log_time=time.time_ns())

    def _on_stream(self, _view: NodeView, topic: str, kind: type, payload: bytes) -> None:
        """Pass on a message of a stream as it is."""
        if topic not in self._channels:
            schema = foxglove.Schema(name=type_name(kind), encoding='ros2msg', data=definition(kind).encode())
            self._channels[topic] = foxglove.Channel(
                topic, message_encoding='cdr', schema=schema, context=self._context
            )
        self._channels[topic].log(payload, log_time=time.time_ns())
        if topic.endswith(METADATA.removeprefix('~')):
            self._metadata[topic] = kind, payload

    def _close_gone(self) -> None:
        """Close the channels of streams that have ended, and of nodes that are forgotten: they may come back others."""
        views = self._watcher.views
        for topic in list(self._channels):
            owner = next((view for name, view in views.items() if topic.startswith(f'{name}/')), None)
            streamed = owner is not None and not topic.endswith(('/report', '/log'))
            if owner is None or streamed and not owner.streams:
                self._channels.pop(topic).close()
        self._told = {name: told for name, told in self._told.items() if name in views}


def nested(values: Mapping[str, float]) -> Json:
    """Return numbers by name as objects within objects: arm_0/force/x becomes {arm_0: {force: {x: …}}}.

    Keys have letters, digits and _ alone, and begin with no digit, so that Foxglove plots /topic.arm_0.force.x.
    Of a name that begins another one, such as a scalar beside a group, the number is its `value`.
    """
    tree: Json = {}
    for name, value in values.items():
        *groups, last = (_key(part) for part in name.split('/'))
        branch = tree
        for group in groups:
            below = branch.setdefault(group, {})
            if not isinstance(below, dict):
                below = branch[group] = {'value': below}
            branch = below
        number = value if math.isfinite(value) else None
        if isinstance(branch.get(last), dict):
            branch[last]['value'] = number
        else:
            branch[last] = number
    return tree


def _key(part: str) -> str:
    key = re.sub(r'\W', '_', part, flags=re.ASCII)
    return f'_{key}' if key[:1].isdigit() else key


def _schema_of(content: Mapping[str, Any]) -> Json:
    return {
        key: {'type': 'object', 'properties': _schema_of(value)} if isinstance(value, dict) else _NUMBER
        for key, value in content.items()
    }


def _report(view: NodeView) -> Json:
    numbers = {name: view.values.get(key, '') for name, key in _FIGURES.items()}
    rates = {_key(name): rate.partition(' ')[0] for name, rate in view.figures('rate of ').items()}
    return {
        'state': view.state(time.monotonic()),
        'level': view.level,
        'message': view.message,
        'guardian': view.values.get('guardian', ''),
        'reasons': [{'robot': robot, 'reason': reason} for robot, reason in view.reasons.items()],
        **({'steps_per_second': view.rate} if math.isfinite(view.rate) else {}),
        **{name: float(text) for name, text in numbers.items() if text},
        'message_rates_hz': {name: float(text) for name, text in rates.items()},
    }


def _log_entry(view: NodeView, fault: Fault) -> Json:
    seconds = math.floor(fault.time)
    stamp = {'sec': seconds, 'nsec': int((fault.time - seconds) * 1e9)}
    return {
        'timestamp': stamp,
        'level': _LEVELS[fault.level],
        'message': fault.text,
        'name': view.name,
        'file': '',
        'line': 0,
    }
