"""One action term with what it has to remember, for all rows."""
from __future__ import annotations

from typing import cast

import numpy as np

from rl_policy_node.control.action_terms.base import ActionTerm
from rl_policy_node.control.arrays import Command, Floats, Mask, Sources
from rl_policy_node.control.limits import finite_rows
from rl_policy_node.control.numbers import every
from rl_policy_node.control.state import State


class Channel:
    """The command sent last (`sent`), from which limits go on, and what filter, law and blend-in go on from.

    Where the whole of the policy's command goes out, filter and integrator go on from what was sent, limits
    included: nothing winds up. While blending in they go on from the policy's own target, except for laws
    that are relative: their step is what is blended, sent = last sent + s · (target − last sent), because a
    robot that is on its way must not be pulled back to where it began. Rows that come back from the
    fallback begin from it: they keep nothing from before. No array is written into once it is here: what
    was sent may be given away, and be two things at once.
    """

    def __init__(self, term: ActionTerm, rows: int) -> None:
        self.term, self._rows = term, rows
        self.sent: Command = {}
        self._target: Command = {}      # what filter and law go on from
        self._anchor: Command = {}      # what blending in begins from
        self._speed: Command = {}       # rate of change of `sent`, of the fields whose acceleration is limited
        self._next: Command = {}
        self._proposed: Command = {}

    def start(self, sources: Sources) -> None:
        """Begin from the fallback, where the robot is measured."""
        self.sent = self._target = self._anchor = self._rest(sources)
        self._speed = {field: np.zeros_like(self.sent[field]) for field in self.term.speeds}

    def fallback(self, sources: Sources, sent: Command, acted: Mask) -> Command:
        """Return the fallback of every row; where that is no number, or is to be kept, what was `sent` last.

        acted: rows that were ever sent a command of the policy. Nothing is remembered.
        """
        rest = self._rest(sources)
        taken = _finite(rest)
        if self.term.spec.fallback == 'keep':
            taken = taken & ~acted
        return _merged(taken, rest, sent)

    def resume(self, rows: Mask, command: Command) -> None:
        """Go on, for rows, from a command that went out in place of the policy's."""
        self.sent = _merged(rows, command, self.sent)
        self._target, self._anchor = (_merged(rows, self.sent, memory) for memory in (self._target, self._anchor))
        still: Command = {field: np.zeros_like(speed) for field, speed in self._speed.items()}
        self._speed = _merged(rows, still, self._speed)

    def propose(self, action: Floats, sources: Sources, share: Floats | None, dt: float) -> Command:
        """Return the limited command of an action (rows, size); share: s (rows, 1), None for all of it."""
        term = self.term
        self._next = target = term.command(action, sources, self._target)
        if share is not None:
            mixed = term.mix(self.sent if term.relative else self._anchor, target, share)
            target = {field: np.where(share == 1.0, target[field], mixed[field]) for field in target}
        self._proposed = term.limit(target, self.sent, dt, self._speed)
        return self._proposed

    def commit(self, rows: Mask, share: Floats | None, dt: float) -> None:
        """Take what was proposed last as sent, for rows."""
        if not self._speed and (share is None or self.term.relative) and every(rows):
            self.sent = self._target = self._proposed       # as nearly every step does: nothing to merge
            return
        if self._speed:
            speed: Command = {field: (self._proposed[field] - self.sent[field]) / dt for field in self._speed}
            self._speed = _merged(rows, speed, self._speed)
        self.sent = _merged(rows, self._proposed, self.sent)
        if share is None or self.term.relative:
            self._target = _merged(rows, self.sent, self._target)
        else:
            whole = rows & (share[:, 0] == 1.0)
            self._target = _merged(rows, self.term.bound(self._next), self._target)
            self._target = _merged(whole, self.sent, self._target)

    def given(self) -> Command:
        """Return what was sent, which nobody can write into."""
        for value in self.sent.values():
            value.flags.writeable = False
        return self.sent

    def state(self) -> State:
        """Return what the next step goes on from; no array of it is ever written into."""
        return {'sent': self.given(), 'target': self._target, 'anchor': self._anchor, 'speed': self._speed,
                'scales': self.term.state()}

    def restore(self, state: State) -> None:
        """Go on from a state of the same term."""
        self.sent, self._target, self._anchor, self._speed = (
            dict(cast(Command, state[name])) for name in ('sent', 'target', 'anchor', 'speed'))
        self.term.restore(cast(State, state['scales']))

    def _rest(self, sources: Sources) -> Command:
        # a pose that was never measured has no direction
        with np.errstate(invalid='ignore'):
            return self.term.bound(self.term.rest(sources, self._rows))


def _finite(command: Command) -> Mask:
    finite: Mask = np.logical_and.reduce([finite_rows(value) for value in command.values()])
    return finite


def _merged(rows: Mask, new: Command, old: Command) -> Command:
    """Return a command that is `new` for rows and `old` for the others."""
    if every(rows):
        return new
    return {field: np.where(rows[:, np.newaxis], value, old[field]) for field, value in new.items()}
