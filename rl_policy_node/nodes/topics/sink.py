# SPDX-License-Identifier: Apache-2.0
"""Converts a command from arrays of rows to the messages of its topics, and back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
import functools
from typing import Any

import numpy as np

from rl_policy_node.adapters import create_adapter
from rl_policy_node.control.action_spec import ActionSpec
from rl_policy_node.control.action_terms import command_shapes, KINDS
from rl_policy_node.control.action_terms.action_term import ARRAYS, JOINT_STATE, NUMBER, TRAJECTORY
from rl_policy_node.control.arrays import Array, Command, Mask, Stamps, Values
from rl_policy_node.control.reductions import any_true, greatest
from rl_policy_node.control.source_buffer import SourceBuffer
from rl_policy_node.control.specs import ControlSpec
from rl_policy_node.errors import ConfigurationError, unknown
from rl_policy_node.nodes.interfaces import Message
from rl_policy_node.nodes.topics.naming import named_for, row_groups
from rl_policy_node.nodes.topics.serialized import Template, template
from rl_policy_node.nodes.topics.source import joint_order


@dataclass(frozen=True)
class _Received:
    """The options that a buffer of received commands needs; such commands never become stale."""

    topic: str
    max_age: float = np.inf
    use_header_stamp: bool = False
    frozen_after: float | None = None
    future_tolerance: float | None = None
    rows: bool = False
    stale: str = 'hold'


class Sink:
    """Converts field → array of rows into messages and back, by the adapter of a command.

    groups: the rows of each of its topics; the index into them identifies a topic.
    """

    def __init__(self, spec: ActionSpec, control: ControlSpec) -> None:
        """Create the adapter. control: gives the default time_from_start of trajectories, and the robots' names."""
        self.spec, kind = spec, KINDS[spec.kind]
        if spec.type not in kind.message_types and ':' not in spec.type:
            raise unknown('message type', spec.type, kind.message_types, f'actions.{spec.name}.type (kind {spec.kind})')
        if spec.type in (JOINT_STATE, TRAJECTORY) and not spec.joints:
            raise ConfigurationError(f'actions.{spec.name}: {spec.type} needs joints')
        if spec.type == NUMBER and sum(shape[0] for shape in command_shapes(spec).values()) != 1:
            raise ConfigurationError(f'actions.{spec.name}: {spec.type} carries 1 number; the command has more')
        # a simulator in lockstep matches commands with observations by their stamps
        self._now = spec.type == TRAJECTORY and spec.trajectory_start == 'now' and not control.lockstep
        if spec.rows and spec.type not in ARRAYS:
            raise unknown('message type', spec.type, ARRAYS, f'actions.{spec.name}.type (rows: true)')
        self.adapter = create_adapter(spec.type, f'actions.{spec.name}.type', **self._options(1.0 / control.rate))
        self.groups = row_groups(spec.rows, control.rows)
        self._names = [() if spec.rows else named_for(spec.joints, control.robots[rows.start]) for rows in self.groups]
        self._templates = [self._template(topic, rows) for topic, rows in enumerate(self.groups)]

    def _template(self, topic: int, rows: slice) -> Template | None:
        if ':' in self.spec.type:  # an adapter of the user may do anything with the numbers
            return None
        shapes = {
            field: (rows.stop - rows.start, *shape) if self.spec.rows else shape
            for field, shape in command_shapes(self.spec).items()
        }
        return template(functools.partial(self._made, topic), shapes, self.adapter.dtype)

    def _options(self, period: float) -> dict[str, Any]:
        options: dict[str, Any] = {'frame_id': self.spec.frame_id}
        if self.spec.type == TRAJECTORY:
            # from the observation's stamp the point after one period would lie in the past
            options['time_from_start'] = self.spec.time_from_start or (period if self._now else 2 * period)
        else:
            for name, given in (
                ('time_from_start', self.spec.time_from_start),
                ('trajectory_start', self.spec.trajectory_start != 'now'),
            ):
                if given:
                    raise ConfigurationError(f'actions.{self.spec.name}.{name} means nothing to {self.spec.type}')
        return options

    def messages(self, command: Command, stamps: Stamps, rows: Mask) -> Iterator[tuple[int, Message]]:
        """Yield (topic, message) of the commands of rows. stamps (rows,): ns."""
        for topic, arrays, stamp in self._parts(command, stamps, rows):
            yield topic, self._made(topic, arrays, stamp)

    def outgoing(self, command: Command, stamps: Stamps, rows: Mask) -> Iterator[tuple[int, Message]]:
        """Yield (topic, message) likewise, serialized where possible: a publisher also takes bytes."""
        for topic, arrays, stamp in self._parts(command, stamps, rows):
            known = self._templates[topic]
            yield topic, self._made(topic, arrays, stamp) if known is None else known.filled(arrays, stamp)

    def _made(self, topic: int, arrays: Values, stamp: int) -> Message:
        return self.adapter.to_message(arrays, stamp, self._names[topic])

    def _parts(self, command: Command, stamps: Stamps, rows: Mask) -> Iterator[tuple[int, dict[str, Array], int]]:
        """Yield (topic, field → array, stamp) of each message to send; a stamp of 0 means now."""
        if self.spec.rows:
            if any_true(rows):
                yield 0, dict(command), int(greatest(stamps))
            return
        each = [0] * len(stamps) if self._now else stamps.tolist()
        for row, wanted in enumerate(rows.tolist()):
            if wanted:
                yield row, {field: value[row] for field, value in command.items()}, each[row]

    def buffer(self, rows: int) -> SourceBuffer:
        """Return a buffer for received commands, for the side of the robots."""
        shapes = {field: (shape, np.dtype(np.float64)) for field, shape in command_shapes(self.spec).items()}
        return SourceBuffer(_Received(self.spec.topic), shapes, rows)

    def read(self, topic: int, message: Message) -> dict[str, Array]:
        """Return the command field → (n, ...) in a received message of n rows; raises ValueError."""
        arrays, names = self.adapter.to_arrays(message), self.adapter.names(message)
        if names is not None:
            order = joint_order(names, self._names[topic])
            arrays = {field: value[order] for field, value in arrays.items()}
        if 'data' in arrays:
            arrays = {next(iter(command_shapes(self.spec))): arrays['data']}
        return dict(arrays) if self.spec.rows else {field: value[np.newaxis] for field, value in arrays.items()}
