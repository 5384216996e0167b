# SPDX-License-Identifier: Apache-2.0
"""Steps a policy on what a robot's sensors send, and sends nothing."""

from __future__ import annotations

from collections.abc import Mapping
import dataclasses
import threading
import traceback

import numpy as np

from rl_policy_node.control.action_manager import Commands
from rl_policy_node.control.arrays import Mask, Stamps
from rl_policy_node.control.control_options import OodSpec, RecoveryOptions
from rl_policy_node.control.specs import ControlSpec
from rl_policy_node.core import assemble, Clock, create_trigger, Frame, Logger, Outcome
from rl_policy_node.nodes.doctor.watched import Watched
from rl_policy_node.nodes.topics.source import Source
from rl_policy_node.policy import Policy


class Shadow:
    """A control loop whose commands go nowhere; a robot that lacks data does not keep the others from acting.

    cycle: its inbox takes the messages. watched: what each step saw and wanted. fault: the traceback that ended the
    loop, '': none did.
    """

    def __init__(
        self,
        control: ControlSpec,
        policy: Policy,
        sources: Mapping[str, Source],
        clock: Clock,
        log: Logger,
        simulated: bool,
    ) -> None:
        # a look must not end with the first gap: what fell out comes back by itself
        recovery = RecoveryOptions(resume='automatic', resume_after=0.0, latch_falls=1000)
        self._control = dataclasses.replace(control, shadow=True, recovery=recovery, ood=OodSpec())
        self._trigger = create_trigger(self._control, simulated, clock.ros)
        self.watched = Watched(self._control, sources, policy.spaces.num_actions)
        self.cycle = assemble(
            self._control, policy, sources, _send_nothing, clock, log, trigger=self._trigger, observers=[self]
        )
        self.cycle.stepper.warm_up()
        self._tares = any(seen.tared for seen in self.watched.seen.values())
        self._running = self._begun = False
        self._thread = threading.Thread(target=self._run, name='shadow', daemon=True)
        self.fault = ''

    def start(self) -> None:
        """Step whenever the trigger fires."""
        self._running = True
        self._thread.start()

    def stop(self) -> None:
        """Step no more; wait up to 1 s for the step under way."""
        self._running = False
        self.cycle.inbox.notify()
        if self._thread.is_alive():
            self._thread.join(1.0)

    def observe(self, frame: Frame, outcome: Outcome) -> None:
        """Keep what a step saw and wanted."""
        self.watched.note(frame, outcome)

    def _run(self) -> None:
        try:
            self._trigger.arm()
            while self._running:
                if self._trigger.wait(self.cycle.inbox, lambda: self._running):
                    self._step()
                elif self._running and not self._begun:
                    self.watched.note(self.cycle.inbox.look(), None)
        except Exception:  # noqa: BLE001 - what was seen until then is still worth a report
            self.fault = traceback.format_exc()

    def _step(self) -> None:
        refusals, stepper = self.cycle.refusals(outside=False), self.cycle.stepper
        if len(refusals) == self._control.rows:
            self._begun = False
            self.watched.reasons.update(set(refusals.values()))
            self.watched.note(self.cycle.inbox.take(), None)
            self.cycle.inbox.settle()
            return
        if not self._begun or set(stepper.latch.reasons) - set(refusals):
            self.cycle.start()
            if self._tares and not self._begun:
                self.cycle.inbox.request_tare(np.ones(self._control.rows, dtype=bool))
            self._begun = True
        self.cycle.step()


def _send_nothing(commands: Commands, stamps: Mapping[str, Stamps], rows: Mask) -> None:
    """Take commands, and send none."""
