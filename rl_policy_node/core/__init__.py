# SPDX-License-Identifier: Apache-2.0
"""One step of control, from messages to commands; it knows no ROS and no torch, and calls no layer above it.

subscriptions → Inbox ─ Frame → Stepper.step(frame) ─ Outcome → Outlet → publishers. `Cycle` makes one such pass,
`ControlLoop` paces it by a Trigger, `Watch` supervises the loop from its own thread, and `assemble` builds it all.
"""

from rl_policy_node.core.assemble import assemble
from rl_policy_node.core.checks import Attention, Check, Enable, RobotStates
from rl_policy_node.core.control_loop import ControlLoop
from rl_policy_node.core.cycle import Cycle
from rl_policy_node.core.frame import Frame
from rl_policy_node.core.guard import Guard
from rl_policy_node.core.journal import Journal, Onlookers
from rl_policy_node.core.outcome import Outcome, RowChange
from rl_policy_node.core.protocols import Clock, Logger, Policy, StepObserver
from rl_policy_node.core.stepper import Stepper
from rl_policy_node.core.trigger import Trigger
from rl_policy_node.core.triggers import create_trigger
from rl_policy_node.core.watch import Watch

__all__ = [
    'Attention',
    'Check',
    'Clock',
    'ControlLoop',
    'Cycle',
    'Enable',
    'Frame',
    'Guard',
    'Journal',
    'Logger',
    'Onlookers',
    'Outcome',
    'Policy',
    'RobotStates',
    'RowChange',
    'StepObserver',
    'Stepper',
    'Trigger',
    'Watch',
    'assemble',
    'create_trigger',
]
