# SPDX-License-Identifier: Apache-2.0
"""Serializes commands fast: writes numbers and stamps to their places in the bytes of a prepared message."""

from collections.abc import Callable, Mapping
import struct
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray
from rclpy.serialization import deserialize_message, serialize_message

from rl_policy_node.adapters.adapter import cast
from rl_policy_node.control.arrays import Values
from rl_policy_node.control.reductions import surely_small
from rl_policy_node.nodes.interfaces import Message

_STAMP = struct.Struct('=iI')
# seconds and nanoseconds of a stamp whose bytes occur nowhere else
_SECONDS, _NANOSECONDS = 0x5A3C96E1, 0x2B17D4C5


class Template:
    """The bytes of a message, with the places of the stamp and of each array of a command.

    A message object is built field by field, and read field by field when it is published; a template only copies
    arrays.
    """

    def __init__(self, block: bytearray, views: Mapping[str, NDArray[Any]], stamp_at: int | None) -> None:
        self._block, self._views, self._stamp_at = block, views, stamp_at

    def filled(self, arrays: Values, stamp: int) -> bytes:
        """Return the serialized message of field → array. stamp: ns.

        Raises ValueError if a number does not fit into the type.
        """
        for field, view in self._views.items():
            value = arrays[field]
            fits = view.dtype == value.dtype or surely_small(value)
            view[...] = value if fits else cast(field, value, view.dtype)
        if self._stamp_at is not None:
            _STAMP.pack_into(self._block, self._stamp_at, *divmod(stamp, 1_000_000_000))
        return bytes(self._block)


def template(
    make: Callable[[dict[str, NDArray[np.float64]], int], Message],
    shapes: Mapping[str, tuple[int, ...]],
    dtype: DTypeLike,
) -> Template | None:
    """Return the Template of the messages that make(arrays, stamp) returns, None if there can be none.

    shapes: field → shape. dtype: of the numbers in the message. One message serves to find the places, another one to
    check them.
    """
    # random numbers, whose bytes occur nowhere else
    first, second = (
        {field: random.uniform(0.5, 1.0, shape) for field, shape in shapes.items()}
        for random in map(np.random.default_rng, range(2))
    )
    block = bytearray(serialize_message(make(first, _SECONDS * 10**9 + _NANOSECONDS)))
    views = {}
    for field, value in first.items():
        place = _only(block, value.astype(dtype).tobytes())
        if place is None:
            return None
        views[field] = np.frombuffer(block, dtype, value.size, place).reshape(value.shape)
    found = Template(block, views, _only(block, _STAMP.pack(_SECONDS, _NANOSECONDS)))
    stamp = 10**18 + 1
    wanted = make(second, stamp)
    # compare messages, not bytes: the padding between two fields is arbitrary
    return found if deserialize_message(found.filled(second, stamp), type(wanted)) == wanted else None


def _only(block: bytearray, part: bytes) -> int | None:
    """Return the only place of a part in the bytes, None if there is none or more than one."""
    return block.find(part) if block.count(part) == 1 else None
