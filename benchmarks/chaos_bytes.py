# SPDX-License-Identifier: Apache-2.0
"""Messages as an attacker, a bug or a bad cable would make them: of a sound message, or of its bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
import math
import random
import struct
from typing import Any, TypeAlias

from rclpy.serialization import deserialize_message, serialize_message

HEADER = 4  # bytes before the message, which its alignment counts from
# where a length may stand: none, one, the limits of signed and unsigned, what a machine could just allocate
LENGTHS = (0, 1, 2, 5, 0xFF, 0xFFFF, 1 << 20, 1 << 28, (1 << 31) - 1, 1 << 31, (1 << 32) - 1)
NUMBERS = (math.nan, math.inf, -math.inf, 1e308, -1e308, 3.5e38, 1e30, -1e6, 5e-324, -0.0, 0.0, 7.0)
STAMP_STEPS = (-(10**9), -3600, -10, -1, 1, 10, 3600, 10**9)  # s
WORDS = ('', 'shoulder', 'elbow', 'a' * 300, '\x01', 'ß€', 'other_joint', '{robot}', '../../etc')

Bytes: TypeAlias = Callable[[random.Random, bytes], bytes]
Whole: TypeAlias = Callable[[random.Random, Any], object]


def cut(chance: random.Random, payload: bytes) -> bytes:
    """Return the beginning of a message."""
    return payload[: chance.randrange(len(payload))]


def grown(chance: random.Random, payload: bytes) -> bytes:
    """Return a message with random bytes after its end."""
    return payload + chance.randbytes(chance.choice((1, 3, 4, 64, 5000)))


def lengths(chance: random.Random, payload: bytes) -> bytes:
    """Return a message in which one to three words of four bytes became a length of LENGTHS."""
    changed, order = bytearray(payload), '<' if payload[1] else '>'
    for _ in range(chance.randint(1, 3)):
        words = (len(payload) - HEADER) // 4
        if words:
            struct.pack_into(f'{order}I', changed, HEADER + 4 * chance.randrange(words), chance.choice(LENGTHS))
    return bytes(changed)


def bits(chance: random.Random, payload: bytes) -> bytes:
    """Return a message with one to eight bits flipped, its header of four bytes included."""
    changed = bytearray(payload)
    for _ in range(chance.randint(1, 8)):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def encapsulation(chance: random.Random, payload: bytes) -> bytes:
    """Return a message, or its beginning, that says it is encoded otherwise."""
    body = payload[HEADER:] if chance.random() < 0.7 else b''
    return (
        bytes(
            (
                chance.choice((0, 0, 0, 0xFF)),
                chance.choice((0, 2, 3, 6, 7, 8, 9, 10, 11, 0xFF)),
                chance.randrange(256),
                chance.randrange(256),
            )
        )
        + body
    )


def noise(chance: random.Random, payload: bytes) -> bytes:
    """Return plain CDR of random bytes, as many as the message has."""
    return payload[:HEADER] + chance.randbytes(max(len(payload) - HEADER, 1))


def values(chance: random.Random, message: Any) -> None:
    """Make one to three of a message's numbers NaN, infinite, huge, tiny or others of NUMBERS."""
    places = [place for place in _places(message) if isinstance(place[2], float)]
    for holder, key, _ in chance.sample(places, min(len(places), chance.randint(1, 3))):
        _put(holder, key, chance.choice(NUMBERS))


def texts(chance: random.Random, message: Any) -> None:
    """Make some of a message's texts others of WORDS: joints, frames, encodings."""
    places = [place for place in _places(message) if isinstance(place[2], str)]
    for holder, key, _ in chance.sample(places, min(len(places), chance.randint(1, 3))):
        _put(holder, key, chance.choice(WORDS))


def sizes(chance: random.Random, message: Any) -> None:
    """Lengthen, shorten, double or shuffle a sequence of a message, or make one of its whole numbers another."""
    lists = [
        (holder, name)
        for holder, name, value in _fields(message)
        if hasattr(value, 'append') or hasattr(value, 'typecode')
    ]
    whole = [place for place in _places(message) if type(place[2]) is int]
    if lists and (not whole or chance.random() < 0.6):
        holder, name = chance.choice(lists)
        value = getattr(holder, name)
        changed = chance.choice((value[: len(value) // 2], value[:0], value + value, value + value[-1:], value[::-1]))
        setattr(holder, name, changed)
    elif whole:
        holder, key, _ = chance.choice(whole)
        _put(holder, key, chance.choice((0, 1, 2, 127)))


def stamps(chance: random.Random, message: Any) -> None:
    """Move a message's stamp behind or ahead."""
    stamp = getattr(getattr(message, 'header', message), 'stamp', None)
    if stamp is not None:
        stamp.sec = min(max(stamp.sec + chance.choice(STAMP_STEPS), -(2**31)), 2**31 - 1)
        stamp.nanosec = chance.choice((stamp.nanosec, 0, 999_999_999, 2**32 - 1))


OF_BYTES: dict[str, Bytes] = {each.__name__: each for each in (cut, grown, lengths, bits, encapsulation, noise)}
OF_MESSAGES: dict[str, Whole] = {each.__name__: each for each in (values, texts, sizes, stamps)}
KINDS = (*OF_BYTES, *OF_MESSAGES, 'duplicate')


def mutated(chance: random.Random, kind: str, payload: bytes, message_type: type) -> bytes:
    """Return the bytes of a sound message after a mutation of KINDS."""
    if kind in OF_BYTES:
        return OF_BYTES[kind](chance, payload)
    if kind in OF_MESSAGES:
        message = deserialize_message(payload, message_type)
        OF_MESSAGES[kind](chance, message)
        return serialize_message(message)
    return payload


def _fields(message: Any) -> Iterator[tuple[Any, str, Any]]:
    """Yield (holder, name, value) of each field, nested ones too."""
    for name in message.get_fields_and_field_types():
        value = getattr(message, name)
        if hasattr(value, 'get_fields_and_field_types'):
            yield from _fields(value)
        else:
            yield message, name, value
            if isinstance(value, list):
                for each in value:
                    if hasattr(each, 'get_fields_and_field_types'):
                        yield from _fields(each)


def _places(message: Any) -> list[tuple[Any, Any, Any]]:
    """Return (holder, name or (name, index), value) of each number and text; of long sequences the first 32."""
    found: list[tuple[Any, Any, Any]] = []
    for holder, name, value in _fields(message):
        if isinstance(value, (bool, int, float, str)):
            found.append((holder, name, value))
        elif hasattr(value, '__getitem__'):
            found += [
                (holder, (name, index), each.item() if hasattr(each, 'item') else each)
                for index, each in enumerate(value[:32])
            ]
    return found


def _put(holder: Any, key: Any, value: Any) -> None:
    if isinstance(key, tuple):
        getattr(holder, key[0])[key[1]] = value
    else:
        setattr(holder, key, value)
