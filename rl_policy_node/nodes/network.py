"""A network that is late, loses messages and swaps them, in periods of the control; numpy alone."""
import math

import numpy as np

_EXACT = 0.01       # periods: 0.0167 s at 60 Hz are one period, written by a person


def whole_steps(delay):
    """Return how many steps after it was sent something of `delay` (periods) is there."""
    return max(math.ceil(delay - _EXACT), 0)


class Network:
    """Decides for every message of a source when it arrives, and counts what it did.

    groups: messages of one step, one for each robot, or one for all. Of the same random stream the same messages
    are lost whatever the latency, and a greater share loses these and others.
    sent: messages handed in; lost: never arriving; late: arriving a period or more after they were measured;
    reordered: arriving after one that was measured later.
    """

    def __init__(self, spec, period, groups, random):
        self._spec, self._random, self.groups = spec, random, groups
        self._latency, self._jitter = spec.latency / period, spec.latency_jitter / period
        # the longest time, in steps, that a message is under way
        self.longest = whole_steps(self._latency + self._jitter + 2 * (spec.reorder > 0))
        self._due = np.full((self.longest + 1, groups), np.inf)
        self._step = 0
        self.counts = dict.fromkeys(('sent', 'lost', 'late', 'reordered'), 0)

    def send(self, begins):
        """Return the delays (groups,), periods, of this step's messages; infinite: lost.

        begins (groups,): first messages of an episode, which arrive at once: they end what was under way.
        """
        lost, swapped, jitter = self._random.random((3, self.groups))
        # one period after the message that follows it
        delays = self._latency + self._jitter * jitter + 2.0 * (swapped < self._spec.reorder)
        delays[lost < self._spec.drop] = np.inf
        delays[begins] = 0.0
        self._count(delays, begins)
        return delays

    def _count(self, delays, begins):
        due = self._step + delays
        self._due[:, begins] = np.inf
        overtaken = np.isfinite(self._due) & (self._due > due)
        self._due[overtaken] = np.inf
        self._due[self._step % len(self._due)] = due
        self._step += 1
        found = {'sent': np.ones(self.groups), 'lost': np.isinf(delays),
                 'late': np.isfinite(delays) & (delays >= 1.0 - _EXACT), 'reordered': overtaken}
        for name, value in found.items():
            self.counts[name] += int(value.sum())


class DelayLine:
    """What has arrived of a source by now, in simulated time, row by row.

    shown: field → (rows, ...), the newest message that has arrived; one that comes after a newer one is not shown,
    as the policy node does not take it. An episode begins with its first message and shows nothing from before.
    """

    def __init__(self, values, rows, longest):
        self._values = {field: np.zeros((longest + 1, *value.shape), value.dtype) for field, value in values.items()}
        self._due = np.full((longest + 1, rows), np.inf)
        self._sent = np.full(longest + 1, -1)            # step in which each kept message was sent
        self._newest = np.full(rows, -1)                 # step in which the shown one was
        self._step = 0
        self.shown = {field: np.zeros_like(value) for field, value in values.items()}

    def push(self, values, delays, begins):
        """Take in this step's messages; delays (rows,) or (1,) in periods, begins (rows,): first of an episode."""
        slot = self._step % len(self._sent)
        for field, value in values.items():
            self._values[field][slot] = value
        self._sent[slot] = self._step
        # what is older than a first message of an episode is not shown after it
        self._due[slot] = np.where(begins, self._step, self._step + delays)
        self._show()
        self._step += 1

    def _show(self):
        arrived = self._due <= self._step + _EXACT
        newest = np.where(arrived, self._sent[:, np.newaxis], -1).max(axis=0)
        self._due[arrived] = np.inf
        rows = np.nonzero(newest > self._newest)[0]
        self._newest[rows] = newest[rows]
        slots = newest[rows] % len(self._sent)
        for field, value in self._values.items():
            self.shown[field][rows] = value[slots, rows]


class CommandLine:
    """Commands that take effect a whole number of steps after they were there.

    received: command → field → (rows, ...), for the shapes. Until the first command of its episode takes effect,
    a row is held: `restart` says how.
    """

    def __init__(self, received, rows, steps):
        self._values = {name: {field: np.zeros((steps + 1, *value.shape), value.dtype)
                               for field, value in fields.items()} for name, fields in received.items()}
        self._there = {name: np.zeros((steps + 1, rows), dtype=bool) for name in received}
        self._slots, self._step = steps + 1, 0
        self._obeyed = {name: {field: value.copy() for field, value in fields.items()}
                        for name, fields in received.items()}

    def restart(self, rows, held):
        """Forget every command of rows (mask), and hold them as `held` says, like `received`."""
        for name, fields in self._obeyed.items():
            self._there[name][:, rows] = False
            for field, value in fields.items():
                value[rows] = held[name][field][rows]

    def push(self, received, valid):
        """Take in what was received last; return what is obeyed in this step.

        valid: command → (rows,) mask, commands of the row's present episode.
        """
        now, then = self._step % self._slots, (self._step + 1) % self._slots
        self._step += 1
        for name, fields in self._values.items():
            self._there[name][now] = valid[name]
            for field, value in fields.items():
                value[now] = received[name][field]
                rows = self._there[name][then]
                self._obeyed[name][field][rows] = value[then][rows]
        return self._obeyed
