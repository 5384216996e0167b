# SPDX-License-Identifier: Apache-2.0
"""The robots' data that imperfections need: the measurements of sensors, and the received commands."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

# (rows,), one bool per row of the batch
Mask: TypeAlias = NDArray[np.bool_]
# numbers of any dtype
Array: TypeAlias = NDArray[Any]
# field → (rows, …)
Values: TypeAlias = Mapping[str, Array]


@dataclass(frozen=True)
class Measured:
    """The true values of a source. values: overwritten in every step. shared_rows: one message carries all rows."""

    values: Values
    shared_rows: bool


class Received(Protocol):
    """The newest command of every row.

    values: field → (rows, …). stamps (rows,): ns of the header, 0 without one. received (rows,): s on the steady
    clock, −inf: never.
    """

    @property
    def values(self) -> Values: ...

    @property
    def stamps(self) -> NDArray[np.int64]: ...

    @property
    def received(self) -> NDArray[np.float64]: ...


@dataclass(frozen=True)
class Robots:
    """`rows` robots in a simulator.

    sources, commands: by name. hold(): returns command → field → (rows, …) that holds every robot at its true position.
    """

    rows: int
    sources: Mapping[str, Measured]
    commands: Mapping[str, Received]
    hold: Callable[[], Mapping[str, Values]]
