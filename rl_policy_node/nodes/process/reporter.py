# SPDX-License-Identifier: Apache-2.0
"""The thread that publishes reports: they take milliseconds, and must delay neither messages nor a stop."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
import threading
import traceback

from rl_policy_node.core.protocols import Logger

PATIENCE = 1.0  # s that a transition waits for a report under way


class Reporter:
    """Calls report() every `period` s in its own thread until `stop`; logs its exceptions and goes on."""

    def __init__(self, report: Callable[[], None], period: float, log: Logger) -> None:
        self._report, self._period, self._log = report, period, log
        self._under_way, self._over = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._run, name='report', daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop reporting."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join(PATIENCE)

    @contextmanager
    def at_rest(self) -> Iterator[None]:
        """Hold back reports meanwhile; waits at most PATIENCE s for one under way."""
        got = self._under_way.acquire(timeout=PATIENCE)
        try:
            yield
        finally:
            if got:
                self._under_way.release()

    def _run(self) -> None:
        while not self._over.wait(self._period):
            with self._under_way:
                try:
                    self._report()
                except Exception:  # noqa: BLE001 - one report that fails must not be the last
                    self._log.error(
                        f'the report failed and goes on:\n{traceback.format_exc()}', throttle_duration_sec=5.0
                    )
