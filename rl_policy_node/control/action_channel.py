# SPDX-License-Identifier: Apache-2.0
"""One action term with what it has to remember, for all rows."""
from __future__ import annotations

from typing import cast

import numpy as np

from rl_policy_node.control.action_terms.action_term import ActionTerm
from rl_policy_node.control.arrays import Axes, Command, Floats, Mask, Sources
from rl_policy_node.control.gate import Gate, merged, mixed, Motion
from rl_policy_node.control.reductions import all_true
from rl_policy_node.control.state import State


class Channel:
    """The command sent last (`motion.sent`), from which limits go on, and what filter, law and blend-in go on from.

    Where the whole of the policy's command goes out, filter and integrator go on from what was sent, limits
    included: nothing winds up. While blending in they go on from the policy's own target, except for laws
    that are relative: their step is what is blended, sent = last sent + s · (target − last sent), because a
    robot that is on its way must not be pulled back to where it began. Rows that come back from the
    fallback begin from it: they keep nothing from before. No array is written into once it is here: what
    was sent may be given away, and be two things at once.
    """

    def __init__(self, term: ActionTerm, rows: int) -> None:
        self.term, self.gate = term, Gate(term, rows)
        self.motion = Motion({}, {}, {}, np.zeros(rows, dtype=bool))
        self._target: Command = {}      # what filter and law go on from
        self._anchor: Command = {}      # what blending in begins from
        self._next: Command = {}
        self._proposed = self.motion

    def start(self, sources: Sources) -> None:
        """Begin from the fallback, where the robot is measured."""
        self.motion = self.gate.begin(sources)
        self._target = self._anchor = self.motion.sent

    def resume(self, rows: Mask, motion: Motion) -> None:
        """Go on, for rows, from what went out in place of the policy's command."""
        self.motion = mixed(rows, motion, self.motion)
        self._target, self._anchor = (merged(rows, self.motion.sent, memory)
                                      for memory in (self._target, self._anchor))

    def idle(self, rows: Mask, dt: Axes) -> None:
        """Keep the command of rows that may act and have nothing to act on: within its limits it comes to rest."""
        if self.motion.speed:
            self.motion = mixed(rows, self.gate.brake(self.motion, dt), self.motion)

    def propose(self, action: Floats, sources: Sources, share: Floats | None, dt: Axes) -> Command:
        """Return the limited command of an action (rows, size); share: s (rows, 1), None for all of it."""
        term = self.term
        self._next = target = term.command(action, sources, self._target)
        if share is not None:
            blended = term.mix(self.motion.sent if term.relative else self._anchor, target, share)
            target = {field: np.where(share == 1.0, target[field], blended[field]) for field in target}
        self._proposed = self.gate.move(self.motion, target, dt)
        return self._proposed.sent

    def commit(self, rows: Mask, share: Floats | None) -> None:
        """Take what was proposed last as sent, for rows."""
        if all_true(rows) and (share is None or self.term.relative):       # as almost always
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
        """Return what was sent, which nobody can write into."""
        for value in self.motion.sent.values():
            value.flags.writeable = False
        return self.motion.sent

    def state(self) -> State:
        """Return what the next step goes on from; no array of it is ever written into."""
        _, speed, goal, captured = self.motion
        return {'sent': self.given(), 'target': self._target, 'anchor': self._anchor, 'speed': speed, 'goal': goal,
                'captured': captured, 'scales': self.term.state()}

    def restore(self, state: State) -> None:
        """Go on from a state of the same term."""
        sent, self._target, self._anchor, speed, goal = (
            dict(cast(Command, state[name])) for name in ('sent', 'target', 'anchor', 'speed', 'goal'))
        self.motion = Motion(sent, speed, goal, cast(Mask, state['captured']))
        self.term.restore(cast(State, state['scales']))
