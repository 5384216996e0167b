# SPDX-License-Identifier: Apache-2.0
"""Checks serialized messages before native code decodes them: anyone on the network may send them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
import struct
from typing import NamedTuple

from rclpy.serialization import deserialize_message
from rosidl_parser.definition import AbstractType, AbstractWString, Array, BasicType, NamespacedType

from rl_policy_node.adapters.adapter import message_class
from rl_policy_node.adapters.cdr import HEADER
from rl_policy_node.nodes.interfaces import Message

# plain CDR, big and little endian, as the middlewares send it. Decoders may crash on another encoding.
_ENCAPSULATIONS = (b'\x00\x00', b'\x00\x01')
_WORDS = (struct.Struct('>I'), struct.Struct('<I'))
_SIZES = {
    'boolean': 1,
    'octet': 1,
    'char': 1,
    'int8': 1,
    'uint8': 1,
    'wchar': 2,
    'int16': 2,
    'uint16': 2,
    'int32': 4,
    'uint32': 4,
    'float': 4,
    'int64': 8,
    'uint64': 8,
    'double': 8,
    'long double': 16,
}
_LENGTH = 4  # bytes of the length of a sequence or a string


class _Step(NamedTuple):
    """A stretch of a message: `size` aligned bytes; if counted, repeated as often as the word before it says.

    inner: the steps of each element, if the size of an element varies.
    """

    alignment: int
    size: int
    counted: bool = False
    inner: tuple[_Step, ...] = ()


class Payload:
    """Decodes serialized messages of one type, and refuses malformed ones before native code sees them.

    least: bytes of the shortest message of the type, with its header of four.
    """

    def __init__(self, message_type: type) -> None:
        self.message_type = message_type
        self._steps = _joined(_steps(message_type))
        self.least = HEADER + _least(self._steps)

    def message(self, payload: bytes) -> Message:
        """Return the message of its bytes; raises ValueError for malformed bytes."""
        self.check(payload)
        try:
            return deserialize_message(payload, self.message_type)
        except RuntimeError as error:  # rclpy's own type is private
            raise ValueError(f'the message cannot be read: {error}') from error

    def check(self, payload: bytes) -> None:
        """Raise ValueError for bytes that native code must not decode.

        For a length beyond the end native code would write a line to stderr, or allocate memory first.
        """
        if len(payload) < HEADER:
            raise ValueError(f'{len(payload)} bytes are no message; its header alone has {HEADER}')
        if payload[:2] not in _ENCAPSULATIONS:
            raise ValueError(f'the message is encoded as 0x{payload[:2].hex()}; expected plain CDR, 0x0000 or 0x0001')
        # the two last bits of the header count the bytes that fill the message up to a multiple of four
        size = len(payload) - (payload[3] & 3)
        if size < self.least:
            raise ValueError(f'the message has {size} bytes; a {self.message_type.__name__} has at least {self.least}')
        _walk(self._steps, payload, HEADER, size)

    def length(self, payload: bytes) -> int:
        """Return the bytes that a message really takes: some middlewares append some more. Raises ValueError."""
        return _walk(self._steps, payload, HEADER, len(payload))


def _walk(steps: Sequence[_Step], payload: bytes, at: int, end: int) -> int:
    """Return the position after steps that begin at `at`; raises ValueError if it is beyond `end`."""
    for alignment, size, counted, inner in steps:
        if counted:
            # header and length have the same size, so alignment may count from before or after the header
            at += -at % _LENGTH + _LENGTH
            if at > end:
                raise _beyond(at, end)
            count = _WORDS[payload[1]].unpack_from(payload, at - _LENGTH)[0]
            if not count:
                continue  # an empty sequence is not aligned
            if at + count * size > end:
                raise _beyond(at + count * size, end)
            if inner:
                for _ in range(count):
                    at = _walk(inner, payload, at, end)
                continue
            size *= count
        at += (HEADER - at) % alignment + size
        if at > end:
            raise _beyond(at, end)
    return at


def _beyond(at: int, end: int) -> ValueError:
    return ValueError(f'the message has {end} bytes; a field of it ends at {at}')


def _least(steps: Sequence[_Step]) -> int:
    """Return the size of the shortest message, whose strings and sequences are empty.

    Serializing an empty message would not give it: the middleware makes that longer than necessary.
    """
    at = 0
    for step in steps:
        alignment, size = (_LENGTH, _LENGTH) if step.counted else (step.alignment, step.size)
        at += -at % alignment + size
    return at


def _joined(steps: Iterator[_Step]) -> tuple[_Step, ...]:
    """Join neighbouring steps of a known size, if the place of the second follows from the first."""
    found: list[_Step] = []
    for step in steps:
        last = found[-1] if found else None
        if last and not last.counted and not step.counted and step.alignment <= last.alignment:
            found[-1] = last._replace(size=last.size + -last.size % step.alignment + step.size)
        else:
            found.append(step)
    return tuple(found)


def _steps(message_type: type) -> Iterator[_Step]:
    for slot in message_type.SLOT_TYPES:  # type: ignore[attr-defined]  # every message class has it
        yield from _steps_of(slot)


def _steps_of(slot: AbstractType) -> Iterator[_Step]:
    if isinstance(slot, Array):
        for _ in range(slot.size):
            yield from _steps_of(slot.value_type)
    elif isinstance(slot, NamespacedType):
        yield from _steps(message_class('/'.join(slot.namespaced_name())))
    elif isinstance(slot, BasicType):
        size = _SIZES[slot.typename]
        yield _Step(min(size, 8), size)
    elif hasattr(slot, 'value_type'):  # a sequence
        inner = _joined(_steps_of(slot.value_type))
        if len(inner) == 1 and not inner[0].counted and inner[0].size % inner[0].alignment == 0:
            yield inner[0]._replace(counted=True)
        else:
            yield _Step(1, max(_least(inner), 1), True, inner)
    else:
        yield _Step(2 if isinstance(slot, AbstractWString) else 1, 2 if isinstance(slot, AbstractWString) else 1, True)
