# SPDX-License-Identifier: Apache-2.0
"""Commands serialized beforehand: numbers and stamps are written to their places in the bytes of a message."""
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
# a stamp that resembles no other number: seconds, nanoseconds
_SECONDS, _NANOSECONDS = 0x5A3C96E1, 0x2B17D4C5


class Template:
    """The bytes of a message, with the places of each array of a command, and of the stamp.

    A message object would be built field by field, and read likewise when it is published; a template only copies
    arrays.
    """

    def __init__(self, block: bytearray, views: Mapping[str, NDArray[Any]], stamp_at: int | None) -> None:
        self._block, self._views, self._stamp_at = block, views, stamp_at

    def filled(self, arrays: Values, stamp: int) -> bytes:
        """Return the serialized message of field → array. stamp: ns.

        Raises ValueError where the type has no room for a number.
        """
        for field, view in self._views.items():
            value = arrays[field]
            fits = view.dtype == value.dtype or surely_small(value)
            view[...] = value if fits else cast(field, value, view.dtype)
        if self._stamp_at is not None:
            _STAMP.pack_into(self._block, self._stamp_at, *divmod(stamp, 1_000_000_000))
        return bytes(self._block)


def template(make: Callable[[dict[str, NDArray[np.float64]], int], Message], shapes: Mapping[str, tuple[int, ...]],
             dtype: DTypeLike) -> Template | None:
    """Return the Template of the messages that make(arrays, stamp) makes, or None where they have none.

    shapes: field → shape. dtype: of the numbers in the message. The places are found in the bytes of one message, and
    checked with another.
    """
    # numbers that occur nowhere else
    first, second = ({field: random.uniform(0.5, 1.0, shape) for field, shape in shapes.items()}
                     for random in map(np.random.default_rng, range(2)))
    block = bytearray(serialize_message(make(first, _SECONDS * 10 ** 9 + _NANOSECONDS)))
    views = {}
    for field, value in first.items():
        place = _only(block, value.astype(dtype).tobytes())
        if place is None:
            return None
        views[field] = np.frombuffer(block, dtype, value.size, place).reshape(value.shape)
    found = Template(block, views, _only(block, _STAMP.pack(_SECONDS, _NANOSECONDS)))
    stamp = 10 ** 18 + 1
    wanted = make(second, stamp)
    # not the bytes: the padding between two fields is arbitrary
    return found if deserialize_message(found.filled(second, stamp), type(wanted)) == wanted else None


def _only(block: bytearray, part: bytes) -> int | None:
    """Return the only place of a part in the bytes, None where there is none or several."""
    return block.find(part) if block.count(part) == 1 else None
