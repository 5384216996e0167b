# SPDX-License-Identifier: Apache-2.0
"""The base class of term kinds, and the reader of their fields."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TYPE_CHECKING, TypeVar

import numpy as np

from rl_policy_node.control.arrays import Array, Floats, Indices, JointNames, Mask, Shape, Sources
from rl_policy_node.control.context import Context
from rl_policy_node.control.indices import as_slice, index_of
from rl_policy_node.control.terms.term_options import Read, TermOptions
from rl_policy_node.errors import ConfigurationError

if TYPE_CHECKING:
    from rl_policy_node.control.terms.low_pass import LowPass
    from rl_policy_node.control.terms.tare import Tare

Options = TypeVar('Options', bound=TermOptions)


@dataclass(frozen=True)
class Setting:
    """The context of name resolution: source → buffer, source → joint names, and sizes."""

    buffers: Sources
    joints: JointNames
    rows: int
    num_actions: int


class Kind(ABC, Generic[Options]):
    """Computes one value per robot from sources and Context; built once, at configuration.

    option_class: class of its options. description: its formula and origin, for the reference. shape: of one robot's
    value. invertible: whether `invert` can restore the fields that it reads. tare: its Tare, if it has one. memory:
    what it keeps of the steps of an episode, if anything. timed: whether it reads the elapsed time.
    """

    option_class: type[TermOptions]
    description = ''
    invertible = False
    tare: Tare | None = None
    memory: LowPass | None = None
    timed = False
    shape: Shape = ()

    @abstractmethod
    def __init__(self, options: Options, setting: Setting, where: str) -> None:
        """Find the fields that the term reads; raises ConfigurationError, which names `where`, if they do not fit."""

    @abstractmethod
    def compute(self, sources: Sources, context: Context) -> Array:
        """Return (rows, *shape), of any dtype, from `sources[name].values[field]` and a Context."""

    def invert(self, value: Array, sources: Sources) -> None:
        """Write into `sources` the fields that lead to `value` (rows, *shape)."""
        raise NotImplementedError(f'{type(self).__name__} cannot be inverted')

    def feed_tare(self, sources: Sources, rows: Mask) -> None:
        """Count the messages of rows (mask) for the tare."""
        raise NotImplementedError(f'{type(self).__name__} has no tare')


class Reader:
    """Reads a field of all robots, whole or by joint names or indices; refuses a field that does not fit.

    shape: of one robot's value. wanted: the number of numbers that it must have; −n: any multiple of n.
    """

    def __init__(
        self, read: Read, where: str, setting: Setting, elements: Sequence[int] = (), wanted: int | None = None
    ) -> None:
        values = setting.buffers[read.source].values
        if read.field not in values:
            raise ConfigurationError(
                f"{where}: source '{read.source}' has no field '{read.field}'; it has {sorted(values)}"
            )
        self._source, self._field = read.source, read.field
        have = values[read.field].shape[1:]
        self.shape = have if wanted is not None else _shape(read, have, where)
        self._picked = self._cut = None
        if read.joints:
            self._picked = index_of(setting.joints.get(read.source, ()), read.joints, where)
        elif elements:
            self._picked = elements_of(elements, self.shape, f'{where}.elements', str(read))
        if self._picked is not None:
            self.shape, self._cut = (len(self._picked),), as_slice(self._picked)
        self._check(wanted, read, where)

    def _check(self, wanted: int | None, read: Read, where: str) -> None:
        size = int(np.prod(self.shape))
        if wanted is None:
            return
        if (size == 0 or size % wanted) if wanted < 0 else size != wanted:
            raise ConfigurationError(
                f'{where}: {read} has {size} numbers (shape {self.shape}); '
                f'expected {"a multiple of " if wanted < 0 else ""}{abs(wanted)}'
            )

    def __call__(self, sources: Sources) -> Array:
        """Return (rows, *shape): a view if all or consecutive elements are read, else a copy."""
        value = sources[self._source].values[self._field]
        if self._picked is None:
            return value.reshape(len(value), *self.shape)
        value = value.reshape(len(value), -1)
        return value.take(self._picked, axis=1) if self._cut is None else value[:, self._cut]

    def write(self, value: Array, sources: Sources) -> None:
        """Write (rows, *shape) back into the field."""
        target = sources[self._source].values[self._field]
        if self._picked is None:
            target[:] = value.reshape(target.shape)
        else:
            target.reshape(len(target), -1)[:, self._picked] = value

    def received(self, sources: Sources) -> Floats:
        """Return the arrival times (rows,), s, steady, of the latest messages."""
        return sources[self._source].received


def _shape(read: Read, have: Shape, where: str) -> Shape:
    """Return the configured shape; raises ConfigurationError unless it has as many numbers as the field."""
    if read.joints or read.shape is None:
        return have
    if int(np.prod(read.shape)) != int(np.prod(have)):
        raise ConfigurationError(f'{where}.shape is {read.shape}; the field {read} has the shape {have}')
    return tuple(read.shape)


def elements_of(elements: Sequence[int], shape: Shape, where: str, read: str) -> Indices:
    """Return indices of a shape's numbers; raises ConfigurationError, which names `where`, for others."""
    size = int(np.prod(shape))
    outside = [index for index in elements if not 0 <= index < size]
    if outside:
        raise ConfigurationError(f'{where} names {outside}; {read} has the numbers 0 to {size - 1}')
    return np.array(elements, dtype=np.intp)
