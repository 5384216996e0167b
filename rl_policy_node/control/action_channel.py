# SPDX-License-Identifier: Apache-2.0
"""One action term and its memory, for all rows."""

from __future__ import annotations

from typing import cast

import numpy as np

from rl_policy_node.control.action_terms.action_options import ActionOptions
from rl_policy_node.control.action_terms.action_term import ActionTerm
from rl_policy_node.control.arrays import Axes, Command, Floats, Mask, Sources
from rl_policy_node.control.gate import Gate, merged, mixed, Motion
from rl_policy_node.control.reductions import all_true
from rl_policy_node.control.state import State


class Channel:
    """The last command sent (`motion.sent`), from which limits continue, and the memory of filter, law and blend-in.

    When the policy's whole command is sent, filter and integrator continue from the limited command: nothing winds up.
    While blending in they continue from the policy's own target. Relative laws differ: they blend the step,
    sent = last sent + s · (target − last sent), since a moving robot must not be pulled back to where it began.
    Rows that come back from the fallback begin from it and forget everything older. Arrays kept here are never
    modified: others may hold them.
    """

    def __init__(self, term: ActionTerm[ActionOptions], rows: int) -> None:
        self.term, self.gate = term, Gate(term, rows)
        self.motion = Motion({}, {}, {}, np.zeros(rows, dtype=bool))
        self._target: Command = {}  # filter and law continue from it
        self._anchor: Command = {}  # blending in begins from it
        self._next: Command = {}
        self._proposed = self.motion

    def start(self, sources: Sources) -> None:
        """Begin from the fallback at the measured position."""
        self.motion = self.gate.begin(sources)
        self._target = self._anchor = self.motion.sent

    def resume(self, rows: Mask, motion: Motion) -> None:
        """Continue, for rows, from the command that was sent in place of the policy's."""
        self.motion = mixed(rows, motion, self.motion)
        self._target, self._anchor = (merged(rows, self.motion.sent, memory) for memory in (self._target, self._anchor))

    def idle(self, rows: Mask, dt: Axes) -> None:
        """Bring rows that may act, but have no new observation, to rest within their limits."""
        if self.motion.speed:
            self.motion = mixed(rows, self.gate.brake(self.motion, dt), self.motion)

    def propose(self, action: Floats, sources: Sources, share: Floats | None, dt: Axes) -> Command:
        """Return the limited command of an action (rows, size); share: s of Blend (rows, 1), None: 1."""
        term = self.term
        self._next = target = term.command(action, sources, self._target)
        if share is not None:
            blended = term.mix(self.motion.sent if term.relative else self._anchor, target, share)
            target = {field: np.where(share == 1.0, target[field], blended[field]) for field in target}
        self._proposed = self.gate.move(self.motion, target, dt)
        return self._proposed.sent

    def commit(self, rows: Mask, share: Floats | None) -> None:
        """Take the last proposed command as sent, for rows."""
        if all_true(rows) and (share is None or self.term.relative):  # the usual case
            self.motion = self._proposed
            self._target = self.motion.sent
            return
        self.motion = mixed(rows, self._proposed, self.motion)
        if share is None or self.term.relative:
            self._target = merged(rows, self.motion.sent, self._target)
        else:
            whole = rows & (share[:, 0] == 1.0)
            self._target = merged(rows, self.term.bound(self._next), self._target)
            self._target = merged(whole, self.motion.sent, self._target)

    def given(self) -> Command:
        """Return the last command sent, read-only."""
        for value in self.motion.sent.values():
            value.flags.writeable = False
        return self.motion.sent

    def state(self) -> State:
        """Return the memory that the next step continues from; its arrays never change."""
        _, speed, goal, captured = self.motion
        return {
            'sent': self.given(),
            'target': self._target,
            'anchor': self._anchor,
            'speed': speed,
            'goal': goal,
            'captured': captured,
            'scales': self.term.state(),
        }

    def restore(self, state: State) -> None:
        """Continue from a state of the same term."""
        sent, self._target, self._anchor, speed, goal = (
            dict(cast(Command, state[name])) for name in ('sent', 'target', 'anchor', 'speed', 'goal')
        )
        self.motion = Motion(sent, speed, goal, cast(Mask, state['captured']))
        self.term.restore(cast(State, state['scales']))
