# SPDX-License-Identifier: Apache-2.0
"""One pass from received messages to published commands."""

from __future__ import annotations

from collections.abc import Iterable
import traceback

from rl_policy_node.control.distribution import Distribution
from rl_policy_node.core.checks import Refusals
from rl_policy_node.core.frame import Change, Frame
from rl_policy_node.core.inbox import Inbox
from rl_policy_node.core.outcome import Outcome
from rl_policy_node.core.outlet import Outlet
from rl_policy_node.core.protocols import Logger, StepObserver
from rl_policy_node.core.stepper import Stepper


class Cycle:
    """Frame → Stepper → Outcome → Outlet, then the observers.

    Only the thread of the control loop calls `step` and `look`; any thread may call the rest. distribution: compares
    the policy's inputs with those of its training.
    """

    def __init__(
        self,
        inbox: Inbox,
        stepper: Stepper,
        outlet: Outlet,
        observers: Iterable[StepObserver],
        log: Logger,
        distribution: Distribution,
    ) -> None:
        self.distribution = distribution
        self.inbox, self.stepper, self.outlet, self._log = inbox, stepper, outlet, log
        self.guard = outlet.guard
        self._observers = tuple(observers)

    def start(self) -> None:
        """Begin from the measured state with cleared recurrent states; the latest observation counts as new."""
        frame = self.inbox.begin()
        self.stepper.start(frame)
        self.inbox.acting = self.stepper.rows.healthy
        self.outlet.open()

    def step(self) -> None:
        """Step the policy on everything that has arrived, and publish the commands."""
        notes = self.inbox.notes
        if notes is not None and notes.opening:
            self._keep()
        frame = self.outlet.with_overruled(self.inbox.take())
        self.outlet.expect(frame.steady)
        outcome = self.stepper.step(frame)
        if self.inbox.steady() - frame.steady > self.stepper.latch.pause:
            # the process or the policy stalled: these commands are outdated
            self.give_up(frame.steady)
        self._send(frame, outcome, frame.steady)
        self.inbox.settle()
        if notes is not None and notes.due:
            self._keep()

    def look(self) -> None:
        """Hold the rows whose sources went stale; called while no step is due."""
        notes = self.inbox.notes
        if notes is not None and notes.opening:
            self._keep()
        frame = self.outlet.with_overruled(self.inbox.look(obey=True, noted=True))
        outcome = self.stepper.look(frame)
        if outcome is not None:
            self._send(frame, outcome, None)
        elif notes is not None:
            notes.step(frame, None, 0)
        if notes is not None and notes.due:
            self._keep()

    def give_up(self, since: float | None) -> bool:
        """Send the fallback in place of the step that began at `since`; None: while no step is under way.

        Returns whether it was sent. The result of the step is dropped.
        """
        frame, sending = self.inbox.look(noted=True), None
        try:
            sending = self.outlet.give_up(frame, since)
        finally:
            if self.inbox.notes is not None:
                self.inbox.notes.fallback(frame, sending, last=False)
        return sending is not None

    def stop(self) -> None:
        """Send the fallback for every row, as the last command."""
        frame, sending = self.inbox.look(noted=True), None
        try:
            sending = self.outlet.close(frame)
        finally:
            if self.inbox.notes is not None:
                self.inbox.notes.fallback(frame, sending, last=True)

    def latch(self, rows: slice, reason: str) -> None:
        """Put rows on their fallback until `resume` or the next start, without waiting for a step.

        The next step or look sends the fallback, at most a period later. For all rows at once, unless a simulator
        waits, this call sends it immediately, in place of a step under way.
        """
        self.inbox.latch(rows, reason)
        every_row = len(range(*rows.indices(self.stepper.count))) == self.stepper.count
        if every_row and not self.inbox.answers:
            self.give_up(self.outlet.pending_since)

    def resume(self, rows: slice) -> None:
        """Free those latched rows that receive all the data they need."""
        self.inbox.resume(rows)

    def refusals(self, outside: bool = True) -> Refusals:
        """Return row → why it could not act now; activation waits until there is none.

        outside: whether to refuse a robot beyond its position limits, too; a dry run has no robot.
        """
        return self.stepper.refusals(self.inbox.look(), outside)

    def change(self, *changes: Change) -> None:
        """Change parameters, all with the next step; raises ConfigurationError and changes none if one is invalid."""
        for change in changes:
            self.stepper.check(change)
        self.inbox.request_changes(*changes)

    def _send(self, frame: Frame, outcome: Outcome, since: float | None) -> None:
        self.inbox.acting = self.stepper.rows.healthy
        sending = self.outlet.send(frame, outcome, since)
        if self.inbox.notes is not None:
            self.inbox.notes.step(frame, outcome, sending)
        for observer in self._observers:
            try:
                observer.observe(frame, outcome)
            except Exception:  # noqa: BLE001 - an observer must not stop a robot
                self._observers = tuple(each for each in self._observers if each is not observer)
                self._log.error(f'{type(observer).__name__} failed and sees no more steps:\n{traceback.format_exc()}')

    def _keep(self) -> None:
        """Give the journal a Snapshot, from which a replay may begin."""
        self.inbox.keep(self.stepper.state(), *self.outlet.state())
