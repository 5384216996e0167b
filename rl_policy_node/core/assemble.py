# SPDX-License-Identifier: Apache-2.0
"""Everything put together, once: for the node, the dry run, the bridge, the benchmarks and the tests."""
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
from rl_policy_node.core.latch import Latch
from rl_policy_node.core.ood import Onlooker, OutOfDistribution
from rl_policy_node.core.outlet import Outlet
from rl_policy_node.core.pace import Episode, Pace
from rl_policy_node.core.protocols import Clock, Logger, Policy, Publisher, Source, StepObserver
from rl_policy_node.core.stepper import Stepper
from rl_policy_node.core.trigger import Trigger

NOTHING: Mapping[str, Moments] = {}


@dataclass(frozen=True)
class Managers:
    """The terms of a configuration on the buffers of its sources: what is observed, and what may be commanded."""

    observations: ObservationManager
    actions: ActionManager
    buffers: Mapping[str, SourceBuffer]


def build_managers(control: ControlSpec, sources: Mapping[str, Source], inputs: Mapping[str, Shape],
                   actions: ActionSize, num_actions: int) -> Managers:
    """Return the managers of a ControlSpec. inputs: of the network → shape of a row; raises ConfigurationError."""
    buffers = {name: source.buffer for name, source in sources.items()}
    joints = {name: source.joints for name, source in sources.items()}
    return Managers(ObservationManager(control, inputs, buffers, joints, num_actions),
                    ActionManager(control, actions, buffers, joints), buffers)


def assemble(control: ControlSpec, policy: Policy, sources: Mapping[str, Source], publish: Publisher, clock: Clock,
             log: Logger, *, trigger: Trigger, observers: Iterable[StepObserver] = (),
             checks: Iterable[Check] = (), moments: Mapping[str, Moments] = NOTHING,
             guard: Guard | None = None) -> Cycle:
    """Return the Cycle of a policy: nothing moves before its `start()`.

    sources: name → Source, whose buffers the cycle's inbox fills from then on. checks: more of them, after the
    built-in ones. moments: input → Moments of training, of those inputs that have some. guard: who watches from
    outside, None: nobody. Raises ConfigurationError where terms and policy do not fit.
    """
    spaces = policy.spaces
    made = build_managers(control, sources, spaces.inputs, spaces.action, spaces.num_actions)
    supervisor = Supervisor(control.rows, trigger.period, trigger.patience)
    # where a simulator waits there is neither a rate to be kept nor a clock to be compared with
    paced = [] if trigger.awaited else [Pace(control.rows, trigger, control.trigger == 'observation')]
    told = [Episode(supervisor.future_tolerance)] if control.episode_topic and not trigger.awaited else []
    inbox = Inbox(control, made.buffers, trigger, clock)
    distribution = Distribution(control.ood, made.observations.pieces(), moments, control.rows, trigger.period)
    # who only tells need not be in the way of the command
    warns = control.ood.action == 'warn'
    compared = [] if warns else [OutOfDistribution(distribution,
                                                   inbox.latch if control.ood.action == 'latch' else None)]
    always = built_in(supervisor, made.observations, made.actions, made.buffers, control.lockstep)
    stepper = Stepper(control, policy, made.observations, made.actions,
                      [*always, *told, *paced, *checks, *compared], Latch(control, trigger))
    return Cycle(inbox, stepper, Outlet(control, made.actions, publish, trigger, guard or Unguarded()),
                 [*observers, *([Onlooker(distribution)] if warns and distribution.terms else [])], log, distribution)
