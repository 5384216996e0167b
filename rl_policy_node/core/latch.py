"""The one owner of who was stopped and stays so."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import cast

import numpy as np

from rl_policy_node.control.arrays import Mask
from rl_policy_node.control.numbers import some
from rl_policy_node.control.specs import ControlSpec
from rl_policy_node.control.state import State
from rl_policy_node.core.checks import NONE, Refusals
from rl_policy_node.core.frame import Frame
from rl_policy_node.core.triggers import Trigger

NEXT = 'stays on the fallback until ~/resume'


class Latch:
    """Row → reason: a latched row is on its fallback until somebody frees it by `Inbox.resume`, or activates anew.

    It is freed only while all that it needs arrives. reasons: of the rows that are latched.
    """

    def __init__(self, control: ControlSpec, trigger: Trigger) -> None:
        self._rows = control.rows
        self.reasons: dict[int, str] = {}
        self._asked: Mask = np.zeros(control.rows, dtype=bool)      # to be freed in this look

    def start(self) -> None:
        """Free every row."""
        self.reasons = {}
        self._asked = np.zeros_like(self._asked)

    def follow(self, frame: Frame) -> None:
        """Take over what was asked for, in its order."""
        for rows, reason in frame.orders:
            self._asked[rows] = not reason
            if reason:
                self._hold(range(*rows.indices(self._rows)), lambda row, reason=reason: reason)

    def judge(self, frame: Frame, good: Mask) -> Refusals:
        """Return row → why it may not act. good: the rows of which all that they need arrives; not written into."""
        if not self.reasons:
            self._asked[:] = False
            return NONE
        if some(self._asked):
            for row in np.nonzero(self._asked & good)[0].tolist():
                self.reasons.pop(row, None)
            self._asked[:] = False
        return dict(self.reasons)

    def state(self) -> State:
        """Return who is latched, and why."""
        return {'reasons': {str(row): reason for row, reason in self.reasons.items()}}

    def restore(self, state: State) -> None:
        """Go on from a state."""
        self.reasons = {int(row): reason for row, reason in cast(Mapping[str, str], state['reasons']).items()}
        self._asked[:] = False

    def _hold(self, rows: Iterable[int], reason: Callable[[int], str]) -> None:
        """Latch rows; of a row that is latched already the first reason stays."""
        self.reasons = {**{row: f'{reason(row)}; {NEXT}' for row in rows}, **self.reasons}
