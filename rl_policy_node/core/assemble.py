# SPDX-License-Identifier: Apache-2.0
"""Builds the core of a configuration: for the node, the dry run, the bridge, the benchmarks and the tests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rl_policy_node.control.action_manager import ActionManager
from rl_policy_node.control.action_sizes import ActionSize
from rl_policy_node.control.arrays import Shape
from rl_policy_node.control.distribution import Distribution, Moments
from rl_policy_node.control.observation_manager import ObservationManager
from rl_policy_node.control.source_buffer import SourceBuffer
from rl_policy_node.control.specs import ControlSpec
from rl_policy_node.control.supervisor import Supervisor
from rl_policy_node.core.checks import built_in, Check
from rl_policy_node.core.cycle import Cycle
from rl_policy_node.core.guard import Guard, Unguarded
from rl_policy_node.core.inbox import Inbox
from rl_policy_node.core.journal import Journal
from rl_policy_node.core.latch import Latch
from rl_policy_node.core.ood import DistributionObserver, OutOfDistribution
from rl_policy_node.core.outlet import Outlet
from rl_policy_node.core.pace import Episode, Pace
from rl_policy_node.core.protocols import Clock, Logger, Policy, Publisher, Source, StepObserver
from rl_policy_node.core.stepper import Stepper
from rl_policy_node.core.trigger import Trigger

NOTHING: Mapping[str, Moments] = {}


@dataclass(frozen=True)
class Managers:
    """The observation and action terms of a configuration, on the buffers of its sources."""

    observations: ObservationManager
    actions: ActionManager
    buffers: Mapping[str, SourceBuffer]


def build_managers(
    control: ControlSpec,
    sources: Mapping[str, Source],
    inputs: Mapping[str, Shape],
    actions: ActionSize,
    num_actions: int,
) -> Managers:
    """Return the managers of a ControlSpec. inputs: network input → shape of a row. Raises ConfigurationError."""
    buffers = {name: source.buffer for name, source in sources.items()}
    joints = {name: source.joints for name, source in sources.items()}
    return Managers(
        ObservationManager(control, inputs, buffers, joints, num_actions),
        ActionManager(control, actions, buffers, joints),
        buffers,
    )


def assemble(
    control: ControlSpec,
    policy: Policy,
    sources: Mapping[str, Source],
    publish: Publisher,
    clock: Clock,
    log: Logger,
    *,
    trigger: Trigger,
    observers: Iterable[StepObserver] = (),
    checks: Iterable[Check] = (),
    moments: Mapping[str, Moments] = NOTHING,
    guard: Guard | None = None,
    journal: Journal | None = None,
) -> Cycle:
    """Return the Cycle of a policy; nothing moves before its `start()`.

    sources: name → Source; the cycle's inbox fills their buffers. checks: run after the built-in ones. moments: input →
    Moments of training, where the policy has them. guard: a process that watches the control loop, if any. journal:
    takes down what happens, if wanted.
    Raises ConfigurationError if the terms do not fit the policy.
    """
    spaces = policy.spaces
    made = build_managers(control, sources, spaces.inputs, spaces.action, spaces.num_actions)
    supervisor = Supervisor(control.rows, trigger.period, trigger.patience)
    # a simulator that waits sets the pace, and its stamps follow no clock
    pace = [] if trigger.awaited else [Pace(control.rows, trigger, control.timing.trigger == 'observation')]
    episodes = [Episode(supervisor.future_tolerance)] if control.timing.episode_topic and not trigger.awaited else []
    inbox = Inbox(control, made.buffers, trigger, clock, journal)
    distribution = Distribution(control.ood, made.observations.pieces(), moments, control.rows, trigger.period)
    # a mere warning can wait until the commands were sent
    warns = control.ood.action == 'warn'
    ood = [] if warns else [OutOfDistribution(distribution, inbox.latch if control.ood.action == 'latch' else None)]
    first = built_in(supervisor, made.observations, made.actions, made.buffers, control.lockstep)
    stepper = Stepper(
        control,
        policy,
        made.observations,
        made.actions,
        [*first, *episodes, *pace, *checks, *ood],
        Latch(control, trigger),
    )
    watching = [DistributionObserver(distribution)] if warns and distribution.terms else []
    return Cycle(
        inbox,
        stepper,
        Outlet(control, made.actions, publish, trigger, guard or Unguarded()),
        [*observers, *watching],
        log,
        distribution,
    )
