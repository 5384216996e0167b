# SPDX-License-Identifier: Apache-2.0
"""Events as bytes (msgpack) and back, bit for bit.

A list stands for everything that has parts: its first element says what it is, a number for a named tuple of
`recording.TYPES`, or one of the marks below. Arrays are bytes with dtype and shape. What lies on a topic of its own,
the payload of a message or of a command, is left out: the sequence number of that message takes its place. Of a large
input of the network there is a Checksum: it follows from the messages.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
import functools
import hashlib
import math
import struct
from typing import Any, cast, Final, NamedTuple

import msgpack
import numpy as np
from numpy.typing import NDArray

from rl_policy_node.control.arrays import Array
from rl_policy_node.core import recording
from rl_policy_node.core.recording import Command, Event, Message, Step
from rl_policy_node.errors import ConfigurationError, unfit

VERSION: Final = 1
_TUPLE, _SLICE = -1, -2
_ARRAY, _SCALAR, _LARGE = 1, 2, 3  # extension types: array, number of numpy, integer beyond 64 bits
LARGEST_INPUT: Final = 1 << 16  # bytes of an input, of all rows together, that is recorded itself
_ATOMS: Final = frozenset((bool, int, float, str, bytes, type(None)))


class Checksum(NamedTuple):
    """Stands for a large array. digest: BLAKE2b of its bytes, in C order."""

    dtype: str
    shape: tuple[int, ...]
    digest: bytes

    @classmethod
    def of(cls, array: Array) -> Checksum:
        """Return that of an array."""
        return cls(
            array.dtype.str, array.shape, hashlib.blake2b(np.ascontiguousarray(array).data, digest_size=16).digest()
        )


_TYPES: Final[tuple[Any, ...]] = (*recording.TYPES, Checksum)
_NUMBERS: Final = {kind: number for number, kind in enumerate(_TYPES)}
# fields of each named tuple, as a bag states them
FIELDS: Final[Mapping[str, tuple[str, ...]]] = {kind.__name__: kind._fields for kind in _TYPES}


def packed(events: Sequence[Event], elsewhere: Mapping[int, int]) -> bytes:
    """Return the bytes of events. elsewhere: index of an event → sequence number of the message with its payload."""
    plain = []
    for index, event in enumerate(events):
        parts: Any = event
        if isinstance(event, (Message, Command)) and index in elsewhere:
            parts = event._replace(payload=cast(bytes, elsewhere[index]))
        elif isinstance(event, Step):
            parts = _without_large_inputs(event)
        plain.append(_plain(parts))
    return cast(bytes, msgpack.packb([VERSION, plain]))


def unpacked(data: bytes, payload: Callable[[int], bytes]) -> list[Event]:
    """Return the events of such bytes. payload(sequence): of the message with that number.

    Raises ConfigurationError for another version, or for bytes that are none.
    """
    try:
        version, plain = msgpack.unpackb(data, strict_map_key=False, ext_hook=_extension)
    except (ValueError, TypeError) as error:
        raise unfit(
            "a message of '~/policy/record'", f'{len(data)} bytes, not a record ({error})', 'msgpack'
        ) from error
    if version != VERSION:
        raise unfit('the record of this bag', f'of version {version}', f'{VERSION}, of another rl_policy_node')
    found: list[Event] = []
    for event in map(_original, plain):
        if isinstance(event, (Message, Command)) and isinstance(event.payload, int):
            event = event._replace(payload=payload(event.payload))
        found.append(event)
    return found


def refuse_others(fields: Mapping[str, Sequence[str]]) -> None:
    """Raise ConfigurationError if events of a bag have other fields than those of this version."""
    for name, own in FIELDS.items():
        if name not in fields or tuple(fields[name]) != own:
            raise ConfigurationError(
                f"the events of this bag are of another rl_policy_node: '{name}' has the fields "
                f'{list(fields.get(name, ()))}; here it has {list(own)}'
            )


def _without_large_inputs(step: Step) -> Step:
    outcome = step.outcome
    if outcome is None or not outcome.inputs or all(each.nbytes <= LARGEST_INPUT for each in outcome.inputs.values()):
        return step
    small: dict[str, Any] = {
        name: array if array.nbytes <= LARGEST_INPUT else Checksum.of(array) for name, array in outcome.inputs.items()
    }
    return step._replace(outcome=outcome._replace(inputs=small))


def _plain(value: Any) -> Any:
    kind = type(value)
    if kind in _ATOMS:
        if kind is int and not -(1 << 63) <= value < 1 << 64:
            return msgpack.ExtType(_LARGE, str(value).encode())
        return value
    if kind is np.ndarray:
        return msgpack.ExtType(_ARRAY, _head(value.dtype, value.shape) + value.tobytes())
    number = _NUMBERS.get(kind)
    if number is not None:
        return [number, *map(_plain, value)]
    if isinstance(value, np.generic):
        return msgpack.ExtType(_SCALAR, _head(value.dtype, ()) + value.tobytes())
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if kind is slice:
        return [_SLICE, value.start, value.stop, value.step]
    if kind is tuple:
        return [_TUPLE, *map(_plain, value)]
    raise TypeError(f'a recording cannot hold a {kind.__name__}')


@functools.lru_cache(maxsize=1024)
def _head(dtype: np.dtype[Any], shape: tuple[int, ...]) -> bytes:
    name: bytes = dtype.str.encode()
    return struct.pack(f'<BB{len(shape)}I', len(name), len(shape), *shape) + name


def _extension(code: int, data: bytes) -> Any:
    if code == _LARGE:
        return int(data)
    length, dimensions = data[0], data[1]
    at = 2 + 4 * dimensions
    shape = struct.unpack_from(f'<{dimensions}I', data, 2)
    dtype = np.dtype(data[at : at + length].decode())
    # a copy: numbers lie at any place of the bytes
    array: NDArray[Any] = np.frombuffer(data, dtype, math.prod(shape), at + length).reshape(shape).copy()
    array.flags.writeable = False
    return array[()] if code == _SCALAR else array


def _original(value: Any) -> Any:
    if isinstance(value, list):
        mark, *parts = value
        if mark == _SLICE:
            return slice(*parts)
        found = map(_original, parts)
        return tuple(found) if mark == _TUPLE else _TYPES[mark](*found)
    if isinstance(value, dict):
        return {key: _original(each) for key, each in value.items()}
    return value
