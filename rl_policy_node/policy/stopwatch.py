# SPDX-License-Identifier: Apache-2.0
"""How long the steps of something took."""
import time


class Stopwatch:
    """seconds: name of a step → s, in order."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        """Put the time since the last lap, or since the beginning, under a name."""
        now = time.perf_counter()
        self.seconds[name], self._last = now - self._last, now
