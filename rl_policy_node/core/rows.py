# SPDX-License-Identifier: Apache-2.0
"""Which rows act, why the others do not, and since when."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import numpy as np

from rl_policy_node.control.arrays import Floats, Mask
from rl_policy_node.control.reductions import all_true
from rl_policy_node.control.state import State
from rl_policy_node.core.outcome import RowChange


class RowStates:
    """The state of each row.

    healthy (rows,): rows that may act; reasons: row → why it may not; since (rows,): s, steady, of the last change.

    Between restarts, only a step lets a refused row act again, and resets it first.
    """

    def __init__(self, rows: int) -> None:
        self.healthy: Mask = np.ones(rows, dtype=bool)
        self.reasons: dict[int, str] = {}
        self.since: Floats = np.full(rows, -np.inf)

    def restart(self, steady: float) -> None:
        """Let every row act. steady: s."""
        self.healthy, self.reasons = np.ones_like(self.healthy), {}
        self.since = np.full_like(self.since, steady)

    def update(self, healthy: Mask, reasons: Mapping[int, str], steady: float) -> RowChange | None:
        """Set which rows act; return the change, None if there is none. steady: s."""
        if all_true(healthy) and all_true(self.healthy):
            self.reasons = {}
            return None
        lost, found = self.healthy & ~healthy, healthy & ~self.healthy
        self.reasons = {row: text for row, text in {**self.reasons, **reasons}.items() if not healthy[row]}
        self.since = np.where(lost | found, steady, self.since)
        self.healthy = healthy.copy()
        if not (lost.any() or found.any()):
            return None
        return RowChange({row: reasons[row] for row in np.nonzero(lost)[0].tolist()}, found)

    def state(self) -> State:
        """Return which rows act, why the others do not, and since when."""
        return {
            'healthy': self.healthy.copy(),
            'since': self.since.copy(),
            'reasons': {str(row): reason for row, reason in self.reasons.items()},
        }

    def restore(self, state: State) -> None:
        """Continue from a state."""
        self.healthy, self.since = cast(Mask, state['healthy']).copy(), cast(Floats, state['since']).copy()
        self.reasons = {int(row): reason for row, reason in cast(Mapping[str, str], state['reasons']).items()}
