# SPDX-License-Identifier: Apache-2.0
"""Serialized messages as a robot's drivers send them, which know nothing of the policy.

Joints come in another order and among others, and quaternions with either sign.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from rclpy.serialization import serialize_message

from rl_policy_node.control.arrays import Array, Values
from rl_policy_node.control.specs import ControlSpec
from rl_policy_node.nodes.interfaces import Message
from rl_policy_node.nodes.topics.naming import named_for
from rl_policy_node.nodes.topics.source import Source

FOREIGN = ('foreign_a', 'foreign_b')  # joints that no file names


class DriverMessages:
    """Makes the messages of sources of what their drivers measure; reader and writer share the types' adapters alone.

    signs: whether the sign of quaternions is drawn anew for each message. Raises ValueError for values that a type
    cannot carry.
    """

    def __init__(self, control: ControlSpec, sources: Mapping[str, Source], seed: int, signs: bool = True) -> None:
        self._random, self._signs = np.random.default_rng(seed), signs
        self._sources = sources
        # (source, row) → its joints and foreign ones, in the order of this driver, where the type carries names
        self._names = {
            (name, row): tuple(self._random.permutation([*named_for(source.joints, robot), *FOREIGN]).tolist())
            for name, source in sources.items()
            for row, robot in enumerate(control.robots)
            if source.joints and source.adapter.names(source.adapter.message_type()) is not None
        }
        self._own = {
            (name, row): named_for(source.joints, robot)
            for name, source in sources.items()
            for row, robot in enumerate(control.robots)
        }
        self._robots = control.robots

    def of(self, name: str, rows: slice, values: Values, stamp: int) -> bytes:
        """Return the message of a source to rows. values: field → (rows, …), joints in the order of the source's.

        stamp: ns.
        """
        source = self._sources[name]
        if source.spec.rows:
            return serialized(source.adapter.to_message(dict(values), stamp))
        row = rows.start
        of_row = {field: self._turned(field, value[row]) for field, value in values.items()}
        names = self._names.get((name, row), ())
        if names:
            own = self._own[name, row]
            of_row = {field: self._shuffled(value, own, names) for field, value in of_row.items()}
        message = source.adapter.to_message(of_row, stamp, names)
        if source.spec.frame_id:
            message.header.frame_id = source.spec.frame_id.replace('{robot}', self._robots[row].strip('/'))
        return serialized(message)

    def _shuffled(self, value: Array, own: tuple[str, ...], names: tuple[str, ...]) -> Array:
        known = dict(zip(own, value.tolist()))
        return np.array([known[name] if name in known else self._random.normal() for name in names])

    def _turned(self, field: str, value: Array) -> Array:
        """Return −q for some quaternions q: the same orientation."""
        if field != 'orientation' or not self._signs:
            return value
        return value if self._random.random() < 0.5 else -value


def serialized(message: Message) -> bytes:
    """Return the bytes of a message; bytes as they are."""
    return message if isinstance(message, bytes) else bytes(serialize_message(message))
