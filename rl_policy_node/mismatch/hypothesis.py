# SPDX-License-Identifier: Apache-2.0
"""What every hypothesis offers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar

from rl_policy_node.mismatch.case import Case, Correction


class Hypothesis(ABC):
    """One kind of fault.

    name: as explanations have it. nested: whether the first correction that fits is the simplest, so that the rest need
    no trial. covers: names of more general hypotheses that explain whatever this one does.
    """

    name: ClassVar[str]
    nested: ClassVar[bool] = False
    covers: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def corrections(self, case: Case) -> Iterator[Correction]:
        """Yield what may turn got into expected, fitted to the lines that are there to fit."""

    def guesses(self, case: Case) -> Iterator[Correction]:
        """Yield what may do so together with a second fault."""
        return self.corrections(case)
