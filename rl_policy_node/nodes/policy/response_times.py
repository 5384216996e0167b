# SPDX-License-Identifier: Apache-2.0
"""Times from observations to their commands, late ones included."""

from __future__ import annotations

from collections import deque, OrderedDict
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray


class ResponseTimes:
    """Times each observation from its publication to the last command that answers it.

    shape: (commands, rows) of a complete answer. latencies: s, in the order of completion. on_answer(step, s): called
    with each. An observation that is never answered has no latency.
    """

    def __init__(self, shape: tuple[int, int], on_answer: Callable[[int, float], object] | None = None) -> None:
        self._shape, self._on_answer = shape, on_answer
        # stamp → step, time of publication (s), mask (commands, rows) of the answers so far
        self._open: OrderedDict[int, tuple[int, float, NDArray[np.bool_]]] = OrderedDict()
        self.latencies: deque[float] = deque(maxlen=100_000)

    def shown(self, stamp: int, step: int, now: float) -> None:
        """Note that the observation of a step was published at `now`, s."""
        self._open[stamp] = (step, now, np.zeros(self._shape, dtype=bool))
        while len(self._open) > 64:
            self._open.popitem(last=False)

    def answer(self, stamp: int, command: int, rows: int | slice | NDArray[np.bool_], now: float) -> None:
        """Note a command, for one row or a set of rows, that answers the observation of `stamp`.

        Unknown stamps are ignored.
        """
        if stamp not in self._open:
            return
        step, shown, answered = self._open[stamp]
        answered[command, rows] = True
        if not answered.all():
            return
        del self._open[stamp]
        if step == 0:
            return  # the policy may have started after it: this answer is no measure of latency
        self.latencies.append(now - shown)
        if self._on_answer is not None:
            self._on_answer(step, now - shown)
