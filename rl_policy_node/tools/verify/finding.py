# SPDX-License-Identifier: Apache-2.0
"""What was found of one term."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from rl_policy_node.mismatch import Verdict

NOT_CHECKED: Final = 'not checked'
MISPLACED: Final = 'misplaced'


@dataclass(frozen=True)
class Finding:
    """A term of an observation, or a command.

    side: observation or command. place: its input, or what the simulator calls the targets. verdict: None where the two
    sides could not be compared, for this reason. fault: whether that is a difference in itself, as of sizes. label:
    what the number that differs most is called. remarks: what else is known.
    """

    side: str
    place: str
    name: str
    verdict: Verdict | None = None
    reason: str = ''
    fault: bool = False
    label: str = ''
    remarks: tuple[str, ...] = ()

    @property
    def status(self) -> str:
        """One of agrees, explained, ambiguous, unexplained; misplaced: not where the file expects it; not checked."""
        if self.verdict is not None:
            return self.verdict.finding
        return MISPLACED if self.fault else NOT_CHECKED

    @property
    def differs(self) -> bool:
        """Whether the two sides differ."""
        return self.status not in ('agrees', NOT_CHECKED)

    def content(self) -> dict[str, object]:
        """Return it as JSON has it."""
        verdict = self.verdict
        step, row, number = verdict.where if verdict is not None else (0, 0, 0)
        return {
            'side': self.side,
            'place': self.place,
            'term': self.name,
            'status': self.status.replace(' ', '_'),
            'largest': _number(verdict.largest) if verdict is not None else None,
            'largest_left_out': _number(verdict.left_out) if verdict is not None else None,
            'where': None if verdict is None else {'step': step, 'row': row, 'number': number, 'label': self.label},
            'reason': self.reason,
            'note': verdict.note if verdict is not None else '',
            'remarks': list(self.remarks),
            'explanations': [] if verdict is None else [vars(each) for each in verdict.explanations],
        }


def _number(value: float) -> float | None:
    """Return a number as JSON can have it."""
    return value if np.isfinite(value) else None
