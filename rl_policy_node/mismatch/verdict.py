# SPDX-License-Identifier: Apache-2.0
"""What a comparison found."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Explanation:
    """A fault that turns what came into what was expected.

    hypothesis: its name; two joined by ' + ' where only both together explain. sentence: for the user. remedy: options
    of the parameter file, or what to do where it has none. residual: largest difference that is left in the samples
    that judged it. share: of these samples, how many agree after it, 0 to 1. doubt: why the data do not prove it; empty
    where they do.
    """

    hypothesis: str
    sentence: str
    remedy: str
    residual: float
    share: float
    doubt: str = ''


@dataclass(frozen=True)
class Verdict:
    """How far the two sides of a term differ, and why.

    largest: difference, infinite where one side is not finite. where: its step, row and number. note: what else is
    seen of the samples that differ. left_out: largest difference of the samples that
    were left out, infinite likewise, 0 where they agree.
    """

    name: str
    largest: float
    where: tuple[int, int, int]
    agrees: bool
    explanations: tuple[Explanation, ...] = ()
    note: str = ''
    left_out: float = 0.0

    @property
    def finding(self) -> str:
        """One of agrees, explained, ambiguous (explanations are candidates, the data do not tell), unexplained."""
        if self.agrees:
            return 'agrees'
        if not self.explanations:
            return 'unexplained'
        return 'explained' if len(self.explanations) == 1 and not self.explanations[0].doubt else 'ambiguous'
