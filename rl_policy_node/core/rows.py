# SPDX-License-Identifier: Apache-2.0
"""The one owner of each row's state: whether it acts, why not, and since when."""
from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import numpy as np

from rl_policy_node.control.arrays import Floats, Mask
from rl_policy_node.control.numbers import every
from rl_policy_node.control.state import State
from rl_policy_node.core.outcome import RowChange


class RowStates:
    """fit (rows,): which rows act; reasons: row → why it does not; since (rows,): s, steady, when that last changed.

    A row that is refused may act again only by `update`, which a step calls: it is then reset.
    """

    def __init__(self, rows: int) -> None:
        self.fit: Mask = np.ones(rows, dtype=bool)
        self.reasons: dict[int, str] = {}
        self.since: Floats = np.full(rows, -np.inf)

    def restart(self, steady: float) -> None:
        """Let every row act. steady: s."""
        self.fit, self.reasons = np.ones_like(self.fit), {}
        self.since = np.full_like(self.since, steady)

    def update(self, fit: Mask, reasons: Mapping[int, str], steady: float) -> RowChange | None:
        """Take over which rows act; return what changed, None where nothing did. steady: s."""
        if every(fit) and every(self.fit):
            self.reasons = {}
            return None
        lost, found = self.fit & ~fit, fit & ~self.fit
        self.reasons = {row: text for row, text in {**self.reasons, **reasons}.items() if not fit[row]}
        self.since = np.where(lost | found, steady, self.since)
        self.fit = fit.copy()
        if not (lost.any() or found.any()):
            return None
        return RowChange({row: reasons[row] for row in np.nonzero(lost)[0].tolist()}, found)

    def state(self) -> State:
        """Return who acts, why not, and since when."""
        return {'fit': self.fit.copy(), 'since': self.since.copy(),
                'reasons': {str(row): reason for row, reason in self.reasons.items()}}

    def restore(self, state: State) -> None:
        """Go on from a state."""
        self.fit, self.since = cast(Mask, state['fit']).copy(), cast(Floats, state['since']).copy()
        self.reasons = {int(row): reason for row, reason in cast(Mapping[str, str], state['reasons']).items()}
