# SPDX-License-Identifier: Apache-2.0
"""Blends the policy's command with the held one, per row: a ramp after a start, and a ratio set at run time."""

from typing import cast

import numpy as np

from rl_policy_node.control.arrays import Floats, Mask, Rows
from rl_policy_node.control.reductions import least
from rl_policy_node.control.state import State
from rl_policy_node.errors import unfit

LIVE = 1.0  # s, the shortest duration of a change while the policy acts


class Blend:
    """Share s of the policy's command: sent = held + s · (target − held).

    s = ratio · min(time that the row has acted / seconds, 1). The ratio (0 to 1) changes at the same pace: by at most 1
    in `seconds`, and by at most 1 in LIVE.
    """

    def __init__(self, rows: int, seconds: float = 0.0, ratio: float = 1.0) -> None:
        self._seconds, self._acted = seconds, np.zeros(rows)
        self.set(ratio)
        self.start()

    def start(self) -> None:
        """Restart every row's ramp, with the wanted ratio at once."""
        self.restart()
        self._ratio = self._wanted

    def set(self, ratio: float) -> None:
        """Change the ratio; raises ConfigurationError beyond 0 to 1."""
        check_ratio(ratio)
        self._wanted = float(ratio)

    def restart(self, rows: Rows = slice(None)) -> None:
        """Restart the ramp of rows (mask)."""
        self._acted[rows] = 0.0

    def share(self, dt: float) -> Floats | None:
        """Return s (rows, 1) for a step dt seconds after the last, or None where every share is 1."""
        wanted = self._wanted
        if not self._seconds and self._ratio == wanted == 1.0:
            return None
        step = dt / max(self._seconds, LIVE)
        self._ratio += min(max(wanted - self._ratio, -step), step)
        if abs(self._ratio - wanted) < 1e-9:
            self._ratio = wanted
        if not self._seconds or (least(self._acted) + dt) / self._seconds >= 1.0:
            return None if self._ratio == 1.0 else np.full((len(self._acted), 1), self._ratio)
        return (self._ratio * np.minimum((self._acted + dt) / self._seconds, 1.0))[:, None]

    def advance(self, rows: Mask, dt: float) -> None:
        """Count a step of dt seconds in which the rows (mask) acted."""
        if self._seconds:
            self._acted[rows] += dt

    def state(self) -> State:
        """Return how long each row has acted (s), the present ratio, and the wanted ratio."""
        return {'acted': self._acted.copy(), 'ratio': self._ratio, 'wanted': self._wanted}

    def restore(self, state: State) -> None:
        """Continue from a state."""
        self._acted[:] = cast(Floats, state['acted'])
        self._ratio, self._wanted = cast(float, state['ratio']), cast(float, state['wanted'])


def check_ratio(ratio: float) -> None:
    """Raise ConfigurationError for a ratio that is not within 0 to 1."""
    if not 0.0 <= ratio <= 1.0:
        raise unfit('blend', ratio, '0 to 1')
