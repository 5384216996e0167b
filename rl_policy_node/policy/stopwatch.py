# SPDX-License-Identifier: Apache-2.0
"""The durations of consecutive steps."""

import time


class Stopwatch:
    """Measures consecutive steps; seconds: name of a step → s, in order."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        """Store the time since the last lap, or since the start, under a name."""
        now = time.perf_counter()
        self.seconds[name], self._last = now - self._last, now
