# SPDX-License-Identifier: Apache-2.0
"""What every kind of fault offers: corrections of a robot's numbers, and what they gain."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
import itertools
from typing import Any, ClassVar, TypeAlias

import numpy as np

from rl_policy_node.mismatch.case import Indices
from rl_policy_node.mismatch.series import Floats
from rl_policy_node.mismatch.unpaired.judge_steps import Judge
from rl_policy_node.mismatch.unpaired.view import Part

PARAMETER = 2.85  # nats that a free number costs: half the log of the steps that count
_FINEST, _FINER = 1e-3, 2.5

Gain: TypeAlias = Callable[[float], float]
VectorGain: TypeAlias = Callable[[Floats], float]


@dataclass(frozen=True, eq=False)
class Undoing:
    """A correction that undoes a fault.

    gain: nats, less the cost of what it was free to choose. where: its terms. value: what was found, such as a factor,
    for the sentence and the remedy. numbers: how many were free to choose.
    """

    kind: str
    where: tuple[str, ...]
    gain: float
    value: tuple[Any, ...]
    numbers: int = 0


class Fault(ABC):
    """One kind of fault. name: as findings have it."""

    name: ClassVar[str]

    @abstractmethod
    def undoings(self, judge: Judge) -> Iterator[Undoing]:
        """Yield the best corrections of each term or source."""


class TermFault(Fault):
    """A fault of one term that is no quaternion."""

    def undoings(self, judge: Judge) -> Iterator[Undoing]:
        for part in judge.view.parts:
            if not part.quaternion:
                yield from self.of_term(judge, part, columns_of([part]))

    @abstractmethod
    def of_term(self, judge: Judge, part: Part, columns: Indices) -> Iterator[Undoing]:
        """Yield the best corrections of a term."""


def columns_of(parts: Sequence[Part]) -> Indices:
    """Return the columns of terms."""
    return np.concatenate([np.arange(part.columns.start, part.columns.stop) for part in parts])


def names_of(parts: Sequence[Part]) -> tuple[str, ...]:
    """Return the names of terms."""
    return tuple(part.name for part in parts)


def refined(gain: Gain, best: float, step: float) -> float:
    """Return where a function of one number is largest, from a good start."""
    return float(descended(lambda vector: gain(float(vector[0])), np.array([best]), step, _FINEST)[0])


def descended(gain: VectorGain, best: Floats, step: float, finest: float) -> Floats:
    """Return where a function of a vector is largest, from a good start, by ever smaller steps along its axes."""
    most = gain(best)
    while step > finest:
        for axis, sign in itertools.product(range(len(best)), (1.0, -1.0)):
            trial = best.copy()
            trial[axis] += sign * step
            worth = gain(trial)
            if worth > most:
                best, most = trial, worth
                break
        else:
            step /= _FINER
    return best
