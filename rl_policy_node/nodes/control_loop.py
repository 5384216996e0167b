"""The thread that steps the policy: paced by a clock or by the observations, watched by the steady clock."""
from collections import deque
import threading
import time

# s, the longest sleep at a time: how soon a stop is seen where the period is longer
NAP = 0.02


class ControlLoop:
    """Calls `begin()` in its thread, then `step()` when its trigger fires and `watch()` each period without.

    trigger 'timer': at absolute deadlines, `period` seconds apart, on the steady clock, or on the
    clock of `now_ns` when `simulated`; missed deadlines are counted and skipped, there is no burst.
    Other triggers: whenever `ready()` holds. `condition` guards what callbacks share with the loop; it is to be
    notified when `ready()` or a simulated clock changes. Deadlines on the steady clock need nobody's word, and
    then the loop does not touch it.

    missed: deadlines that no step began at. late: s from the deadline to the start of each of the last steps;
    empty where no deadline on the steady clock starts them.
    """

    def __init__(self, period, trigger, condition, begin, ready, step, watch, on_error, simulated=False,
                 now_ns=None):
        self._period, self._timer, self._condition = period, trigger == 'timer', condition
        self._begin, self._ready, self._step, self._watch, self._on_error = begin, ready, step, watch, on_error
        self._simulated, self._now_ns = simulated and self._timer, now_ns
        self._running, self._thread = False, None
        self._due = 0.0
        self.missed, self.late = 0, deque(maxlen=2000)

    def start(self):
        """Start stepping; not while the loop is `stuck`."""
        if self.stuck:
            raise RuntimeError('the step that was under way at the last stop still runs')
        self._running = True
        self.late.clear()
        self._thread = threading.Thread(target=self._run, name='control', daemon=True)
        self._thread.start()

    def stop(self, patience=1.0):
        """Stop and wait up to `patience` s for the step under way; called from any other thread."""
        with self._condition:
            self._running = False
            self._condition.notify_all()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(patience)

    @property
    def running(self):
        """Whether the loop steps."""
        return self._running

    @property
    def stuck(self):
        """Whether a step outlasted the patience of the stop: a second thread beside it would share its policy."""
        return not self._running and self._thread is not None and self._thread.is_alive()

    def _now(self):
        return self._now_ns() * 1e-9 if self._simulated else time.monotonic()

    def _run(self):
        wait = self._sleep if self._timer and not self._simulated else self._wait
        try:
            self._begin()
            self._due = self._now() + self._period
            while self._running:
                act = self._step if wait() else self._watch
                if self._running:
                    act()
        except Exception as error:      # noqa: B902 - whatever it is, the robot must be stopped
            self._running = False
            self._on_error(error)

    def _sleep(self):
        """Sleep until the deadline on the steady clock: woken by nothing else, and holding nothing meanwhile."""
        # a lock's timeout would follow the wall clock before Python 3.11
        while self._running:
            now = time.monotonic()
            if now >= self._due:
                self.late.append(now - self._due)
                self._count(now)
                return True
            time.sleep(min(self._due - now, NAP))
        return False

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
        self._count(now)
        return True

    def _count(self, now):
        """Set the next deadline, past those that were missed."""
        late = int((now - self._due) / self._period)
        self.missed += late
        self._due += (late + 1) * self._period
