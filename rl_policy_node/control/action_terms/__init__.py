# SPDX-License-Identifier: Apache-2.0
"""Action terms: the law from a slice of the action to a command, and its inverse.

A command is field → (rows, ...), float64. `command` returns the command that the policy wants, `limit` that command
within its limits, `fallback` the command of a robot that the policy must not move. `invert` returns the action for a
received command, which a simulator needs.
"""

from __future__ import annotations

from typing import Any, TYPE_CHECKING

from rl_policy_node.control.action_terms.action_options import ActionOptions
from rl_policy_node.control.action_terms.action_term import ActionTerm
from rl_policy_node.control.action_terms.cartesian import Twist, Wrench
from rl_policy_node.control.action_terms.direct import Discrete, Raw
from rl_policy_node.control.action_terms.gripper import Gripper
from rl_policy_node.control.action_terms.joint_rates import Effort, JointVelocity
from rl_policy_node.control.action_terms.joints import JointDelta, JointPosition
from rl_policy_node.control.action_terms.pose import PoseDelta
from rl_policy_node.control.arrays import Command, JointNames, Shape, Sources
from rl_policy_node.errors import ConfigurationError

if TYPE_CHECKING:
    from rl_policy_node.control.action_spec import ActionSpec

KINDS: dict[str, type[ActionTerm[Any]]] = {
    'joint_position': JointPosition,
    'joint_delta': JointDelta,
    'joint_velocity': JointVelocity,
    'effort': Effort,
    'pose_delta': PoseDelta,
    'twist': Twist,
    'wrench': Wrench,
    'gripper': Gripper,
    'raw': Raw,
    'discrete': Discrete,
}


def measured_fields(spec: ActionSpec) -> tuple[str, ...]:
    """Return the fields that the source of an ActionSpec must measure."""
    return KINDS[spec.kind].measures if spec.fallback in ('hold', 'keep') else ()


def command_shapes(spec: ActionSpec) -> dict[str, Shape]:
    """Return field → shape of one row of an ActionSpec's command."""
    return KINDS[spec.kind].shapes(spec.options)


def stated_fallback(spec: ActionSpec, rows: int) -> Command:
    """Return the constant fallback of an ActionSpec, field → (rows, ...); empty if it needs a measurement."""
    return KINDS[spec.kind].stated_fallback(spec, rows)


def build_action(spec: ActionSpec, buffers: Sources, joints: JointNames) -> ActionTerm[ActionOptions]:
    """Return the term of an ActionSpec; raises ConfigurationError if its source lacks a field that it needs."""
    for field in measured_fields(spec):
        values = buffers[spec.source].values
        if field not in values:
            raise ConfigurationError(
                f"actions.{spec.name}: kind {spec.kind} needs the field '{field}' of source "
                f"'{spec.source}', which has {sorted(values)}"
            )
    return KINDS[spec.kind](spec, joints.get(spec.source, ()))


__all__ = [
    'KINDS',
    'Discrete',
    'Effort',
    'Gripper',
    'JointDelta',
    'JointPosition',
    'JointVelocity',
    'PoseDelta',
    'Raw',
    'Twist',
    'Wrench',
    'build_action',
    'command_shapes',
    'measured_fields',
    'stated_fallback',
]
