"""The thread that steps the policy: paced by a clock or by the observations, watched by the steady clock."""
import threading
import time


class ControlLoop:
    """Calls `begin()` in its thread, then `step()` when its trigger fires and `watch()` each period without.

    trigger 'timer': at absolute deadlines, `period` seconds apart, on the steady clock, or on the
    clock of `now_ns` when `simulated`; missed deadlines are counted and skipped, there is no burst.
    Other triggers: whenever `ready()` holds. `condition` guards what callbacks share with the loop and
    is to be notified when they change it.
    """

    def __init__(self, period, trigger, condition, begin, ready, step, watch, on_error, simulated=False,
                 now_ns=None):
        self._period, self._timer, self._condition = period, trigger == 'timer', condition
        self._begin, self._ready, self._step, self._watch, self._on_error = begin, ready, step, watch, on_error
        self._simulated, self._now_ns = simulated and self._timer, now_ns
        self._running, self._thread = False, None
        self._due = 0.0
        self.missed = 0

    def start(self):
        """Start stepping."""
        self._running = True
        self._thread = threading.Thread(target=self._run, name='control', daemon=True)
        self._thread.start()

    def stop(self, patience=1.0):
        """Stop and wait up to `patience` s for the step under way; called from any other thread."""
        with self._condition:
            self._running = False
            self._condition.notify_all()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(patience)
        self._thread = None

    @property
    def running(self):
        """Whether the loop steps."""
        return self._running

    def _now(self):
        return self._now_ns() * 1e-9 if self._simulated else time.monotonic()

    def _run(self):
        try:
            self._begin()
            self._due = self._now() + self._period
            while self._running:
                act = self._step if self._wait() else self._watch
                if self._running:
                    act()
        except Exception as error:      # noqa: B902 - whatever it is, the robot must be stopped
            self._running = False
            self._on_error(error)

    def _wait(self):
        """Wait for the trigger; False when a period went by on the steady clock without it."""
        give_up = time.monotonic() + self._period
        with self._condition:
            while self._running:
                if self._fired():
                    return True
                left = give_up - time.monotonic()
                if left <= 0:
                    return False
                if self._timer and not self._simulated:
                    left = min(left, max(self._due - time.monotonic(), 0.0))
                self._condition.wait(left)
        return False

    def _fired(self):
        if not self._timer:
            return self._ready()
        now = self._now()
        if now < self._due - 1.5 * self._period:        # simulated time went back: count from there
            self._due = now
        if now < self._due:
            return False
        late = int((now - self._due) / self._period)
        self.missed += late
        self._due += (late + 1) * self._period
        return True
