# SPDX-License-Identifier: Apache-2.0
"""The diagnostics of an acting policy: what it does, what it sees against its training, how old that is."""

from __future__ import annotations

from collections.abc import Mapping

from diagnostic_msgs.msg import DiagnosticStatus

from rl_policy_node.control.specs import ControlSpec
from rl_policy_node.core import Cycle, StepObserver
from rl_policy_node.core.protocols import Logger
from rl_policy_node.core.trigger import Trigger
from rl_policy_node.nodes.policy.diagnostics import (
    distribution_report,
    Figures,
    policy_report,
    TimedPolicy,
    tracking_report,
)
from rl_policy_node.nodes.policy.observation_ages import ObservationAges
from rl_policy_node.nodes.topics.source import Source


class ActingStatus:
    """Collects figures of the steps, and reports them.

    observers: see each step for it.
    """

    def __init__(
        self, control: ControlSpec, policy: TimedPolicy, trigger: Trigger, sources: Mapping[str, Source], log: Logger
    ) -> None:
        self._control, self._policy, self._trigger, self._sources, self._log = control, policy, trigger, sources, log
        self._figures, self._ages = Figures(), ObservationAges(control)
        self.observers: tuple[StepObserver, ...] = (self._figures, self._ages)

    def report(self, cycle: Cycle) -> tuple[bytes, str, dict[str, object]]:
        """Return level, message and values of the diagnostics; log what is out of distribution or too old."""
        level, message, values = policy_report(self._figures, self._policy, self._trigger, self._sources, self._control)
        found, figures = distribution_report(cycle.distribution, self._control)
        late, ages = self._ages.report()
        warnings = [*(f'out of distribution: {each}' for each in found), *filter(None, [late])]
        if warnings:
            self._log.warning('; '.join(warnings), throttle_duration_sec=5.0)
            if level == DiagnosticStatus.OK:
                level, message = DiagnosticStatus.WARN, f'{message}; {warnings[0]}'
        return level, message, values | ages | figures | tracking_report(self._figures, cycle.outlet, self._control)
