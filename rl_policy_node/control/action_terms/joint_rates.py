# SPDX-License-Identifier: Apache-2.0
"""Joints: velocities and efforts, which go on acting until the next command."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
import math
from typing import TYPE_CHECKING

from rl_policy_node.control import limits
from rl_policy_node.control.action_terms.action_options import (
    BoundOptions,
    MAX_ACCELERATION,
    MAX_VELOCITY,
    OffsetOptions,
)
from rl_policy_node.control.action_terms.action_term import ARRAYS, JOINT_STATE, NO_SPEEDS, unbounded
from rl_policy_node.control.action_terms.joints import JointOptions, JointTerm
from rl_policy_node.control.arrays import Axes, Command
from rl_policy_node.options import option

if TYPE_CHECKING:
    from rl_policy_node.control.action_spec import ActionSpec


@dataclass(frozen=True, kw_only=True)
class JointVelocityOptions(JointOptions, OffsetOptions, BoundOptions):
    """The joints, their law and their limits."""

    max_velocity: tuple[float, ...] = option((), per_axis=True, **MAX_VELOCITY)
    max_acceleration: tuple[float, ...] = option((), per_axis=True, **MAX_ACCELERATION)


class JointVelocity(JointTerm[JointVelocityOptions]):
    """Joint velocities: v = action · scale + offset (rad/s or m/s), Isaac Lab's JointVelocityAction.

    Limits: ±max_velocity, and max_acceleration from the last command sent; the first is sent from rest.
    Fallback: zero velocity, at that acceleration; the last command at a stop is zero at once. What that is depends on
    the drives: with an integrating velocity loop the joints lock where they are; without, a legged robot sags onto its
    legs and falls.
    """

    option_class = JointVelocityOptions
    message_types = (JOINT_STATE, *ARRAYS)
    field = 'velocity'
    fallbacks = ('zero',)
    needed_limits = ('max_velocity',)

    def __init__(self, spec: ActionSpec, joints: Sequence[str]) -> None:
        super().__init__(spec, joints)
        options = self.options
        self._velocity, self._acceleration = map(limits.per_axis, (options.max_velocity, options.max_acceleration))

    @classmethod
    def limited_axes(cls, options: JointVelocityOptions, limit: str) -> tuple[str, ...] | None:
        return unbounded(options, options.joints) or None

    def bound(self, command: Command) -> Command:
        slow = limits.limit_size(command['velocity'], self._velocity)
        return super().bound({'velocity': slow})

    def limit(self, command: Command, previous: Command, dt: Axes, speed: Command = NO_SPEEDS) -> Command:
        """Return the command within its limits, dt seconds after `previous`."""
        value = command['velocity']
        if self._acceleration is not None:
            value = limits.limit_step(value, previous['velocity'], self._acceleration * dt)
        return self.bound({'velocity': value})


@dataclass(frozen=True, kw_only=True)
class EffortOptions(JointOptions, OffsetOptions):
    """The joints, their law and their limits."""

    max_effort: tuple[float, ...] = option(
        (), 'effort: bound ±, one for all or one each', unit='N·m, N', low=1e-9, per_axis=True, absent=math.inf
    )
    max_effort_rate: tuple[float, ...] = option(
        (),
        'effort: how fast the command may change, one for all or one each',
        unit='N·m/s, N/s',
        low=1e-9,
        per_axis=True,
        absent=math.inf,
    )


class Effort(JointTerm[EffortOptions]):
    """Joint efforts: effort = action · scale + offset (N·m or N), Isaac Lab's JointEffortAction.

    Limits: ±max_effort, and max_effort_rate (per s) from the last command sent; the first is sent from zero.
    Fallback: zero effort, at that rate; the last command at a stop is zero at once. A legged robot collapses, and an
    arm falls unless its controller bears its weight. Where the policy gives position targets and the environment
    made torques of them, command joint_position and leave the PD law to the robot's drives.
    """

    option_class = EffortOptions
    message_types = (JOINT_STATE, *ARRAYS)
    field = 'effort'
    fallbacks = ('zero',)
    needed_limits = ('max_effort',)

    def __init__(self, spec: ActionSpec, joints: Sequence[str]) -> None:
        super().__init__(spec, joints)
        self._most, self._rate = map(limits.per_axis, (self.options.max_effort, self.options.max_effort_rate))

    def bound(self, command: Command) -> Command:
        return {'effort': limits.limit_size(command['effort'], self._most)}

    def limit(self, command: Command, previous: Command, dt: Axes, speed: Command = NO_SPEEDS) -> Command:
        """Return the command within its limits, dt seconds after `previous`."""
        value = command['effort']
        if self._rate is not None:
            value = limits.limit_step(value, previous['effort'], self._rate * dt)
        return self.bound({'effort': value})
