# SPDX-License-Identifier: Apache-2.0
"""Where the core writes down what happens, event by event; see `recording`."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np

from rl_policy_node.control.arrays import Mask
from rl_policy_node.control.state import State
from rl_policy_node.core.frame import Frame
from rl_policy_node.core.outcome import Outcome
from rl_policy_node.core.outlet import Sending
from rl_policy_node.core.protocols import Clock, StepObserver
from rl_policy_node.core.recording import Begun, Event, Fallback, Forgotten, Message, Snapshot, Step, Taken


class Journal(Protocol):
    """Takes the events of a recording, from any thread; a lock of the core may be held.

    due: whether the control thread shall add a Snapshot after its next step or look, such as at a new file or after a
    gap. The core adds one by itself before the first step of an activation. Adding a Snapshot ends `due`.
    """

    @property
    def due(self) -> bool: ...

    def add(self, event: Event) -> None:
        """Take an event. Never block, never raise: a robot waits for the next command."""


class Onlookers(NamedTuple):
    """Who looks on: observers see each step once its commands are out; a journal takes down what happens, if wanted."""

    observers: tuple[StepObserver, ...] = ()
    journal: Journal | None = None


class Notes:
    """Numbers what happens to the buffers, and tells a Journal; methods but `add` need the inbox locked.

    opening: whether an activation has begun without a Snapshot. fault: why the journal gets no more events, '': it gets
    them. A journal that raises is dropped: the robot goes on.
    """

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal: Journal | None = journal
        self._clock = clock
        self._last = 0
        self._judged: int | None = None  # ns, the time by which the message under way is judged
        self.opening, self.fault = False, ''

    @property
    def due(self) -> bool:
        """Whether the journal wants a Snapshot."""
        return self._journal is not None and self._journal.due

    def add(self, event: Event) -> None:
        """Pass an event on; any thread may call it."""
        if self._journal is None:
            return
        try:
            self._journal.add(event)
        except Exception as error:  # noqa: BLE001 - a record must not stop a robot
            self._journal, self.fault = None, f'{type(error).__name__}: {error}'

    def next(self) -> int:
        """Return the next number."""
        self._last += 1
        return self._last

    def ros(self) -> int:
        """Return the time, ns, on the clock of the stamps; while a message is judged, the one that is recorded."""
        return self._clock.ros() if self._judged is None else self._judged

    def judge(self) -> None:
        """Let the time stand still for the stamp of a message, until `message`."""
        self._judged = self._clock.ros()

    def message(self, source: str, rows: slice, payload: bytes, steady: float, refusal: str = '') -> None:
        """Note a message of rows, and why it was refused. steady: s, when it came."""
        ros, self._judged = self.ros(), None
        self.add(Message(source, rows.start, rows.stop, payload, steady, ros, refusal, self.next()))

    def forgotten(self, what: str, rows: Mask) -> None:
        """Note that the buffers forget something of rows."""
        self.add(Forgotten(what, rows, self.next()))

    def begun(self, frame: Frame) -> None:
        """Note an activation."""
        self.opening = True
        self.add(Begun(Taken.of(frame)))

    def snapshot(self, state: State, sending: int) -> None:
        """Note a state."""
        self.opening = False
        self.add(Snapshot(state, self.next(), sending))

    def step(self, frame: Frame, outcome: Outcome | None, sending: int) -> None:
        """Note a step or a look, once its commands are out; the control thread calls it, without the lock."""
        self.add(Step(Taken.of(frame), outcome and outcome.copy(), sending))

    def fallback(self, frame: Frame, sending: Sending | None, last: bool) -> None:
        """Note a fallback that went out, or None that did not; any thread may call it, without the lock."""
        number, sent, rows = (0, None, np.zeros_like(frame.reset)) if sending is None else sending
        self.add(Fallback(frame.steady, frame.ros, sent, rows, last, number, frame.number))
