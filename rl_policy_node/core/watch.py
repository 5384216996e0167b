# SPDX-License-Identifier: Apache-2.0
"""Watches the control loop: late steps, a loop that hangs or has ended, an alarm of the guard."""

from __future__ import annotations

from collections.abc import Callable
import threading
import time
import traceback

from rl_policy_node.core.control_loop import ControlLoop
from rl_policy_node.core.cycle import Cycle
from rl_policy_node.core.protocols import Logger
from rl_policy_node.core.trigger import Trigger

SHORTEST = 1e-3  # s, the shortest time between two looks
LONGEST = 0.1  # s, the longest: how soon an ended loop is noticed


class Watch:
    """Watches the control loop from its own thread, which decodes no message and waits for no lock of a step.

    limit: s that a step may take, the smallest max_age of the sources. The watch gives up a step that takes longer: it
    sends the fallback, and the step's result is dropped. It also sends the fallback, once, if the loop neither steps
    nor looks for `limit` and two periods. If the loop's thread has ended by itself, or the outlet's guard gives an
    alarm, it sends the fallback as the last command, and calls on_gone(why), once.
    """

    def __init__(
        self,
        loop: ControlLoop,
        cycle: Cycle,
        trigger: Trigger,
        limit: float,
        on_gone: Callable[[str], None],
        log: Logger,
    ) -> None:
        self._loop, self._cycle, self._on_gone, self._log = loop, cycle, on_gone, log
        # in lockstep the simulator waits for a slow step
        self._limit = limit if trigger.patience is None else float('inf')
        self._idle = self._limit + 2 * trigger.period
        self._stop, self._thread = threading.Event(), threading.Thread()
        self._hung = False

    def start(self) -> None:
        """Start watching; start the loop first."""
        self._stop, self._hung = threading.Event(), False
        self._thread = threading.Thread(target=self._run, args=(self._stop,), name='watch', daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop watching; stop the loop first: until then a step may be late."""
        self._stop.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(1.0)

    def look(self, now: float) -> float:
        """Look once, `now` s on the steady clock; return how many seconds the next look may wait."""
        since = self._cycle.outlet.pending_since
        if since is not None:
            left = since + self._limit - now
            if left > 0:
                return min(max(left, SHORTEST), LONGEST)
            if self._cycle.give_up(since):
                self._log.error(
                    f'the step takes longer than {self._limit:g} s; sent the fallback, its result is dropped',
                    throttle_duration_sec=2.0,
                )
        elif not self._loop.running or now - self._loop.seen <= self._idle:
            self._hung = False
        elif not self._hung and self._cycle.give_up(None):
            self._hung = True
            self._log.error(f'the control loop has not moved for {now - self._loop.seen:.3f} s; sent the fallback')
        return min(max(self._limit / 4, SHORTEST), LONGEST)

    def _run(self, stop: threading.Event) -> None:
        wait = 0.0
        while not stop.wait(wait):
            try:
                over = self._over()
                if over:
                    self._end(over)
                    return
                wait = self.look(time.monotonic())
            except Exception:  # noqa: BLE001 - nothing watches the watch: it has to go on
                wait = LONGEST
                self._log.error(
                    f'the watch over the control loop failed and goes on:\n{traceback.format_exc()}',
                    throttle_duration_sec=2.0,
                )

    def _over(self) -> str:
        """Return why the loop must not go on, '' while all is well."""
        if not self._loop.running:
            return ''
        return self._cycle.guard.alarm() if self._loop.alive else 'the thread of the control loop has ended'

    def _end(self, why: str) -> None:
        """Leave the robots on their fallback for good."""
        try:
            self._cycle.stop()
        finally:
            self._on_gone(why)
        self._log.error(f'{why}; the robots are on their fallback')
