# SPDX-License-Identifier: Apache-2.0
"""The thread that steps the policy."""

from __future__ import annotations

from collections.abc import Callable
import math
import threading
import time

from rl_policy_node.core.cycle import Cycle
from rl_policy_node.core.trigger import Trigger


class ControlLoop:
    """Steps a Cycle in its own thread whenever the trigger fires; after a period without a step it only looks.

    The thread calls prepare() before the first step, beat() after the commands of each step or look, and
    on_error(error) if an error ends the loop.
    seen: s, steady, when the loop last began to wait; while it hangs, this falls behind. Infinite before the first
    wait: preparing may take long, and nothing moves yet.
    """

    def __init__(
        self,
        cycle: Cycle,
        trigger: Trigger,
        prepare: Callable[[], None],
        on_error: Callable[[BaseException], None],
        beat: Callable[[], None] = lambda: None,
    ) -> None:
        self._cycle, self._trigger, self._prepare, self._on_error = cycle, trigger, prepare, on_error
        self._beat = beat
        self._thread: threading.Thread | None = None
        self._running = False
        self.seen = math.inf

    def start(self) -> None:
        """Start stepping; raises RuntimeError while the loop is `stuck`."""
        if self.stuck:
            raise RuntimeError('the step that was under way at the last stop still runs')
        self._running, self.seen = True, math.inf
        self._thread = threading.Thread(target=self._run, name='control', daemon=True)
        self._thread.start()

    def stop(self, patience: float = 1.0) -> None:
        """Stop; wait up to `patience` s for the step under way, except when called from the loop's own thread."""
        self._running = False
        self._cycle.inbox.notify()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(patience)

    @property
    def running(self) -> bool:
        """Whether the loop steps."""
        return self._running

    @property
    def alive(self) -> bool:
        """Whether the loop's thread runs."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def stuck(self) -> bool:
        """Whether a step still runs after the last stop: a second thread would share its policy."""
        return not self._running and self.alive

    def _run(self) -> None:
        guard, inbox = self._cycle.guard, self._cycle.inbox
        try:
            self._prepare()
            guard.begin()
            self._trigger.arm()
            while self._running:
                self.seen = time.monotonic()
                guard.beat(self.seen)
                act = self._cycle.step if self._trigger.wait(inbox, lambda: self._running) else self._cycle.look
                if self._running:
                    act()
                    self._beat()
        except BaseException as error:  # noqa: BLE001 - SystemExit too: any fault must stop the robot
            self._running = False
            self._on_error(error)
