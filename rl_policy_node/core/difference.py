# SPDX-License-Identifier: Apache-2.0
"""The first bit in which a replayed step differs from the recorded one, by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
import struct
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np

from rl_policy_node.control.arrays import Array
from rl_policy_node.control.distribution import Piece
from rl_policy_node.core.outcome import Outcome


class Difference(NamedTuple):
    """A difference between a recording and its replay.

    step: number of the step, from 1; after a look, of the step before. time: s, steady. place: what differs, such as
    'inputs.obs'. term: the observation or action term, '': none. row: of the batch, −1: not of a row. element: index
    within term and row, (): there is only one. recorded, replayed: both values.
    """

    step: int
    time: float
    place: str
    term: str
    row: int
    element: tuple[int, ...]
    recorded: Any
    replayed: Any

    def __str__(self) -> str:
        parts = [
            f'step {self.step}',
            self.place,
            *([f"term '{self.term}'"] if self.term else []),
            *([f'row {self.row}'] if self.row >= 0 else []),
            *([f'number {",".join(map(str, self.element))}'] if self.element else []),
        ]
        return f'{", ".join(parts)}: recorded {self.recorded!r}, replayed {self.replayed!r}'


class Mismatch(NamedTuple):
    """The first difference of two trees. path: names from the root; place: index in the array there, if it is one."""

    path: tuple[str, ...]
    place: tuple[int, ...]
    recorded: Any
    replayed: Any


@runtime_checkable
class Digest(Protocol):
    """Stands for an array that was too large to record: equal digests, equal arrays."""

    @classmethod
    def of(cls, array: Array) -> Digest:
        """Return that of an array."""


def mismatch(recorded: object, replayed: object, path: tuple[str, ...] = ()) -> Mismatch | None:
    """Return the first difference of two trees of mappings, tuples, arrays and scalars, bit by bit; None: equal."""
    if isinstance(recorded, np.ndarray) and isinstance(replayed, np.ndarray):
        return _of_arrays(recorded, replayed, path)
    if isinstance(recorded, Mapping) and isinstance(replayed, Mapping):
        if set(recorded) != set(replayed):
            return Mismatch(path, (), _listed(recorded), _listed(replayed))
        return next(_found(recorded.items(), replayed.__getitem__, path), None)
    if isinstance(recorded, (tuple, list)) and isinstance(replayed, (tuple, list)) and len(recorded) == len(replayed):
        names = getattr(recorded, '_fields', range(len(recorded)))
        return next(_found(zip(names, recorded), dict(zip(names, replayed)).__getitem__, path), None)
    if isinstance(recorded, Digest) and isinstance(replayed, np.ndarray):
        replayed = type(recorded).of(replayed)
    return None if _same(recorded, replayed) else Mismatch(path, (), recorded, replayed)


def _found(pairs: Any, other: Any, path: tuple[str, ...]) -> Iterator[Mismatch]:
    for name, value in pairs:
        found = mismatch(value, other(name), (*path, str(name)))
        if found is not None:
            yield found


def _listed(tree: Mapping[Any, Any]) -> str:
    return '; '.join(
        f'{name}: {value}' if isinstance(value, str) else str(name) for name, value in sorted(tree.items())
    )


def _same(recorded: Any, replayed: Any) -> bool:
    if any(isinstance(each, (np.ndarray, Mapping, tuple, list)) for each in (recorded, replayed)):
        return False  # of different kinds or lengths
    if isinstance(recorded, float) and isinstance(replayed, (float, int)):
        return struct.pack('d', recorded) == struct.pack('d', replayed)
    return bool(recorded == replayed)


def _of_arrays(recorded: Array, replayed: Array, path: tuple[str, ...]) -> Mismatch | None:
    if recorded.dtype != replayed.dtype or recorded.shape != replayed.shape:
        return Mismatch(path, (), *(f'{each.dtype} {each.shape}' for each in (recorded, replayed)))
    if recorded.tobytes() == replayed.tobytes():
        return None
    bits = [np.frombuffer(each.tobytes(), np.uint8).reshape(-1, each.dtype.itemsize) for each in (recorded, replayed)]
    index = np.unravel_index(int((bits[0] != bits[1]).any(axis=1).argmax()), recorded.shape)
    return Mismatch(path, tuple(map(int, index)), recorded[index].item(), replayed[index].item())


def compare(recorded: Outcome, replayed: Outcome, pieces: Sequence[Piece], step: int, time: float) -> Difference | None:
    """Return the first difference of two outcomes, None if all bits are equal.

    What the policy saw comes before what it did, and that before the commands; but where another row acts, the reason
    comes first. pieces: the places of the observation terms. step, time: see Difference.
    """
    reasons = _first(recorded, replayed, ('reasons', 'changes'))
    found = _first(recorded, replayed, ('inputs',))
    if found is not None:
        found = reasons or found
    else:
        found = _first(recorded, replayed, ('actions',)) or reasons or _first(recorded, replayed, Outcome._fields)
    return None if found is None else named(found, pieces, step, time)


def _first(recorded: Outcome, replayed: Outcome, fields: Sequence[str]) -> Mismatch | None:
    return next(
        _found(((name, getattr(recorded, name)) for name in fields), lambda name: getattr(replayed, name), ()), None
    )


def named(found: Mismatch, pieces: Sequence[Piece], step: int, time: float) -> Difference:
    """Return a mismatch as a Difference; an element of an input is counted within its term."""
    (row, *element), place, term = found.place or (-1,), '.'.join(found.path), ''
    if found.path[0] == 'commands' and len(found.path) > 1:
        term = found.path[1]
    elif found.path[0] == 'inputs' and len(found.path) > 1 and found.place:
        term, element = _placed(found, pieces)
    return Difference(step, time, place, term, row, tuple(element), found.recorded, found.replayed)


def _placed(found: Mismatch, pieces: Sequence[Piece]) -> tuple[str, list[int]]:
    """Return the term, and the element within it, of an element of an input."""
    name, (_, *element) = found.path[1], found.place
    own = [piece for piece in pieces if piece.input == name]
    if len(element) != 1 or not own:
        return (own[0].term if len(own) == 1 else ''), element
    piece = next(piece for piece in own if piece.columns.start <= element[0] < piece.columns.stop)
    return piece.term, [element[0] - piece.columns.start]
