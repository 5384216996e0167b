# SPDX-License-Identifier: Apache-2.0
"""The latest value of a source, for every row, with its age."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np
from numpy.typing import DTypeLike

from rl_policy_node.control.arrays import Array, Indices, Rows, Shape, Stamps, Values
from rl_policy_node.control.block import block_of
from rl_policy_node.control.buffer_spec import BufferSpec
from rl_policy_node.control.fitting import finite_rows, fitting, is_finite, not_finite
from rl_policy_node.control.parts import Part, Parts
from rl_policy_node.control.past import Past
from rl_policy_node.control.reductions import greatest, surely_small
from rl_policy_node.control.stamp_order import OutOfOrder, StampOrder, too_late
from rl_policy_node.control.state import copies, refill, State
from rl_policy_node.errors import ContractError

# arrays of a buffer with one number a row
_AGES: dict[str, DTypeLike] = {
    'stamps': np.int64,
    'received': np.float64,
    'changed': np.float64,
    'fresh': np.bool_,
    'refused': np.bool_,
}


class SourceBuffer:
    """Preallocated arrays field → (rows, *shape), filled by messages of one row or of many.

    Not locked: threads that share it need a lock of their own.
    stamps (rows,) int64, ns, of the header (0: none); received (rows,), s, on the steady clock
    (−inf: never); changed (rows,), s: when the payload last changed; fresh (rows,): not yet used by a step, and stamped
    differently from the one before; refused (rows,): the last message had a fault other than its stamp;
    counts (rows,): messages so far. depth: messages kept for `copy_asof`. All arrays lie in one block of memory, which
    one copy duplicates. joints: names of the numbers of each field, if any. parts: None while every message carried all
    joints.
    """

    parts: Parts | None = None

    def __init__(
        self,
        spec: BufferSpec,
        shapes: Mapping[str, tuple[Shape, DTypeLike]],
        rows: int,
        depth: int = 1,
        joints: Sequence[str] = (),
    ) -> None:
        self.spec, self.rows, self.joints = spec, rows, tuple(joints)
        self._shapes = dict(shapes)
        self._block, arrays = block_of(
            {
                **{('values', field): ((rows, *shape), dtype) for field, (shape, dtype) in shapes.items()},
                **{('ages', name): ((rows,), dtype) for name, dtype in _AGES.items()},
            }
        )
        self.values = {field: arrays['values', field] for field in shapes}
        self.stamps, self.received, self.changed, self.fresh, self.refused = (arrays['ages', name] for name in _AGES)
        self.received[:] = self.changed[:] = -np.inf
        # computed once: every message needs it
        self._layout = [(field, value, (1, *value.shape[1:])) for field, value in self.values.items()]
        self._waiting = True  # some row still has no message
        self._faults = 0  # number of faults noted in last_fault so far
        self.rejected: Stamps = np.zeros(rows, dtype=np.int64)
        self.last_fault = np.full(rows, None, dtype=object)
        self.counts: Stamps = np.zeros(rows, dtype=np.int64)
        self._ages = {name: cast(Array, getattr(self, name)) for name in (*_AGES, 'rejected', 'counts')}
        self._tally = self.counts.data  # the same numbers; adding to one of them is five times faster
        self._stamped = spec.use_header_stamp
        self._past = Past(self.values, rows, depth) if depth > 1 else None
        self.order = StampOrder(rows)

    def empty(self) -> SourceBuffer:
        """Return an empty buffer of the same layout to copy into."""
        return SourceBuffer(self.spec, self._shapes, self.rows, joints=self.joints)

    def write(self, rows: slice, arrays: Values, stamp: int, now: float) -> None:
        """Store a message of `rows`: field → (n, *shape), n the number of rows. stamp: ns. now: s, steady.

        Raises ContractError and changes nothing if the message does not fit; raises ValueError likewise if a message
        of one robot is not finite, late or ahead of the clock. In a message of several rows each row is refused by
        itself: it keeps its values, and the refusal is counted. Several late messages that agree mean that the clock
        was set back, and are accepted: see StampOrder. A Part carries some of a robot's joints; the row is then as old
        as its oldest joint: see Parts.
        """
        if self.parts is not None or type(arrays) is Part:
            self._write_part(rows.start, arrays, stamp, now)
            return
        count, finite = rows.stop - rows.start, True
        values = []
        for field, _, one in self._layout:
            array = arrays.get(field)
            if array is None or count != 1 or array.shape != one:
                array = fitting(field, array, count, one[1:])
            finite = finite and (surely_small(array) or is_finite(array))
            values.append(array)
        newest = self.stamps.item(rows.start) if count == 1 else greatest(self.stamps[rows])
        ordered = stamp >= newest or not (stamp and self.spec.use_header_stamp)
        ahead = self.order.ahead(stamp) if stamp > self.order.latest else None
        if ordered and finite and ahead is None:
            self._store(rows, values, stamp, now)
        elif count == 1 and not self.spec.rows:
            self._check(rows, values, stamp, ahead)
            self._store(rows, values, stamp, now)
        else:
            good = self._acceptable(rows, values, stamp, ahead)
            if good.size:
                self._store(good, [value[good - rows.start] for value in values], stamp, now)
            if self.spec.rows:
                # this was the message of each row, refused or not: a step need not wait for another
                self.fresh[rows] |= self.refused[rows]

    def _write_part(self, row: int, arrays: Values, stamp: int, now: float) -> None:
        """Store a robot's message of some of its joints, or of all of them."""
        joints = arrays.joints if isinstance(arrays, Part) else np.arange(len(self.joints))
        values = [fitting(field, arrays.get(field), 1, (len(joints),))[0] for field in self.values]
        self._check_finite(values)
        ahead = self.order.ahead(stamp) if stamp > self.order.latest else None
        if ahead is not None:
            raise ahead
        parts = self.parts = self.parts or Parts(self.stamps, self.received, len(self.joints))
        if stamp and self.spec.use_header_stamp:
            late = parts.late(row, joints, stamp)
            if late.all():
                raise OutOfOrder(too_late(int(parts.stamps[row, joints].max()) - stamp))
            if late.any():
                joints, values = joints[~late], [value[~late] for value in values]
        differs = self.received[row] == -np.inf
        for stored, value in zip(self.values.values(), values):
            differs = differs or self.spec.frozen_after is not None and bool((stored[row, joints] != value).any())
            stored[row, joints] = value
        if differs:
            self.changed[row] = now
        complete, before = parts.take(row, joints, stamp, now), int(self.stamps[row])
        self.stamps[row], self.received[row] = parts.stamps[row].min(), parts.received[row].min()
        if complete:
            self.counts[row] += 1
            self.refused[row] = False
            self.fresh[row] |= not (stamp and self._stamped) or self.stamps[row] != before
        self._waiting = bool((self.received == -np.inf).any())
        if self._past is not None and np.isfinite(self.received[row]):
            self._past.add(np.array([row]), self.values, self.stamps, self.received)

    def _store(self, rows: slice | Indices, values: Sequence[Array], stamp: int, now: float) -> None:
        """Store good values of rows; a message with the stamp of the last one is not new."""
        if self._waiting or self.spec.frozen_after is not None:
            self._note_change(rows, values, now)
        for (_, stored, _), value in zip(self._layout, values):
            stored[rows] = value
        if isinstance(rows, slice) and rows.stop - rows.start == 1:
            row = rows.start
            self._tally[row] += 1
            if not (stamp and self._stamped) or self.stamps.item(row) != stamp:
                self.fresh[row] = True
        else:
            self.counts[rows] += 1
            self.fresh[rows] |= not (stamp and self._stamped) or self.stamps[rows] != stamp
        self.stamps[rows], self.received[rows], self.refused[rows] = stamp, now, False
        if self._past is not None:
            self._past.add(
                np.arange(rows.start, rows.stop) if isinstance(rows, slice) else rows,
                self.values,
                self.stamps,
                self.received,
            )

    def _note_change(self, rows: slice | Indices, values: Sequence[Array], now: float) -> None:
        differs = self.received[rows] == -np.inf
        self._waiting = bool(np.count_nonzero(self.received == -np.inf) > np.count_nonzero(differs))
        if self.spec.frozen_after is not None:
            for (_, stored, _), value in zip(self._layout, values):
                differs |= (stored[rows] != value).reshape(len(value), -1).any(axis=1)
        self.changed[rows] = np.where(differs, now, self.changed[rows])

    def _check(self, row: slice, values: Sequence[Array], stamp: int, ahead: ValueError | None) -> None:
        """Raise ValueError for a robot's own message, unless its clock was set back."""
        self._check_finite(values)
        if ahead is not None:
            raise ahead
        if not self.order.agreed(np.array([row.start]), stamp, self.received, self.stamps).all():
            raise OutOfOrder(too_late(int(greatest(self.stamps[row])) - stamp))

    def _check_finite(self, values: Sequence[Array]) -> None:
        for field, value in zip(self.values, values):
            if not is_finite(value):
                raise ValueError(not_finite(field))

    def _acceptable(self, rows: slice, values: Sequence[Array], stamp: int, ahead: ValueError | None) -> Indices:
        """Refuse the rows (slice) that are not finite, ahead or late; return the indices of the others."""
        good = np.zeros(self.rows, dtype=bool)
        good[rows] = True
        for (field, *_), value in zip(self._layout, values):
            if not is_finite(value):
                bad = np.zeros(self.rows, dtype=bool)
                bad[rows] = ~finite_rows(value)
                self.reject(good & bad, ValueError(not_finite(field)))
                good &= ~bad
        if ahead is not None:
            self.reject(good, ahead)
            good[:] = False
        if stamp and self.spec.use_header_stamp:
            late = good & (stamp < self.stamps)
            if late.any():
                late[late] = ~self.order.agreed(np.nonzero(late)[0], stamp, self.received, self.stamps)
            if late.any():
                self.reject(late, OutOfOrder(too_late(self.stamps[late].max() - stamp)))
                good &= ~late
        return np.nonzero(good)[0]

    def reject(self, rows: Rows, fault: ValueError) -> None:
        """Count a refused message of rows, and keep the error.

        A message that is late or ahead of the clock has no other effect; any other fault means that the sensor does
        not measure now.
        """
        self.rejected[rows] += 1
        self.last_fault[rows] = fault
        self._faults += 1
        if not isinstance(fault, OutOfOrder):
            self.refused[rows] = True
            if self.parts is not None:
                self.parts.begin(rows)

    def broken(self, row: int) -> ContractError | None:
        """Return the error of a row whose messages so far all had another layout; None if one may still fit."""
        fault = self.last_fault[row]
        return fault if np.isinf(self.received[row]) and isinstance(fault, ContractError) else None

    def take_repeats(self) -> None:
        """Count messages with the stamp of the one before as new from now on: a waiting simulator needs answers."""
        self._stamped = False

    def forget_stamps(self) -> None:
        """Accept the next messages whatever their stamps: time has jumped."""
        self.stamps[:] = 0
        if self.parts is not None:
            self.parts.stamps[:] = 0
        self.order.forget_clock()

    def forget_order(self, rows: Rows) -> None:
        """Accept the next message of rows even if it is stamped before the last."""
        self.order.forget(self.received, self.stamps, rows)
        if self.parts is not None:
            self.parts.forget(rows)

    def copy_to(self, other: SourceBuffer) -> None:
        """Copy values, ages and faults into another buffer of the same layout."""
        other._block[:] = self._block
        if self.parts is not None:
            other.parts = self.parts.copy()  # only texts use it, to name the missing joint
        if other._faults != self._faults:
            other.last_fault[:] = self.last_fault
            other._faults = self._faults

    def copy(self) -> SourceBuffer:
        """Return an independent copy of values and ages."""
        self.copy_to(made := self.empty())
        return made

    def copy_asof(self, other: SourceBuffer, reference: Stamps) -> None:
        """Copy into another buffer each row's latest message not newer than `reference` ((rows,) ns; 0: now).

        Rows whose kept messages are all newer get the oldest of them; its stamp shows that.
        """
        self.copy_to(other)
        if self._past is not None:
            newer = np.nonzero((reference > 0) & (self.stamps > reference))[0]
            if newer.size:
                self._past.copy_to(newer, reference[newer], other.values, other.stamps, other.received)

    def state(self) -> State:
        """Return a copy of all that the next messages and copies depend on."""
        parts = {'order': self.order, 'parts': self.parts, 'past': self._past}
        return {
            'values': copies(self.values),
            'ages': copies(self._ages),
            'faults': {str(row): str(fault) for row, fault in enumerate(self.last_fault) if fault is not None},
            **{name: part.state() for name, part in parts.items() if part is not None},
        }

    def restore(self, state: State) -> None:
        """Continue from a state of a buffer of the same layout; of a fault only its text counts."""
        states = cast(Mapping[str, State], state)
        refill(self.values, states['values'])
        refill(self._ages, states['ages'])
        self.last_fault[:] = None
        for row, text in states['faults'].items():
            self.last_fault[int(row)] = ValueError(text)
        self._faults += 1  # copies take the faults anew
        self._waiting = True  # the next message looks
        self.parts = Parts(self.stamps, self.received, len(self.joints)) if 'parts' in state else None
        for name, part in {'order': self.order, 'parts': self.parts, 'past': self._past}.items():
            if part is not None:
                part.restore(states[name])
