# SPDX-License-Identifier: Apache-2.0
"""The rows that were stopped and stay on their fallback."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import cast

import numpy as np

from rl_policy_node.control.arrays import Array, Floats, Mask
from rl_policy_node.control.reductions import all_true, any_true
from rl_policy_node.control.specs import ControlSpec
from rl_policy_node.control.state import State
from rl_policy_node.core.checks import NONE, Refusals
from rl_policy_node.core.frame import Frame
from rl_policy_node.core.trigger import Trigger

NEXT = 'stays on the fallback until ~/resume'
LONGEST_OUTAGE = 1.0  # s: after a longer outage a row does not come back by itself

_ARRAYS = ('_seen', '_good_since', '_out_since', '_falls')


class Latch:
    """Keeps latched rows on their fallback until `Inbox.resume` or the next activation frees them.

    `Inbox.resume` frees a row only while all its data arrive. `Inbox.latch` latches rows; a pause of the process
    latches all. A row that falls out too often latches. With `resume: on_request` each row that falls out latches, with
    `automatic` each that is out for longer than LONGEST_OUTAGE; a row whose data were missing at the activation
    always does. A row comes back only after its data were good for `resume_after`. Refusals of a Check with `latches`
    latch by `hold`. In lockstep, where a simulator waits, only `Inbox.latch` and `hold` latch rows.

    reasons: latched row → why. pause: s, the gap between two frames from which on the process counts as paused.
    """

    def __init__(self, control: ControlSpec, trigger: Trigger) -> None:
        self._waits, self._control = trigger.awaited, control
        self.pause = control.pause
        self.start()

    def start(self) -> None:
        """Free every row; data that arrive now count as good for long enough."""
        rows = self._control.rows
        self.reasons: dict[int, str] = {}
        self._to_free: Mask = np.zeros(rows, dtype=bool)  # to be freed in this look
        self._seen: Mask = np.zeros(rows, dtype=bool)  # all their data have arrived once
        self._good_since: Floats = np.full(rows, -np.inf)  # s, steady; inf: its data do not arrive
        self._out_since: Floats = np.full(rows, np.inf)  # s, steady; inf: they act, or were never out
        falls = self._control.recovery.latch_falls + 1
        self._falls: Floats = np.full((rows, falls), -np.inf)  # s, steady, the newest first
        self._last = np.inf  # s, steady, of the frame before
        self._quiet = False  # while all rows are good there is nothing to do

    def follow(self, frame: Frame) -> None:
        """Carry out the requests of a frame in their order, and detect a pause of the process."""
        gap, self._last = frame.steady - self._last, frame.steady
        if gap > self.pause:
            self._hold(range(self._control.rows), f'the process paused for {gap:.3f} s')
        for rows, reason in frame.orders:
            self._to_free[rows] = not reason
            self._quiet = False
            if reason:
                self._good_since[rows] = np.maximum(self._good_since[rows], frame.steady)
                self._hold(range(*rows.indices(self._control.rows)), reason)

    def judge(self, frame: Frame, good: Mask, reasons: Refusals, acting: Mask) -> Refusals:
        """Return row → why it may not act, for rows that are latched or wait to come back.

        good: the rows whose data all arrive; reasons: row → why its data do not; acting: the rows that acted until
        now. None of these is modified.
        """
        if self._quiet and (not reasons or all_true(good)):
            return NONE
        steady = frame.steady
        if not self._waits:
            self._follow_data(good, reasons, acting, steady)
        if any_true(self._to_free):
            for row in np.nonzero(self._to_free & good)[0].tolist():
                self.reasons.pop(row, None)
                self._falls[row] = -np.inf
            self._to_free[:] = False
        waiting = good & (steady - self._good_since < self._control.recovery.resume_after)
        if self._waits:
            waiting[:] = False
        back = good & ~waiting
        back[list(self.reasons)] = False
        self._out_since[back] = np.inf
        self._quiet = all_true(back)
        text = f'all that it needs arrives again, for less than {self._control.recovery.resume_after:g} s'
        return {**dict.fromkeys(np.nonzero(waiting)[0].tolist(), text), **self.reasons}

    def fell(self, reasons: Refusals, steady: float) -> None:
        """Count rows that fell out. steady: s."""
        if self._waits:
            return
        rows = list(reasons)
        self._falls[rows] = np.column_stack([np.full(len(rows), steady), self._falls[rows, :-1]])
        self._out_since[rows] = np.minimum(self._out_since[rows], steady)
        # a row refused though its data arrived waits as long as one whose data were bad
        self._good_since[rows] = np.maximum(self._good_since[rows], steady)
        self._quiet = False
        often = steady - self._falls[:, -1] <= self._control.recovery.latch_window
        for row, reason in reasons.items():
            if often[row]:
                self._hold(
                    [row],
                    f'{reason}; fell out {self._control.recovery.latch_falls + 1} times within '
                    f'{self._control.recovery.latch_window:g} s',
                )
            elif self._control.recovery.resume == 'on_request':
                self._hold([row], reason)

    def _follow_data(self, good: Mask, reasons: Refusals, acting: Mask, steady: float) -> None:
        """Note whose data come and go, and latch the rows that must not come back by themselves."""
        self._good_since[good & (self._good_since == np.inf)] = steady
        gone = ~good
        self._seen |= good
        if not any_true(gone):
            return
        fallen = np.nonzero(gone & acting & self._seen)[0].tolist()
        if fallen:
            self.fell({row: reasons[row] for row in fallen}, steady)
        self._good_since[gone] = np.inf
        self._out_since[gone] = np.minimum(self._out_since[gone], steady)
        at_once = self._control.recovery.resume == 'on_request'
        for row in np.nonzero(gone & (at_once | ~self._seen | (steady - self._out_since > LONGEST_OUTAGE)))[0].tolist():
            if row not in self.reasons:
                self._hold([row], reasons[row])

    def hold(self, reasons: Refusals) -> None:
        """Latch rows at once, whatever `resume` says. reasons: row → why."""
        for row, reason in reasons.items():
            self._hold([row], reason)

    def state(self) -> State:
        """Return which rows are latched, and why, which wait, and since when."""
        return {
            **{name: cast(Array, getattr(self, name)).copy() for name in _ARRAYS},
            'last': self._last,
            'reasons': {str(row): reason for row, reason in self.reasons.items()},
        }

    def restore(self, state: State) -> None:
        """Continue from a state."""
        self.start()
        for name in _ARRAYS:
            setattr(self, name, cast(Array, state[name]).copy())
        self._last = cast(float, state['last'])
        self.reasons = {int(row): reason for row, reason in cast(Mapping[str, str], state['reasons']).items()}

    def _hold(self, rows: Iterable[int], reason: str) -> None:
        """Latch rows; a row that is already latched keeps its first reason."""
        self.reasons = {**dict.fromkeys(rows, f'{reason}; {NEXT}'), **self.reasons}
        self._quiet = False
