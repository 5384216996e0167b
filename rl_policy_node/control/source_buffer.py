"""The latest value of a source, for every row, with its age."""
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NoReturn, Protocol

import numpy as np
from numpy.typing import DTypeLike

from rl_policy_node.control.arrays import Array, Floats, Indices, Mask, Rows, Shape, Stamps, Values
from rl_policy_node.control.numbers import highest, surely_small
from rl_policy_node.errors import ConfigurationError, ContractError

_MOST = float(np.finfo(np.float32).max)


class OutOfOrder(ValueError):
    """A message that is older than the one before it."""


class BufferSpec(Protocol):
    """What a buffer has to know of its source; see SourceSpec."""

    @property
    def topic(self) -> str: ...

    @property
    def max_age(self) -> float: ...

    @property
    def use_header_stamp(self) -> bool: ...

    @property
    def frozen_after(self) -> float: ...

    @property
    def future_tolerance(self) -> float: ...

    @property
    def rows(self) -> bool: ...


# arrays of a buffer with one number a row
_AGES: dict[str, DTypeLike] = {'stamps': np.int64, 'received': np.float64, 'changed': np.float64, 'fresh': np.bool_,
                               'refused': np.bool_}


class SourceBuffer:
    """Preallocated arrays field → (rows, *shape), filled by messages of one row or of many.

    Not locked: whoever shares it between threads holds a lock of their own.
    stamps (rows,) int64, ns, of the header (0: none); received (rows,), s, on the steady clock
    (−inf: never); changed (rows,), s: when the payload last differed from the one before; fresh (rows,): not
    taken yet, and not with the stamp of the one before; refused (rows,): what came last was no observation;
    counts (rows,): messages so far. depth: messages kept for `copy_to` with a reference stamp. All of them lie in one
    block of memory: a copy of everything is one copy.
    """

    def __init__(self, spec: BufferSpec, shapes: Mapping[str, tuple[Shape, DTypeLike]], rows: int,
                 depth: int = 1) -> None:
        self.spec, self.rows = spec, rows
        self._shapes = dict(shapes)
        self._block, arrays = _block({
            **{('values', field): ((rows, *shape), dtype) for field, (shape, dtype) in shapes.items()},
            **{('ages', name): ((rows,), dtype) for name, dtype in _AGES.items()}})
        self.values = {field: arrays['values', field] for field in shapes}
        self.stamps, self.received, self.changed, self.fresh, self.refused = (arrays['ages', name] for name in _AGES)
        self.received[:] = self.changed[:] = -np.inf
        # worked out here: this is asked for every message
        self._layout = [(field, value, (1, *value.shape[1:])) for field, value in self.values.items()]
        self._waiting = True        # for the first message of some row
        self._faults = 0            # kept in last_fault, so far
        self.rejected: Stamps = np.zeros(rows, dtype=np.int64)
        self.last_fault = np.full(rows, None, dtype=object)
        self.counts: Stamps = np.zeros(rows, dtype=np.int64)
        self._stamped = spec.use_header_stamp
        self._past = Past(self.values, rows, depth) if depth > 1 else None

    def empty(self) -> SourceBuffer:
        """Return a buffer of the same layout to copy into, in which nothing has come."""
        return SourceBuffer(self.spec, self._shapes, self.rows)

    def write(self, rows: slice, arrays: Values, stamp: int, now: float) -> None:
        """Store a message of `rows`: field → (n, *shape), n the number of the rows. stamp: ns. now: s, steady.

        Raises ValueError and changes nothing where the message does not fit (ContractError), or is a robot's own and
        not finite or late. Of several rows each is refused by itself: it keeps its values and is counted.
        """
        count, finite = rows.stop - rows.start, True
        values = []
        for field, _, one in self._layout:
            array = arrays.get(field)
            if array is None or count != 1 or array.shape != one:
                array = _fitting(field, array, count, one[1:])
            finite = finite and (surely_small(array) or _is_finite(array))
            values.append(array)
        newest = self.stamps.item(rows.start) if count == 1 else highest(self.stamps[rows])
        ordered = stamp >= newest or not (stamp and self.spec.use_header_stamp)
        if ordered and finite:
            self._store(rows, values, stamp, now)
        elif count == 1 and not self.spec.rows:
            self._raise(rows, values, stamp)
        else:
            good = self._acceptable(rows, values, stamp)
            if good.size:
                self._store(good, [value[good - rows.start] for value in values], stamp, now)
            if self.spec.rows:
                # each row had its message, and nobody has to wait for another
                self.fresh[rows] |= self.refused[rows]

    def _store(self, rows: slice | Indices, values: Sequence[Array], stamp: int, now: float) -> None:
        """Store values of rows, all of which are good; what bears the stamp of the last message is nothing new."""
        if self._waiting or self.spec.frozen_after > 0:
            self._note_change(rows, values, now)
        for (_, stored, _), value in zip(self._layout, values):
            stored[rows] = value
        self.counts[rows] += 1
        if not (stamp and self._stamped):
            self.fresh[rows] = True
        elif isinstance(rows, slice) and rows.stop - rows.start == 1:
            if self.stamps.item(rows.start) != stamp:
                self.fresh[rows] = True
        else:
            self.fresh[rows] |= self.stamps[rows] != stamp
        self.stamps[rows], self.received[rows], self.refused[rows] = stamp, now, False
        if self._past is not None:
            self._past.add(np.arange(rows.start, rows.stop) if isinstance(rows, slice) else rows, self)

    def _note_change(self, rows: slice | Indices, values: Sequence[Array], now: float) -> None:
        differs = self.received[rows] == -np.inf
        self._waiting = bool(np.count_nonzero(self.received == -np.inf) > np.count_nonzero(differs))
        if self.spec.frozen_after > 0:
            for (_, stored, _), value in zip(self._layout, values):
                differs |= (stored[rows] != value).reshape(len(value), -1).any(axis=1)
        changed = self.changed[rows]
        changed[differs] = now
        self.changed[rows] = changed

    def _raise(self, row: slice, values: Sequence[Array], stamp: int) -> NoReturn:
        for (field, *_), value in zip(self._layout, values):
            if not _is_finite(value):
                raise ValueError(_not_finite(field))
        raise OutOfOrder(_late(int(highest(self.stamps[row])) - stamp))

    def _acceptable(self, rows: slice, values: Sequence[Array], stamp: int) -> Indices:
        """Refuse the rows (slice) that are not finite or late; return the indices of the others."""
        good = np.zeros(self.rows, dtype=bool)
        good[rows] = True
        for (field, *_), value in zip(self._layout, values):
            if not _is_finite(value):
                bad = np.zeros(self.rows, dtype=bool)
                bad[rows] = ~(np.abs(value.reshape(len(value), -1)) <= _MOST).all(axis=1)
                self.reject(good & bad, ValueError(_not_finite(field)))
                good &= ~bad
        if stamp and self.spec.use_header_stamp:
            late = good & (stamp < self.stamps)
            if late.any():
                self.reject(late, OutOfOrder(_late(self.stamps[late].max() - stamp)))
                good &= ~late
        return np.nonzero(good)[0]

    def reject(self, rows: Rows, fault: ValueError) -> None:
        """Count a message that was not taken, for a set of rows, and keep the error that says why.

        A late message costs nothing; any other means that the sensor does not measure now.
        """
        self.rejected[rows] += 1
        self.last_fault[rows] = fault
        self._faults += 1
        self.refused[rows] |= not isinstance(fault, OutOfOrder)

    def broken(self, row: int) -> ContractError | None:
        """Return why no message of this row can fit, or None: all that came were of another kind."""
        fault = self.last_fault[row]
        return fault if np.isinf(self.received[row]) and isinstance(fault, ContractError) else None

    def take_repeats(self) -> None:
        """Take a message with the stamp of the one before for a new one: a simulator that waits wants an answer."""
        self._stamped = False

    def forget_stamps(self) -> None:
        """Take whatever comes next: time has jumped."""
        self.stamps[:] = 0

    def copy_to(self, other: SourceBuffer) -> None:
        """Copy values and ages into another buffer of the same layout, and why rows were refused."""
        other._block[:] = self._block
        if other._faults != self._faults:
            other.last_fault[:] = self.last_fault
            other._faults = self._faults

    def copy(self) -> SourceBuffer:
        """Return a copy of values and ages that nobody else writes into."""
        made = self.empty()
        self.copy_to(made)
        return made

    def copy_asof(self, other: SourceBuffer, reference: Stamps) -> None:
        """Copy into another buffer what was the latest at `reference` ((rows,) ns; 0: now), each row for itself.

        Rows whose kept messages are all newer get the oldest of them: its stamp tells.
        """
        self.copy_to(other)
        if self._past is not None:
            newer = np.nonzero((reference > 0) & (self.stamps > reference))[0]
            if newer.size:
                self._past.copy_to(other, newer, reference[newer])


class Past:
    """The last `depth` messages of every row of a buffer."""

    def __init__(self, values: Values, rows: int, depth: int) -> None:
        self._values = {field: np.zeros((depth, *value.shape), value.dtype) for field, value in values.items()}
        self._stamps: Stamps = np.zeros((depth, rows), dtype=np.int64)
        self._received: Floats = np.full((depth, rows), -np.inf)
        self._next: Indices = np.zeros(rows, dtype=np.intp)
        self._depth = depth

    def add(self, rows: Indices, buffer: SourceBuffer) -> None:
        """Keep the messages that rows of the buffer hold now."""
        slots = self._next[rows]
        for field, value in buffer.values.items():
            self._values[field][slots, rows] = value[rows]
        self._stamps[slots, rows], self._received[slots, rows] = buffer.stamps[rows], buffer.received[rows]
        self._next[rows] = (slots + 1) % self._depth

    def copy_to(self, buffer: SourceBuffer, rows: Indices, references: Stamps) -> None:
        """Give rows of the buffer the latest kept message that is not newer than `references` (ns)."""
        slots = self._slots(rows, references)
        for field, value in buffer.values.items():
            value[rows] = self._values[field][slots, rows]
        buffer.stamps[rows], buffer.received[rows] = self._stamps[slots, rows], self._received[slots, rows]

    def _slots(self, rows: Indices, references: Stamps) -> Indices:
        """Return where the wanted messages of rows are: the newest of the old ones, else the oldest of all."""
        stamps, kept = self._stamps[:, rows], self._received[:, rows] > -np.inf
        old: Mask = kept & (stamps <= references)
        newest = np.where(old, stamps, np.iinfo(np.int64).min).argmax(axis=0)
        oldest = np.where(kept, stamps, np.iinfo(np.int64).max).argmin(axis=0)
        slots: Indices = np.where(old.any(axis=0), newest, oldest)
        return slots


def _block(layout: Mapping[tuple[str, str], tuple[Shape, DTypeLike]]) -> tuple[bytearray,
                                                                               dict[tuple[str, str], Array]]:
    """Return a bytearray of zeros, and name → array on its memory, of name → (shape, dtype)."""
    counts = [int(np.prod(shape)) for shape, _ in layout.values()]
    # each begins where any number may
    sizes = [-(-count * np.dtype(dtype).itemsize // 16) * 16 for count, (_, dtype) in zip(counts, layout.values())]
    block = bytearray(sum(sizes))
    starts: Iterator[int] = (sum(sizes[:index]) for index in range(len(sizes)))
    return block, {name: np.frombuffer(block, dtype, count, start).reshape(shape)
                   for (name, (shape, dtype)), count, start in zip(layout.items(), counts, starts)}


def _fitting(field: str, array: Array | None, count: int, shape: Shape) -> Array:
    """Return the numbers of a field as (count, *shape); raises ContractError where they are none."""
    if array is None:
        raise ContractError(f'{field} is missing from the message')
    if array.ndim < 1 + bool(shape) or len(array) != count:
        raise ContractError(f'{field} has the shape {array.shape}; expected {count} rows in its first dimension')
    if array.shape[1:] == shape:
        return array
    if array.ndim > 2 or array.size != count * int(np.prod(shape)):
        row = f'a row of {field}' if count > 1 else field
        raise ContractError(f'{row} has the shape {array.shape[1:]}; expected {shape}')
    return array.reshape(count, *shape)


def _is_finite(array: Array) -> bool:
    # beyond ±3.4e38 a float64 would become infinite in the policy's float32; what is no number compares as False
    return (array.dtype.kind != 'f' or not array.size
            or bool(array.max() <= _MOST and array.min() >= -_MOST))


def _not_finite(field: str) -> str:
    return f'{field} has a value that is not finite'


def _late(nanoseconds: int) -> str:
    return f'out of order: stamped {nanoseconds * 1e-9:.3f} s before the last'


def as_slice(index: Indices) -> slice | None:
    """Return the slice that picks the same as an index array, or None where its numbers are no neighbours."""
    first = int(index[0]) if len(index) else 0
    return slice(first, first + len(index)) if np.array_equal(index, np.arange(first, first + len(index))) else None


def index_of(names: Sequence[str], wanted: Sequence[str], where: str) -> Indices:
    """Return the positions of `wanted` among `names`, or fail naming what is missing."""
    missing = [name for name in wanted if name not in names]
    if missing:
        raise ConfigurationError(f'{where}: no joint {missing}; there are {list(names)}')
    return np.array([names.index(name) for name in wanted], dtype=np.intp)
