# SPDX-License-Identifier: Apache-2.0
"""Arrays as serialized messages of std_msgs, and back, bit for bit.

The first dimension of the layout, rows, bears the name of the array, the others have numbers. An array whose dtype no
message has, such as bool, travels as bytes: a last dimension bears the dtype's name, |b1, and has as many bytes as a
number of it.
"""

from __future__ import annotations

from collections.abc import Mapping
import functools
import struct
from typing import Final

import numpy as np
from std_msgs.msg import (
    Float32MultiArray,
    Float64MultiArray,
    Int8MultiArray,
    Int16MultiArray,
    Int32MultiArray,
    Int64MultiArray,
    UInt8MultiArray,
    UInt16MultiArray,
    UInt32MultiArray,
    UInt64MultiArray,
)

from rl_policy_node.adapters.cdr import Cdr, HEADER
from rl_policy_node.control.arrays import Array, Shape
from rl_policy_node.errors import unfit
from rl_policy_node.nodes.topics.message_definitions import type_name

_TYPES: Final[Mapping[str, type]] = {
    '<f4': Float32MultiArray,
    '<f8': Float64MultiArray,
    '|i1': Int8MultiArray,
    '<i2': Int16MultiArray,
    '<i4': Int32MultiArray,
    '<i8': Int64MultiArray,
    '|u1': UInt8MultiArray,
    '<u2': UInt16MultiArray,
    '<u4': UInt32MultiArray,
    '<u8': UInt64MultiArray,
}
_DTYPES: Final = {type_name(kind): dtype for dtype, kind in _TYPES.items()}
_ORDERS: Final = ('<', '>', '|')  # begin the name of a dtype


def message_type(array: Array) -> type:
    """Return the class of the message that carries an array."""
    return _TYPES.get(array.dtype.str, UInt8MultiArray)


def payload_of(name: str, array: Array) -> bytes:
    """Return the serialized message of an array, (rows, ...) or a number. Raises ValueError for an array of objects."""
    if array.dtype.hasobject:
        raise unfit(f"array '{name}'", 'of Python objects', 'numbers')
    return _head(name, array.dtype.str, array.dtype.itemsize, array.shape) + array.tobytes()


def array_of(kind: str, payload: bytes) -> tuple[str, Array]:
    """Return name and array of a serialized message of the type `kind`; the array uses the memory of the payload.

    A single number has no name: ''.

    Raises ConfigurationError for a type that carries no array, ValueError for bytes that are no message.
    """
    if kind not in _DTYPES:
        raise unfit('type of an array', kind, ', '.join(_DTYPES))
    cdr, dtype = Cdr(payload), np.dtype(_DTYPES[kind])
    dimensions = [(cdr.text(), cdr.word(), cdr.word()) for _ in range(cdr.word())]
    cdr.word()
    start, count = cdr.span(dtype.itemsize)
    if dimensions and dimensions[-1][0].startswith(_ORDERS):
        label, size, _ = dimensions.pop()
        dtype, count = np.dtype(label), count // size
    name = dimensions[0][0] if dimensions else ''
    return name, np.frombuffer(payload, dtype, count, start).reshape([size for _, size, _ in dimensions])


@functools.lru_cache(maxsize=1024)
def _head(name: str, dtype: str, itemsize: int, shape: Shape) -> bytes:
    """Return the bytes of a message up to the first number: plain CDR, little endian."""
    labels = [name, *map(str, range(1, len(shape)))][: len(shape)]
    sizes, step = list(shape), itemsize
    if dtype not in _TYPES:
        labels, sizes, step = [*labels, dtype], [*sizes, itemsize], 1
    data = bytearray(b'\0\1\0\0')

    def word(value: int) -> None:
        data.extend(bytes(-len(data) % 4) + struct.pack('<I', value))

    word(len(sizes))
    for axis, (label, size) in enumerate(zip(labels, sizes)):
        text = label.encode() + b'\0'
        word(len(text))
        data.extend(text)
        word(size)
        word(int(np.prod(sizes[axis:])))
    word(0)
    count = int(np.prod(sizes))
    word(count)
    # an empty sequence is not aligned
    return bytes(data + bytes((HEADER - len(data)) % step if count else 0))
