"""One action term with what it has to remember, for all rows."""
import numpy as np

from rl_policy_node.control.limits import finite_rows
from rl_policy_node.control.numbers import every


class Channel:
    """The command sent last (`sent`), from which limits go on, and what filter, law and blend-in go on from.

    Where the whole of the policy's command goes out, filter and integrator go on from what was sent, limits
    included: nothing winds up. While blending in they go on from the policy's own target, except for laws
    that are relative: their step is what is blended, sent = last sent + s · (target − last sent), because a
    robot that is on its way must not be pulled back to where it began. Rows that come back from the
    fallback begin from it: they keep nothing from before. No array is written into once it is here: what
    was sent may be given away, and be two things at once.
    """

    def __init__(self, term, rows):
        self.term, self._rows = term, rows
        self.sent = None

    def start(self, sources):
        """Begin from the fallback, where the robot is measured."""
        self.sent = self._target = self._anchor = self._rest(sources)
        self._speed = {field: np.zeros_like(self.sent[field]) for field in self.term.speeds}

    def hold(self, sources, rows, acted):
        """Take the fallback for rows (mask); acted: rows that were ever sent a command of the policy.

        A measurement that is no number is not taken: what was sent last then goes on.
        """
        rest = self._rest(sources)
        taken = rows & _finite(rest)
        if self.term.spec.fallback == 'keep':
            taken = taken & ~acted
        self.sent = _merged(taken, rest, self.sent)
        self._target, self._anchor = (_merged(rows, self.sent, memory) for memory in (self._target, self._anchor))
        self._speed = _merged(rows, {field: np.zeros_like(speed) for field, speed in self._speed.items()}, self._speed)

    def propose(self, action, sources, share, dt):
        """Return the limited command of an action (rows, size); share: s (rows, 1), None for all of it."""
        term = self.term
        self._next = target = term.command(action, sources, self._target)
        if share is not None:
            mixed = term.mix(self.sent if term.relative else self._anchor, target, share)
            target = {field: np.where(share == 1.0, target[field], mixed[field]) for field in target}
        self._proposed = term.limit(target, self.sent, dt, self._speed)
        return self._proposed

    def commit(self, rows, share, dt):
        """Take what was proposed last as sent, for rows (mask)."""
        if self._speed:
            speed = {field: (self._proposed[field] - self.sent[field]) / dt for field in self._speed}
            self._speed = _merged(rows, speed, self._speed)
        self.sent = _merged(rows, self._proposed, self.sent)
        if share is None or self.term.relative:
            self._target = _merged(rows, self.sent, self._target)
        else:
            whole = rows & (share[:, 0] == 1.0)
            self._target = _merged(rows, self.term.bound(self._next), self._target)
            self._target = _merged(whole, self.sent, self._target)

    def given(self):
        """Return what was sent, which nobody can write into."""
        for value in self.sent.values():
            value.flags.writeable = False
        return self.sent

    def _rest(self, sources):
        # a pose that was never measured has no direction
        with np.errstate(invalid='ignore'):
            return self.term.bound(self.term.rest(sources, self._rows))


def _finite(command):
    return np.logical_and.reduce([finite_rows(value) for value in command.values()])


def _merged(rows, new, old):
    """Return a command that is `new` for rows (mask) and `old` for the others."""
    if every(rows):
        return new
    return {field: np.where(rows[:, np.newaxis], value, old[field]) for field, value in new.items()}
