# SPDX-License-Identifier: Apache-2.0
"""The checks that come from a configuration: who else must permit the robots to move."""

from __future__ import annotations

from typing import Final

from rl_policy_node.control.specs import ControlSpec
from rl_policy_node.core import Attention, Check, Enable, RobotStates
from rl_policy_node.nodes.parameters.configuration import Configuration

DEAF: Final = 1.0  # s by which callbacks, such as a stop, may lag while the robots move


def permissions(configuration: Configuration, control: ControlSpec) -> list[Check]:
    """Return the checks besides those of every policy, for the node and for a replay. control: completed."""
    enable, states = configuration.enable, configuration.robot_state
    checks: list[Check] = [Enable(enable.timeout, enable.topic, control.rows)] if enable.topic else []
    if not control.lockstep:  # in lockstep the simulator waits for the callbacks
        checks.append(Attention(control.rows, DEAF))
    if states.topic:
        checks.append(RobotStates(states.timeout, states.topic, control.rows))
    return checks
