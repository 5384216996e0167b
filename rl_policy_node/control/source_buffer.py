"""The latest value of a source, for every row, with its age."""
import numpy as np

from rl_policy_node.errors import ConfigurationError, ContractError

_MOST = float(np.finfo(np.float32).max)


class OutOfOrder(ValueError):
    """A message that is older than the one before it."""


class SourceBuffer:
    """Preallocated arrays field → (rows, *shape), filled one row at a time.

    Not locked: whoever shares it between threads holds a lock of their own.
    stamps (rows,) int64, ns, of the header (0: none); received (rows,), s, on the steady clock
    (−inf: never); changed (rows,), s: when the payload last differed from the one before; fresh (rows,): not
    taken yet; refused (rows,): what came last was no observation. depth: messages kept for `copy_to` with a
    reference stamp.
    """

    def __init__(self, spec, shapes, rows, depth=1):
        self.spec, self.rows = spec, rows
        self.values = {field: np.zeros((rows, *shape), dtype) for field, (shape, dtype) in shapes.items()}
        # worked out here: this is asked for every message
        self._shapes = {field: (value.shape[1:], int(np.prod(value.shape[1:]))) for field, value in self.values.items()}
        self.stamps = np.zeros(rows, dtype=np.int64)
        self.received = np.full(rows, -np.inf)
        self.changed = np.full(rows, -np.inf)
        self.fresh = np.zeros(rows, dtype=bool)
        self.refused = np.zeros(rows, dtype=bool)
        self.rejected = np.zeros(rows, dtype=np.int64)
        self.last_fault = [None] * rows
        self._past = Past(self.values, rows, depth) if depth > 1 else None

    def write(self, row, arrays, stamp, now):
        """Store one message's arrays; shape and finiteness decide before anything is changed.

        Raises ValueError, naming the field, for an array that does not fit; the row keeps its value.
        """
        for field, (shape, size) in self._shapes.items():
            _check(field, arrays.get(field), shape, size)
        if stamp and self.spec.use_header_stamp and stamp < self.stamps[row]:
            raise OutOfOrder(f'out of order: stamped {(self.stamps[row] - stamp) * 1e-9:.3f} s before the last')
        differs = self.received[row] == -np.inf
        for field, value in self.values.items():
            array = arrays[field].reshape(self._shapes[field][0])
            differs = differs or (self.spec.frozen_after > 0 and not np.array_equal(value[row], array))
            value[row] = array
        self.stamps[row], self.received[row], self.fresh[row] = stamp, now, True
        self.changed[row] = now if differs else self.changed[row]
        self.refused[row] = False
        if self._past is not None:
            self._past.add(row, self)

    def reject(self, row, fault):
        """Count a message that was not taken, and keep the ValueError that says why.

        A late message costs nothing; any other means that the sensor does not measure now.
        """
        self.rejected[row] += 1
        self.last_fault[row] = fault
        self.refused[row] |= not isinstance(fault, OutOfOrder)

    def broken(self, row):
        """Return why no message of this row can fit, or None: all that came were of another kind."""
        never = np.isinf(self.received[row])
        return self.last_fault[row] if never and isinstance(self.last_fault[row], ContractError) else None

    def forget_stamps(self):
        """Take whatever comes next: time has jumped."""
        self.stamps[:] = 0

    def copy_to(self, other):
        """Copy values and ages into another buffer of the same layout."""
        for field, value in self.values.items():
            np.copyto(other.values[field], value)
        np.copyto(other.stamps, self.stamps)
        np.copyto(other.received, self.received)
        np.copyto(other.changed, self.changed)
        np.copyto(other.refused, self.refused)
        other.last_fault[:] = self.last_fault

    def copy_asof(self, other, reference):
        """Copy into another buffer what was the latest at `reference` ((rows,) ns; 0: now), row by row.

        Rows whose kept messages are all newer get the oldest of them: its stamp tells.
        """
        self.copy_to(other)
        if self._past is not None:
            for row in np.nonzero((reference > 0) & (self.stamps > reference))[0]:
                self._past.copy_to(other, row, reference[row])


class Past:
    """The last `depth` messages of every row of a buffer."""

    def __init__(self, values, rows, depth):
        self._values = {field: np.zeros((depth, *value.shape), value.dtype) for field, value in values.items()}
        self._stamps = np.zeros((depth, rows), dtype=np.int64)
        self._received = np.full((depth, rows), -np.inf)
        self._next = np.zeros(rows, dtype=np.intp)
        self._depth = depth

    def add(self, row, buffer):
        """Keep the message that a row of the buffer holds now."""
        slot = self._next[row]
        for field, value in buffer.values.items():
            self._values[field][slot, row] = value[row]
        self._stamps[slot, row], self._received[slot, row] = buffer.stamps[row], buffer.received[row]
        self._next[row] = (slot + 1) % self._depth

    def copy_to(self, buffer, row, reference):
        """Give a row of the buffer the latest kept message that is not newer than `reference` (ns)."""
        slot = self._slot(row, reference)
        for field, value in buffer.values.items():
            value[row] = self._values[field][slot, row]
        buffer.stamps[row], buffer.received[row] = self._stamps[slot, row], self._received[slot, row]

    def _slot(self, row, reference):
        kept = np.nonzero(self._received[:, row] > -np.inf)[0]
        stamps = self._stamps[kept, row]
        old = kept[stamps <= reference]
        if old.size:
            return old[np.argmax(self._stamps[old, row])]
        return kept[np.argmin(stamps)]


def _check(field, array, shape, size):
    if array is None:
        raise ContractError(f'{field} is missing from the message')
    if array.size != size or (array.ndim > 1 and array.shape != shape):
        raise ContractError(f'{field} has the shape {array.shape}; expected {shape}')
    # beyond ±3.4e38 a float64 would become infinite in the policy's float32; what is no number compares as False
    if array.dtype.kind == 'f' and size and not (array.max() <= _MOST and array.min() >= -_MOST):
        raise ValueError(f'{field} has a value that is not finite')


def index_of(names, wanted, where):
    """Return the positions of `wanted` among `names`, or fail naming what is missing."""
    missing = [name for name in wanted if name not in names]
    if missing:
        raise ConfigurationError(f'{where}: no joint {missing}; there are {list(names)}')
    return np.array([names.index(name) for name in wanted], dtype=np.intp)
