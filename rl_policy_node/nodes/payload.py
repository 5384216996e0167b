"""Serialized messages from anyone who can reach the topic: looked at before native code decodes them."""
from __future__ import annotations

from rclpy.serialization import deserialize_message
from rosidl_parser.definition import AbstractType, Array, BasicType, NamespacedType

from rl_policy_node.adapters.base import message_class
from rl_policy_node.adapters.cdr import HEADER
from rl_policy_node.nodes.protocols import Message

# plain CDR, big and little endian: what the middlewares send. Decoders that are given another one may crash.
_ENCAPSULATIONS = (b'\x00\x00', b'\x00\x01')
_SIZES = {'boolean': 1, 'octet': 1, 'char': 1, 'int8': 1, 'uint8': 1, 'wchar': 2, 'int16': 2, 'uint16': 2, 'int32': 4,
          'uint32': 4, 'float': 4, 'int64': 8, 'uint64': 8, 'double': 8, 'long double': 16}
_LENGTH = 4     # bytes that count the elements of a sequence, or the characters of a string


class Payload:
    """Decodes serialized messages of one type, and refuses those that are none, before native code sees them.

    least: bytes that the shortest message of the type has, its header of four included.
    """

    def __init__(self, message_type: type) -> None:
        self.message_type = message_type
        self.least = HEADER + _end(message_type, 0)

    def message(self, payload: bytes) -> Message:
        """Return the message of its bytes; raises ValueError for bytes that are none."""
        self.check(payload)
        try:
            return deserialize_message(payload, self.message_type)
        except RuntimeError as error:       # rclpy's own type is private
            raise ValueError(f'the message cannot be read: {error}') from error

    def check(self, payload: bytes) -> None:
        """Raise ValueError for bytes that native code must not see."""
        if len(payload) < HEADER:
            raise ValueError(f'{len(payload)} bytes are no message; its header alone has {HEADER}')
        if payload[:2] not in _ENCAPSULATIONS:
            raise ValueError(f'the message is encoded as 0x{payload[:2].hex()}; expected plain CDR, 0x0000 or 0x0001')
        # the two last bits of the header count the bytes that fill the message up to a multiple of four
        size = len(payload) - (payload[3] & 3)
        if size < self.least:
            raise ValueError(f'the message has {size} bytes; a {self.message_type.__name__} has at least '
                                f'{self.least}')


def _end(message_type: type, at: int) -> int:
    """Return where the shortest message of a type ends that begins at `at`: strings and sequences are empty.

    That of an empty message that the middleware serialized would not do: it is longer than it needs to be.
    """
    for slot in message_type.SLOT_TYPES:        # type: ignore[attr-defined]  # every message class has it
        at = _end_of(slot, at)
    return at


def _end_of(slot: AbstractType, at: int) -> int:
    if isinstance(slot, Array):
        for _ in range(slot.size):
            at = _end_of(slot.value_type, at)
        return at
    if isinstance(slot, NamespacedType):
        return _end(message_class('/'.join(slot.namespaced_name())), at)
    if isinstance(slot, BasicType):
        size = _SIZES[slot.typename]
        return at + -at % min(size, 8) + size
    # a sequence, or text
    return at + -at % _LENGTH + _LENGTH
