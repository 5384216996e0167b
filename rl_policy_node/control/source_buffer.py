"""The latest value of a source, for every row, with its age."""
import numpy as np

from rl_policy_node.control.numbers import every, some, surely_small
from rl_policy_node.errors import ConfigurationError, ContractError

_MOST = float(np.finfo(np.float32).max)


class OutOfOrder(ValueError):
    """A message that is older than the one before it."""


# arrays of a buffer with one number a row
_AGES = {'stamps': np.int64, 'received': np.float64, 'changed': np.float64, 'fresh': np.bool_, 'refused': np.bool_}


class SourceBuffer:
    """Preallocated arrays field → (rows, *shape), filled one row at a time or all at once.

    Not locked: whoever shares it between threads holds a lock of their own.
    stamps (rows,) int64, ns, of the header (0: none); received (rows,), s, on the steady clock
    (−inf: never); changed (rows,), s: when the payload last differed from the one before; fresh (rows,): not
    taken yet; refused (rows,): what came last was no observation. depth: messages kept for `copy_to` with a
    reference stamp. All of them lie in one block of memory: a copy of everything is one copy.
    """

    def __init__(self, spec, shapes, rows, depth=1):
        self.spec, self.rows = spec, rows
        self._block, arrays = _block({
            **{('values', field): ((rows, *shape), dtype) for field, (shape, dtype) in shapes.items()},
            **{name: ((rows,), dtype) for name, dtype in _AGES.items()}})
        self.values = {field: arrays['values', field] for field in shapes}
        self.stamps, self.received, self.changed, self.fresh, self.refused = (arrays[name] for name in _AGES)
        self.received[:] = self.changed[:] = -np.inf
        # worked out here: this is asked for every message
        self._shapes = {field: (value.shape[1:], int(np.prod(value.shape[1:]))) for field, value in self.values.items()}
        self._layout = [(field, value, *self._shapes[field]) for field, value in self.values.items()]
        self.rejected = np.zeros(rows, dtype=np.int64)
        self.last_fault = np.full(rows, None, dtype=object)
        self._past = Past(self.values, rows, depth) if depth > 1 else None
        self._made_of = spec, dict(shapes), rows

    def empty(self):
        """Return a buffer of the same layout to copy into, in which nothing has come."""
        return SourceBuffer(*self._made_of)

    def write(self, row, arrays, stamp, now):
        """Store one message's arrays; shape and finiteness decide before anything is changed.

        Raises ValueError, naming the field, for an array that does not fit; the row keeps its value.
        """
        spec = self.spec
        for field, _, shape, size in self._layout:
            _check(field, arrays.get(field), shape, size)
        if stamp and spec.use_header_stamp and stamp < self.stamps[row]:
            raise OutOfOrder(_late(self.stamps[row] - stamp))
        differs = self.received[row] == -np.inf
        for field, value, shape, _ in self._layout:
            array = arrays[field].reshape(shape)
            if spec.frozen_after > 0:
                differs = differs or not np.array_equal(value[row], array)
            value[row] = array
        self.stamps[row], self.received[row], self.fresh[row], self.refused[row] = stamp, now, True, False
        if differs:
            self.changed[row] = now
        if self._past is not None:
            self._past.add(row, self)

    def write_rows(self, arrays, stamp, now):
        """Store one message of all rows, arrays (rows, *shape); return the mask of the rows that are not taken.

        Those keep their values and are counted: they came late, or have a number that is not finite. Raises
        ContractError, and changes nothing, for an array that does not fit.
        """
        values = {field: self._rows_of(field, arrays.get(field)) for field in self.values}
        taken = np.ones(self.rows, dtype=bool)
        for field, value in values.items():
            self._refuse_infinite(field, value, taken)
        self._refuse_late(stamp, taken)
        differs = self.received == -np.inf
        rows = slice(None) if every(taken) else taken
        for field, value in self.values.items():
            if self.spec.frozen_after > 0:
                differs |= (value != values[field]).reshape(self.rows, -1).any(axis=1)
            value[rows] = values[field][rows]
        self.stamps[rows], self.received[rows], self.fresh[rows], self.refused[rows] = stamp, now, True, False
        self.changed[taken & differs] = now
        if self._past is not None:
            self._past.add(np.nonzero(taken)[0], self)
        return ~taken

    def _rows_of(self, field, array):
        """Return an array of all rows in the shape of a field; its first dimension are the rows."""
        wanted, size = self._shapes[field]
        if array is None:
            raise ContractError(f'{field} is missing from the message')
        if array.ndim < 2 or len(array) != self.rows:
            raise ContractError(f'{field} has the shape {array.shape}; expected {self.rows} rows in its first '
                                'dimension')
        _check_shape(f'a row of {field}', array[0], wanted, size)
        return array.reshape(self.rows, *wanted)

    def _refuse_infinite(self, field, value, taken):
        """Take rows whose numbers are not finite out of `taken` (mask), and count them."""
        # two looks at all numbers cost an eighth of one at every row
        if not _is_finite(value):
            refused = taken & ~(np.abs(value.reshape(self.rows, -1)) <= _MOST).all(axis=1)
            self.reject(refused, ValueError(f'{field} has a value that is not finite'))
            taken &= ~refused

    def _refuse_late(self, stamp, taken):
        """Likewise rows whose last message is newer than `stamp` (ns)."""
        if stamp and self.spec.use_header_stamp:
            late = taken & (stamp < self.stamps)
            if late.any():
                self.reject(late, OutOfOrder(_late(self.stamps[late].max() - stamp)))
                taken &= ~late

    def reject(self, rows, fault):
        """Count a message that was not taken, for a row or rows (mask), and keep the ValueError that says why.

        A late message costs nothing; any other means that the sensor does not measure now.
        """
        self.rejected[rows] += 1
        self.last_fault[rows] = fault
        self.refused[rows] |= not isinstance(fault, OutOfOrder)

    def broken(self, row):
        """Return why no message of this row can fit, or None: all that came were of another kind."""
        never = np.isinf(self.received[row])
        return self.last_fault[row] if never and isinstance(self.last_fault[row], ContractError) else None

    def forget_stamps(self):
        """Take whatever comes next: time has jumped."""
        self.stamps[:] = 0

    def copy_to(self, other):
        """Copy values and ages into another buffer of the same layout, and why rows are refused where some are."""
        other._block[:] = self._block
        if some(self.refused):
            other.last_fault[:] = self.last_fault

    def copy_asof(self, other, reference):
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

    def __init__(self, values, rows, depth):
        self._values = {field: np.zeros((depth, *value.shape), value.dtype) for field, value in values.items()}
        self._stamps = np.zeros((depth, rows), dtype=np.int64)
        self._received = np.full((depth, rows), -np.inf)
        self._next = np.zeros(rows, dtype=np.intp)
        self._depth = depth

    def add(self, rows, buffer):
        """Keep the message that a row of the buffer, or several (indices), hold now."""
        slots = self._next[rows]
        for field, value in buffer.values.items():
            self._values[field][slots, rows] = value[rows]
        self._stamps[slots, rows], self._received[slots, rows] = buffer.stamps[rows], buffer.received[rows]
        self._next[rows] = (slots + 1) % self._depth

    def copy_to(self, buffer, rows, references):
        """Give rows (indices) of the buffer the latest kept message that is not newer than `references` (ns)."""
        slots = self._slots(rows, references)
        for field, value in buffer.values.items():
            value[rows] = self._values[field][slots, rows]
        buffer.stamps[rows], buffer.received[rows] = self._stamps[slots, rows], self._received[slots, rows]

    def _slots(self, rows, references):
        """Return where the wanted messages of rows are: the newest of the old ones, else the oldest of all."""
        stamps, kept = self._stamps[:, rows], self._received[:, rows] > -np.inf
        old = kept & (stamps <= references)
        newest = np.where(old, stamps, np.iinfo(np.int64).min).argmax(axis=0)
        oldest = np.where(kept, stamps, np.iinfo(np.int64).max).argmin(axis=0)
        return np.where(old.any(axis=0), newest, oldest)


def _block(layout):
    """Return a bytearray of zeros, and name → array on its memory, of name → (shape, dtype)."""
    counts = [int(np.prod(shape)) for shape, _ in layout.values()]
    # each begins where any number may
    sizes = [-(-count * np.dtype(dtype).itemsize // 16) * 16 for count, (_, dtype) in zip(counts, layout.values())]
    block = bytearray(sum(sizes))
    starts = (sum(sizes[:index]) for index in range(len(sizes)))
    return block, {name: np.frombuffer(block, dtype, count, start).reshape(shape)
                   for (name, (shape, dtype)), count, start in zip(layout.items(), counts, starts)}


def _check(field, array, shape, size):
    if array is None:
        raise ContractError(f'{field} is missing from the message')
    _check_shape(field, array, shape, size)
    if not _is_finite(array):
        raise ValueError(f'{field} has a value that is not finite')


def _check_shape(field, array, shape, size):
    if array.size != size or (array.ndim > 1 and array.shape != shape):
        raise ContractError(f'{field} has the shape {array.shape}; expected {shape}')


def _is_finite(array):
    # beyond ±3.4e38 a float64 would become infinite in the policy's float32; what is no number compares as False
    return (array.dtype.kind != 'f' or surely_small(array)
            or not array.size or bool(array.max() <= _MOST and array.min() >= -_MOST))


def _late(nanoseconds):
    return f'out of order: stamped {nanoseconds * 1e-9:.3f} s before the last'


def as_slice(index):
    """Return the slice that picks the same as an index array, or None where its numbers are no neighbours."""
    first = int(index[0]) if len(index) else 0
    return slice(first, first + len(index)) if np.array_equal(index, np.arange(first, first + len(index))) else None


def index_of(names, wanted, where):
    """Return the positions of `wanted` among `names`, or fail naming what is missing."""
    missing = [name for name in wanted if name not in names]
    if missing:
        raise ConfigurationError(f'{where}: no joint {missing}; there are {list(names)}')
    return np.array([names.index(name) for name in wanted], dtype=np.intp)
