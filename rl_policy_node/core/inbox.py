# SPDX-License-Identifier: Apache-2.0
"""The buffers, requests and lock that subscriptions and the control loop share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
import math
import threading
import time

import numpy as np

from rl_policy_node.control.arrays import Mask, Rows, Stamps, Values
from rl_policy_node.control.reductions import including
from rl_policy_node.control.source_buffer import SourceBuffer
from rl_policy_node.control.specs import ControlSpec
from rl_policy_node.control.state import State
from rl_policy_node.control.supervisor import future_tolerance
from rl_policy_node.core.copies import AlignedCopies
from rl_policy_node.core.frame import Frame
from rl_policy_node.core.journal import Journal, Notes
from rl_policy_node.core.pending import Requests
from rl_policy_node.core.protocols import Clock
from rl_policy_node.core.recording import ORDER, STAMPS
from rl_policy_node.core.trigger import Trigger

SHORTEST = 1e-4  # s, the shortest wait: the clock of the alarm may differ from time.monotonic


class Inbox(Requests):
    """Holds buffers and requests under a lock: callbacks write, `take` returns a Frame.

    Any thread may call any method. buffers: name → SourceBuffer; episode (rows,): ns, the start of each row's episode
    according to the episode topic; episode_fresh (rows,): whether it came since the last step. Read these three only
    with the inbox locked. acting: the rows whose observations a step waits for. notes: what happens, for a journal;
    None: without one.
    """

    def __init__(
        self,
        control: ControlSpec,
        buffers: Mapping[str, SourceBuffer],
        trigger: Trigger,
        clock: Clock,
        journal: Journal | None = None,
    ) -> None:
        rows = control.rows
        super().__init__(rows)
        self.buffers = dict(buffers)
        # no step waits for the commands of a person, who may be silent
        self.awaited = {name: buffer for name, buffer in buffers.items() if buffer.spec.stale == 'hold'}
        self._trigger, self._clock = trigger, clock
        for buffer in self.buffers.values() if trigger.awaited else ():
            buffer.take_repeats()
        # released to wake the waiting thread; a Condition would run a dozen lines of Python
        self._bell = threading.Lock()
        self._bell.acquire()
        self._copies = AlignedCopies(control, self.buffers, trigger)
        self.notes = None if journal is None else Notes(journal, clock)
        if not control.lockstep:
            ros = clock.ros if self.notes is None else self.notes.ros
            for buffer in self.buffers.values():
                if buffer.spec.use_header_stamp:
                    buffer.order.follow(ros, buffer.spec.future_tolerance or future_tolerance(1.0 / control.rate))
        self.acting: Mask = np.ones(rows, dtype=bool)
        self.episode = self._begun = np.zeros(rows, dtype=np.int64)
        self.episode_fresh: Mask = np.zeros(rows, dtype=bool)
        self._reset = self._none
        self._fired = False  # a step is due, and has not been taken yet

    def write(self, name: str, rows: slice, arrays: Values, stamp: int, now: float, payload: bytes = b'') -> None:
        """Store a message of a source for rows; raises ValueError if the SourceBuffer refuses it: then call `refuse`.

        now: s, steady, when it came. payload: as it came, for the journal.
        """
        with self._lock:
            if self.notes is None:
                self.buffers[name].write(rows, arrays, stamp, now)
            else:
                self.notes.judge()
                self.buffers[name].write(rows, arrays, stamp, now)
                self.notes.message(name, rows, payload, now)
            self._wake()

    def refuse(self, name: str, rows: slice, fault: ValueError, now: float = -math.inf, payload: bytes = b'') -> None:
        """Count a refused message of a source, and keep the reason; see `write`."""
        with self._lock:
            self.buffers[name].reject(rows, fault)
            if self.notes is not None:
                self.notes.message(name, rows, payload, now, str(fault))
            self._wake()

    def begin_episodes(self, rows: slice, starts: Stamps) -> None:
        """Set when the episodes of rows began. starts: (n,), ns."""
        with self._lock:
            episode = self.episode.copy()  # a frame that holds the old one does not change
            episode[rows] = starts
            self.episode, self.episode_fresh[rows] = episode, True
            self._wake()

    def request_reset(self, rows: Rows) -> None:
        """Clear the recurrent state of rows before their next action; their next messages may be stamped earlier."""
        with self._lock:
            self._reset = including(self._reset, rows)
            for buffer in self.buffers.values():
                buffer.forget_order(rows)
            if self.notes is not None:
                self.notes.forgotten(ORDER, including(self._none, rows))

    def clock_went_back(self) -> bool:
        """Forget stamps and recurrent states. In lockstep, where stamps do not count, do nothing and return False."""
        if self._trigger.awaited:  # its episode messages come in order with its observations
            return False
        with self._lock:
            for buffer in self.buffers.values():
                buffer.forget_stamps()
            if self.notes is not None:
                self.notes.forgotten(STAMPS, including(self._none, slice(None)))
            # an episode that now begins in the future would hold its row
            self.episode = np.where(self.episode > self._clock.ros(), 0, self.episode)
            self._reset = including(self._reset, slice(None))
        return True

    def clock_jumped(self, seconds: float) -> None:
        """Tell the trigger that the clock of the stamps jumped forward by s, and wake the waiting thread."""
        with self._lock:
            self._trigger.jumped(seconds)
        self.notify()

    def notify(self) -> None:
        """Wake the waiting thread."""
        try:  # noqa: SIM105 - for each message that starts a step; suppress() is a call, an object and a block
            self._bell.release()
        except RuntimeError:  # already released
            pass

    def wait(self, fired: Callable[[], bool], patience: float, running: Callable[[], bool]) -> bool:
        """Wait until fired() is True; return False after `patience` s or when not running().

        fired() is called with the inbox locked. Only one thread may wait at a time.
        """
        give_up = time.monotonic() + patience
        while running():
            with self._lock:
                if self._fired or fired():
                    return True
                now, alarm = time.monotonic(), self._trigger.alarm
            if now >= give_up:
                return False
            self._bell.acquire(timeout=max(min(give_up, alarm) - now, SHORTEST))
        return False

    def begin(self) -> Frame:
        """Return a first frame; the next one counts all that has arrived as new, and resets every row.

        The next message of each source is accepted even if its stamp is older than the last.
        """
        with self._lock:
            frame = self._frame(self._number())._replace(changes=self._pending.changes)
            if self.notes is not None:
                self.notes.begun(frame)
            for buffer in self.buffers.values():
                buffer.fresh[:] = np.isfinite(buffer.received)
                buffer.forget_order(slice(None))
            self.episode_fresh[:] = self.episode != 0
            self._fired = False  # earlier messages start no step: the trigger looks again
            self._reset = including(self._none, slice(None))
            self._pending = self._pending.after_step(self._none)
            if self._pending.heard < math.inf:  # the request to begin came by a callback
                self._pending = self._pending._replace(heard=frame.steady)
        self._trigger.restart(frame.steady)
        return frame

    def take(self) -> Frame:
        """Return the frame of a step; it uses up the new observations and the requests."""
        with self._lock:
            steady, ros = self._clock.steady(), self._clock.ros()
            if self.episode is not self._begun:
                self._reset, self._begun = self._reset | (self.episode != self._begun), self.episode
            news = self._trigger.news(self)
            pending = self._pending
            frame = Frame(
                self._copies.take(ros),
                steady,
                ros,
                *self._trigger.moment(steady, ros),
                self._reset,
                pending.tare,
                self._begun,
                pending.changes,
                None,
                pending.orders,
                pending.enabled,
                news,
                pending.robot_states,
                pending.heard,
                self._number(),
            )
            for buffer in self.buffers.values():
                if news is None:
                    buffer.fresh.fill(False)
                else:
                    buffer.fresh &= ~news
            self.episode_fresh.fill(False)
            self._fired = False
            self._reset = self._none
            self._pending = pending.after_step(self._none)
        return frame

    def settle(self) -> None:
        """Let the trigger finish a step whose commands were sent."""
        with self._lock:
            self._trigger.settle()

    def look(self, obey: bool = False, noted: bool = False) -> Frame:
        """Return a frame of the present without using up new observations.

        obey: take the requests to latch or free rows; only the control loop may. noted: the caller tells the journal
        what came of it.
        """
        with self._lock:
            frame = self._frame(self._number() if noted else 0)
            if obey and self._pending.orders:
                frame = frame._replace(orders=self._pending.orders)
                self._pending = self._pending._replace(orders=())
            return frame

    def keep(self, stepper: State, outlet: State, sending: int) -> None:
        """Give the journal a Snapshot: states of the stepper and the outlet, with those of the buffers."""
        with self._lock:
            if self.notes is not None:
                sources = {name: buffer.state() for name, buffer in self.buffers.items()}
                self.notes.snapshot({'stepper': stepper, 'sources': sources, 'outlet': outlet}, sending)

    def steady(self) -> float:
        """Return the time, s, on the clock of the frames."""
        return self._clock.steady()

    @property
    def answers(self) -> bool:
        """Whether a simulator waits for the command of each step, which nothing may replace."""
        return self._trigger.awaited

    def _number(self) -> int:
        """Return the next number of the journal, 0 without one."""
        return 0 if self.notes is None else self.notes.next()

    def _frame(self, number: int) -> Frame:
        """Return a frame of the present without the requests: only a step takes those."""
        ros = self._clock.ros()
        return Frame(
            self._copies.take(ros),
            self._clock.steady(),
            ros,
            0.0,
            0.0,
            self._none,
            self._none,
            self._begun,
            enabled=self._pending.enabled,
            robot_states=self._pending.robot_states,
            heard=self._pending.heard,
            number=number,
        )

    def _wake(self) -> None:
        alarm = self._trigger.alarm
        self._fired = self._trigger.fires(self)
        if self._fired or self._trigger.alarm < alarm:
            self.notify()
