# SPDX-License-Identifier: Apache-2.0
"""The two controls that a sweep plays: without any watchdog, and with those of the file."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from rl_policy_node.control.specs import ControlSpec, OodSpec
from rl_policy_node.nodes.parameters import parsing as parameters
from rl_policy_node.nodes.policy.dry_run import read_values
from rl_policy_node.tools.evaluate.sides import Plan
from rl_policy_node.tools.process.processes import override_arguments


def unwatched(control: ControlSpec) -> ControlSpec:
    """Return a control in lockstep in which no data are too old, too long the same, or too unlike training.

    max_age and stamps do not count in lockstep anyway.
    """
    sources = {name: replace(source, frozen_after=None) for name, source in control.sources.items()}
    return replace(control, sources=sources, ood=OodSpec())


def watched_control(plan: Plan) -> ControlSpec:
    """Return the control of the file itself, with its trigger and watchdogs; robots come back by themselves.

    A file in lockstep has none of these; it steps with the timer.
    """
    overrides: dict[str, Any] = {'resume': 'automatic', **plan.overrides}
    del overrides['trigger']
    values = read_values(plan.params_file, override_arguments(overrides))
    control = parameters.configuration(values).control
    if control.lockstep:
        control = replace(control, timing=replace(control.timing, trigger='timer'))
    return control
