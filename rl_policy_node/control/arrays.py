# SPDX-License-Identifier: Apache-2.0
"""Types of the arrays that pass through the control layer. The first axis is the batch: one row per robot."""

from collections.abc import Mapping
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

# numbers of any dtype
Array: TypeAlias = NDArray[Any]
# float32 or float64
Floats: TypeAlias = NDArray[np.floating[Any]]
# int64: stamps in ns
Stamps: TypeAlias = NDArray[np.int64]
# (rows,), one bool per row of the batch
Mask: TypeAlias = NDArray[np.bool_]
# one number for all axes, or one for each: (n,)
Axes: TypeAlias = float | Floats
# indices of rows, columns or joints
Indices: TypeAlias = NDArray[np.intp]
# a set of rows of the batch; slice(None) means all, None is not allowed
Rows: TypeAlias = slice | Mask
# shape of one row of an array, or of a whole array
Shape: TypeAlias = tuple[int, ...]
# field -> (rows, ...), float64: the command of an action term
Command: TypeAlias = dict[str, Floats]
# field -> (rows, ...)
Values: TypeAlias = Mapping[str, Array]


class SourceValues(Protocol):
    """The latest values of a source as terms read them.

    values: field -> (rows, ...); stamps (rows,): ns of the header, 0 without one; received (rows,): s on the
    steady clock, -inf: never.
    """

    @property
    def values(self) -> Values: ...

    @property
    def stamps(self) -> Stamps: ...

    @property
    def received(self) -> Floats: ...


# name of a source -> its values
Sources: TypeAlias = Mapping[str, SourceValues]
# name of a source -> names of its joints, in the order of its arrays
JointNames: TypeAlias = Mapping[str, tuple[str, ...]]
