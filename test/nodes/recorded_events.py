# SPDX-License-Identifier: Apache-2.0
"""Events of a recording with random content, and whether two of them are the same, bit for bit."""

from collections.abc import Mapping

import numpy as np

from rl_policy_node.control.gate import Motion, Sent
from rl_policy_node.core import recording
from rl_policy_node.core.frame import Order, RobotState
from rl_policy_node.core.outcome import Outcome, RowChange

ROWS = 3


class Events:
    """Makes events; the same ones for the same seed."""

    def __init__(self, seed=0, inputs=6):
        self._random = np.random.default_rng(seed)
        self._inputs = inputs
        self._number = 0

    def some(self, count):
        """Return events of all kinds in random order."""
        makers = [self.message, self.refused, self.forgotten, self.begun, self.step, self.look, self.fallback]
        makers += [self.command, self.snapshot, self.gap, self.ended]
        return [makers[self._random.integers(len(makers))]() for _ in range(count)]

    def message(self, refusal='', payload=None):
        row = int(self._random.integers(ROWS))
        data = self._random.bytes(int(self._random.integers(8, 60))) if payload is None else payload
        return recording.Message('joints', row, row + 1, data, self._time(), self._ros(), refusal, self._next())

    def refused(self):
        return self.message('lacks the joints [‘elbow’]')

    def forgotten(self):
        return recording.Forgotten('order', self._mask(), self._next())

    def begun(self):
        return recording.Begun(self._taken())

    def step(self):
        return recording.Step(self._taken(), self._outcome(), self._next())

    def look(self):
        return recording.Step(self._taken(), None, 0)

    def fallback(self):
        return recording.Fallback(self._time(), self._ros(), self._sent(), self._mask(), True, 4, self._next())

    def command(self, payload=None):
        data = self._random.bytes(24) if payload is None else payload
        return recording.Command('arm', int(self._random.integers(ROWS)), data, self._time(), self._next())

    def snapshot(self):
        state = {
            'stepper': {'history': self._floats(4), 'kind': 'lstm', 'seed': 2**127 + 1, 'empty': {}},
            'sources': {'joints': {'received': np.full(ROWS, -np.inf), 'count': 3}},
            'outlet': {'open': True, 'time': np.float64(0.1)},
        }
        return recording.Snapshot(state, self._next(), 7)

    def gap(self):
        return recording.Gap(int(self._random.integers(1, 100)))

    def ended(self):
        return recording.Ended('deactivated')

    def _taken(self):
        return recording.Taken(
            steady=self._time(),
            ros=self._ros(),
            time=self._time(),
            dt=0.02,
            reset=self._mask(),
            tare=self._mask(),
            begun=self._random.integers(0, 10**18, ROWS),
            changes=(('actions.arm.scale', (0.5, 0.25)), ('ood.limit', 3.0)),
            overruled=self._sent(),
            orders=(Order(slice(0, 2), 'stopped'), Order(slice(None), '')),
            enabled=-np.inf,
            news=None,
            robot_states={1: RobotState('', self._time())},
            heard=np.inf,
            number=self._next(),
        )

    def _outcome(self):
        return Outcome(
            commands={'arm': {'position': self._floats(7)}},
            send=self._mask(),
            answers=self._mask(),
            acted=self._mask(),
            reset=self._mask(),
            changes=(RowChange({0: 'stale'}, self._mask()),),
            reasons={2: 'joints: stale'},
            inputs={'obs': self._floats(self._inputs).astype(np.float32)},
            actions=self._floats(7).astype(np.float32),
            sent=self._sent(),
            warnings={},
        )

    def _sent(self):
        motion = Motion({'position': self._floats(7)}, {}, {'position': np.full((ROWS, 7), np.nan)}, self._mask())
        return Sent({'arm': motion}, self._floats(1)[:, 0], None)

    def _floats(self, size):
        return self._random.normal(size=(ROWS, size))

    def _mask(self):
        return self._random.random(ROWS) < 0.5

    def _time(self):
        return float(self._random.random() * 1e5)

    def _ros(self):
        return int(self._random.integers(1, 2 * 10**18))

    def _next(self):
        self._number += 1
        return self._number


def same(one, other):
    """Return whether two values are equal down to type, dtype, shape and bits."""
    if isinstance(one, Mapping):
        return isinstance(other, Mapping) and list(one) == list(other) and all(same(one[k], other[k]) for k in one)
    if type(one) is not type(other):
        return False
    if isinstance(one, (np.ndarray, np.generic)):
        return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other or one != one and other != other
