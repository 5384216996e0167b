# SPDX-License-Identifier: Apache-2.0
"""The only path to the publishers of commands."""

from __future__ import annotations

from collections.abc import Mapping
import threading
from typing import Any, cast, NamedTuple

import numpy as np

from rl_policy_node.control.action_manager import ActionManager, Commands
from rl_policy_node.control.action_terms.action_options import ActionOptions
from rl_policy_node.control.action_terms.action_term import ActionTerm
from rl_policy_node.control.arrays import Floats, Mask, Stamps
from rl_policy_node.control.gate import Motion, Sent
from rl_policy_node.control.reductions import all_true, any_true
from rl_policy_node.control.specs import ControlSpec
from rl_policy_node.control.state import State
from rl_policy_node.core.frame import Frame
from rl_policy_node.core.guard import Guard
from rl_policy_node.core.outcome import Outcome
from rl_policy_node.core.protocols import Publisher
from rl_policy_node.core.trigger import Trigger


class Sending(NamedTuple):
    """A fallback that went out: its number among all that is published, the commands, and the rows that got them."""

    number: int
    sent: Sent
    rows: Mask


class Outlet:
    """Publishes the commands of the policy and the fallback: chooses rows and stamps, and after a stop sends nothing.

    A robot that was never measured, or not since a pause, gets no command: none would hold it where it is.
    pending_since: s, steady, when the step under way began, None: no commands are due. guard: while it is fenced,
    nothing is published. sending: number of publications so far, the one under way included. Any thread may call any
    method; one publishes at a time.
    """

    def __init__(
        self, control: ControlSpec, actions: ActionManager, publish: Publisher, trigger: Trigger, guard: Guard
    ) -> None:
        self.guard = guard
        self._actions, self._publish, self._trigger = actions, publish, trigger
        self._sources = {action.name: action.source for action in control.actions}
        self._measured = tuple(action.source for action in control.actions if action.source)
        # a message for all rows has no stamp: a waiting simulator would mistake a fallback for its answer
        self._mute = bool(control.shared_rows) and trigger.awaited
        self._lock, self._open = threading.Lock(), False
        self._unsent = False  # closed, but the fallback could not be published
        self.pending_since: float | None = None
        self.sending = 0
        self._last = actions.sent()
        self._acted: Mask = np.zeros(control.rows, dtype=bool)
        self._all_acted = False
        self._overruled = False

    @property
    def action_terms(self) -> Mapping[str, ActionTerm[ActionOptions]]:
        """The action terms by name, in the order of the action."""
        return self._actions.terms

    def open(self) -> None:
        """Allow publishing; the commands that hold each robot now count as sent."""
        with self._lock:
            self._last, self._acted, self._all_acted = self._actions.sent(), np.zeros_like(self._acted), False
            self._open, self._unsent, self._overruled, self.pending_since = True, False, False, None

    def expect(self, steady: float) -> None:
        """Note that a step begins at `steady`, s: its commands are now due."""
        self.pending_since = steady
        self.guard.expect(steady)

    def send(self, frame: Frame, outcome: Outcome, since: float | None = None) -> int:
        """Publish an outcome, and return its number.

        Once closed or fenced, or if its step (`since`) was given up, only return 0.
        """
        with self._lock:
            if not self._open or since != self.pending_since or self.guard.fenced:
                return 0
            self.sending += 1
            if outcome.stepped or not self._mute:
                answers = self._trigger.answers(outcome.answers) if outcome.stepped else outcome.answers
                self._send(frame, outcome.commands, answers, outcome.send, outcome.sent and outcome.sent.lost)
                self._last = outcome.sent or self._last
                if not self._all_acted:
                    self._acted = self._acted | outcome.acted
                    self._all_acted = all_true(self._acted)
            self.pending_since = None
            return self.sending

    def give_up(self, frame: Frame, since: float | None) -> Sending | None:
        """Publish the fallback in place of the step that began at `since`; None: while no step is under way.

        Once closed or fenced, or if that step is over, only return None. The step's commands are dropped when they
        come.
        """
        with self._lock:
            if not self._open or since != self.pending_since or self.guard.fenced:
                return None
            self.pending_since, self._overruled = None, True
            return self._fall_back(frame)

    def close(self, frame: Frame) -> Sending | None:
        """Publish the fallback for every row, as the last command. Call it again if it raised.

        Once fenced, it publishes nothing, and returns None.
        """
        with self._lock:
            if not (self._open or self._unsent):
                return None
            self._open, self._unsent, self.pending_since = False, True, None
            sending = None if self.guard.fenced else self._fall_back(frame)
            self._unsent = False
            self.guard.end()
            return sending

    def state(self) -> tuple[State, int]:
        """Return the last commands sent and the rows that have acted, and the number of publications until then."""
        with self._lock:
            at, lost = self._last.at, self._last.lost
            return {
                'motions': {name: motion._asdict() for name, motion in self._last.motions.items()},
                'at': at,
                'lost': np.zeros(len(at), dtype=bool) if lost is None else lost,
                'acted': self._acted,
            }, self.sending

    def restore(self, state: State, sending: int) -> None:
        """Continue, open, from a state of an outlet of the same actions."""
        self.open()
        motions = cast(Mapping[str, Mapping[str, Any]], state['motions'])
        lost = cast(Mask, state['lost'])
        self._last = Sent(
            {name: Motion(**motion) for name, motion in motions.items()},
            cast(Floats, state['at']),
            lost if any_true(lost) else None,
        )
        self._acted, self.sending = cast(Mask, state['acted']), sending
        self._all_acted = all_true(self._acted)

    def tracking(self, frame: Frame) -> dict[str, tuple[float, str, int]]:
        """Return action → the largest distance (rad, m) of last command and measurement, its axis and its row."""
        sent = self._last
        rows = frame.measured(self._actions.places, np.isfinite(sent.at))
        return self._actions.tracking.largest(sent.commands, frame.sources, rows)

    def with_overruled(self, frame: Frame) -> Frame:
        """Return the frame; it holds the last commands sent if these replaced those of the last outcome."""
        if not self._overruled:
            return frame
        with self._lock:
            self._overruled = False
            return frame._replace(overruled=self._last)

    def _fall_back(self, frame: Frame) -> Sending:
        """Publish the fallback once; it is safe as the last command."""
        self.sending += 1
        fresh = frame.fresh(self._actions.places, self._trigger.patience)
        sent, rows = self._actions.fallback(self._last, frame.sources, fresh, frame.steady, last=True)
        self._send(frame, sent.commands, np.zeros_like(rows), rows, sent.lost)
        self._last = sent
        return Sending(self.sending, sent, rows)

    def _send(self, frame: Frame, commands: Commands, answers: Mask, rows: Mask, lost: Mask | None) -> None:
        """Publish commands. An answer gets the stamp of its observation, a fallback the time of the frame.

        lost: rows at an unknown position, which get no position commands.
        """
        stamps: dict[str, Stamps] = {}
        for name, source in self._sources.items():
            stamps[name] = frame.stamps(source, answers)
        # rows that acted were measured
        rows = rows if self._all_acted else frame.measured(self._measured, rows)
        if lost is None:
            self._publish(commands, stamps, rows)
            return
        placed = self._actions.placed
        try:
            self._publish({name: commands[name] for name in commands if name not in placed}, stamps, rows)
        finally:
            self._publish({name: commands[name] for name in commands if name in placed}, stamps, rows & ~lost)
