# SPDX-License-Identifier: Apache-2.0
"""Joints: positions, steps of positions, velocities and efforts."""
from __future__ import annotations

from collections.abc import Sequence
import math
from typing import TYPE_CHECKING

import numpy as np

from rl_policy_node.control import limits
from rl_policy_node.control.action_terms.action_term import NO_SPEEDS, unbounded, VectorTerm
from rl_policy_node.control.arrays import Array, Axes, Command, Floats, Mask, Sources
from rl_policy_node.control.indices import index_of
from rl_policy_node.errors import ConfigurationError, unknown

if TYPE_CHECKING:
    from rl_policy_node.control.action_spec import ActionSpec


class JointTerm(VectorTerm):
    """One number a joint, joints by name in the order of the action."""

    required = ('joints',)

    @classmethod
    def axes(cls, spec: ActionSpec) -> int:
        return len(spec.joints)

    @classmethod
    def limited_axes(cls, spec: ActionSpec, limit: str) -> tuple[str, ...] | None:
        return spec.joints


class JointPosition(JointTerm):
    """Joint targets: q = action · scale + offset (rad or m), Isaac Lab's JointPositionAction.

    Limits: [lower, upper], max_velocity (per s) and max_acceleration (per s²), from the last command sent.
    Fallback: `hold` decelerates to rest and keeps that target, as long as it is within max_hold_error (rad or m,
    0.1 unless stated) of what is measured freshly; beyond, the joints go, within their limits, to where they were then
    measured, once. `keep` stops likewise, and keeps its target however far from it the joints are. A robot that bears
    load has its targets ahead of its joints; where that is more than max_hold_error a legged robot sinks with `hold`.
    continuous: joints (rad) that turn without end. They go to a target, and are held, the short way round; what is sent
    goes on from what was sent last and may add up to several turns. They have no lower and upper.
    """

    field = 'position'
    measures = ('position',)
    fallbacks = ('hold', 'keep')
    needed_limits = ('lower', 'upper', 'max_velocity')
    per_axis = ('scale', 'offset', 'lower', 'upper', 'max_velocity', 'max_acceleration', 'max_hold_error',
                'max_tracking_error')
    acts_on = False
    hold_error = 0.1
    parameters: tuple[str, ...] = ('joints', 'smoothing', 'continuous', *per_axis)

    def __init__(self, spec: ActionSpec, joints: Sequence[str]) -> None:
        super().__init__(spec, joints)
        self._continuous = np.isin(spec.joints, spec.continuous) if spec.continuous else None
        if self._continuous is not None:        # a joint that turns without end has no bounds
            self._lower, self._upper = (
                limits.per_axis(np.where(self._continuous, far, bound) if bound else ())
                for bound, far in ((spec.lower, -math.inf), (spec.upper, math.inf)))
        self._columns = index_of(joints, spec.joints, f'actions.{spec.name}')
        self._velocity, self._acceleration = map(limits.per_axis, (spec.max_velocity, spec.max_acceleration))
        self.speeds = () if self._acceleration is None else ('position',)
        self._hold_error = limits.axes_of(spec.max_hold_error or self.hold_error)

    @classmethod
    def limited_axes(cls, spec: ActionSpec, limit: str) -> tuple[str, ...] | None:
        endless = spec.continuous if limit in ('lower', 'upper') else ()
        return tuple(joint for joint in spec.joints if joint not in endless) or None

    @classmethod
    def check(cls, spec: ActionSpec, where: str) -> None:
        for joint in spec.continuous:
            if joint not in spec.joints:
                raise unknown('joint', joint, spec.joints, f'{where}.continuous')
        for name in ('lower', 'upper'):
            numbers = getattr(spec, name)
            for joint, number in zip(spec.joints, numbers if len(numbers) > 1 else ()):
                if joint in spec.continuous and math.isfinite(number):
                    raise ConfigurationError(f"{where}.{name} is {number:g} for joint '{joint}', which is continuous; "
                                             f'expected {"-" if name == "lower" else ""}.inf')

    def mix(self, start: Command, end: Command, ratio: float | Floats) -> Command:
        if self._continuous is None:
            return super().mix(start, end, ratio)
        near = limits.nearest_turn(end['position'], start['position'], self._continuous)
        return super().mix(start, {'position': near}, ratio)

    def measured(self, sources: Sources) -> Command:
        """Return the command that holds the measured joint positions."""
        return {'position': sources[self.spec.source].values['position'][:, self._columns].astype(np.float64)}

    def aim(self, command: Command) -> Command:
        """Return the target within its bounds, where it is reached within a greatest speed."""
        return self.bound(command) if self._velocity is not None or self._acceleration is not None else command

    def limit(self, command: Command, previous: Command, dt: Axes, speed: Command = NO_SPEEDS) -> Command:
        """Return the command within its limits, dt seconds after `previous`."""
        last = previous['position']
        value = command['position']
        if self._continuous is not None:
            value = limits.nearest_turn(value, last, self._continuous)
        if self._acceleration is not None:
            # within its bounds first: it must begin in time to stop there
            value = limits.clamp_from(value, last, self._lower, self._upper)
            value = limits.limit_motion(value, last, speed['position'], self._velocity, self._acceleration, dt)
            value = limits.limit_approach(value, last, self._lower, self._upper, self._acceleration, dt)
        elif self._velocity is not None:
            value = limits.limit_step(value, last, self._velocity * dt)
        return {'position': limits.clamp_from(value, last, self._lower, self._upper)}

    def braked(self, previous: Command, speed: Command, dt: Axes) -> Command:
        """Return the targets, dt seconds after `previous`, of joints that decelerate to rest."""
        if self._acceleration is None:
            return previous
        slow = limits.slowed(previous['position'], speed['position'], self._acceleration, dt)
        return {'position': limits.clamp_from(slow, previous['position'], self._lower, self._upper)}

    def apart(self, sent: Command, measured: Command) -> Mask:
        return np.asarray((self.lag(sent, measured) > self._hold_error).any(axis=1))

    def lag(self, sent: Command, measured: Command) -> Floats:
        near = limits.nearest_turn(measured['position'], sent['position'], self._continuous)
        return np.abs(sent['position'] - near)

    def outside(self, sources: Sources) -> dict[int, str]:
        return limits.beyond_limits(self.measured(sources)['position'], self._lower, self._upper,
                                   [f"joint '{joint}'" for joint in self.spec.joints], f'actions.{self.spec.name}')


class JointDelta(JointPosition):
    """Steps of joint targets (rad or m) from a position: q = from + action · scale.

    integrate: observed: from the joints that were observed with this action's observation (Isaac Lab's
    RelativeJointPositionAction). target: from the target sent last, as IsaacGymEnvs' relative control
    does (prev_targets); industreallib calls it PLAI. leaky: from the last target, but no further than max_error
    from the measured joints, axis by axis: q = measured + clip(last + action · scale − measured, ±max_error),
    industreallib's leaky PLAI (`_send_targets`). Limits and fallback: as joint_position.
    """

    integrals = ('observed', 'target', 'leaky')
    per_axis = ('scale', 'lower', 'upper', 'max_velocity', 'max_acceleration', 'max_error', 'max_hold_error',
                'max_tracking_error')
    parameters = ('joints', 'smoothing', 'integrate', 'continuous', *per_axis)

    def __init__(self, spec: ActionSpec, joints: Sequence[str]) -> None:
        super().__init__(spec, joints)
        self._error = limits.axes_of(spec.max_error or math.inf)

    def law(self, action: Array, sources: Sources, previous: Command) -> Command:
        """action (rows, joints) → {'position': (rows, joints)}."""
        step = action.astype(np.float64) * self._factor
        if self.spec.integrate == 'observed':
            return {'position': self.measured(sources)['position'] + step}
        target: Floats = previous['position'] + step
        if self.spec.integrate == 'leaky':
            measured = limits.nearest_turn(self.measured(sources)['position'], target, self._continuous)
            target = limits.limit_step(target, measured, self._error)
        return {'position': target}

    def invert(self, command: Command, sources: Sources) -> Floats:
        """Return the action (rows, joints), float32, of a command, from the joints in `sources`.

        Exact to about 1e-15 / scale: below, the sum with the position has rounded.
        """
        measured = self.measured(sources)['position']
        moved = limits.nearest_turn(command['position'], measured, self._continuous) - measured
        return (moved / self._scales['scale']).astype(np.float32)


class JointVelocity(JointTerm):
    """Joint velocities: v = action · scale + offset (rad/s or m/s), Isaac Lab's JointVelocityAction.

    Limits: ±max_velocity, and max_acceleration from the last command sent; the first is sent from rest.
    Fallback: zero velocity, at that acceleration; the last command at a stop is zero at once. What that is depends on
    the drives: with an integrating velocity loop the joints lock where they are; without, a legged robot sags onto its
    legs and falls.
    """

    field = 'velocity'
    fallbacks = ('zero',)
    needed_limits = ('max_velocity',)
    per_axis = ('scale', 'offset', 'lower', 'upper', 'max_velocity', 'max_acceleration')
    parameters = ('joints', 'smoothing', *per_axis)

    def __init__(self, spec: ActionSpec, joints: Sequence[str]) -> None:
        super().__init__(spec, joints)
        self._velocity, self._acceleration = map(limits.per_axis, (spec.max_velocity, spec.max_acceleration))

    @classmethod
    def limited_axes(cls, spec: ActionSpec, limit: str) -> tuple[str, ...] | None:
        return unbounded(spec, spec.joints) or None

    def bound(self, command: Command) -> Command:
        slow = limits.limit_size(command['velocity'], self._velocity)
        return super().bound({'velocity': slow})

    def limit(self, command: Command, previous: Command, dt: Axes, speed: Command = NO_SPEEDS) -> Command:
        """Return the command within its limits, dt seconds after `previous`."""
        value = command['velocity']
        if self._acceleration is not None:
            value = limits.limit_step(value, previous['velocity'], self._acceleration * dt)
        return self.bound({'velocity': value})


class Effort(JointTerm):
    """Joint efforts: effort = action · scale + offset (N·m or N), Isaac Lab's JointEffortAction.

    Limits: ±max_effort, and max_effort_rate (per s) from the last command sent; the first is sent from zero.
    Fallback: zero effort, at that rate; the last command at a stop is zero at once. A legged robot collapses, and an
    arm falls unless its controller bears its weight. Where the policy gives position targets and the environment
    made torques of them, command joint_position and leave the PD law to the robot's drives.
    """

    field = 'effort'
    fallbacks = ('zero',)
    needed_limits = ('max_effort',)
    per_axis = ('scale', 'offset', 'max_effort', 'max_effort_rate')
    parameters = ('joints', 'smoothing', *per_axis)

    def __init__(self, spec: ActionSpec, joints: Sequence[str]) -> None:
        super().__init__(spec, joints)
        self._most, self._rate = map(limits.per_axis, (spec.max_effort, spec.max_effort_rate))

    def bound(self, command: Command) -> Command:
        return {'effort': limits.limit_size(command['effort'], self._most)}

    def limit(self, command: Command, previous: Command, dt: Axes, speed: Command = NO_SPEEDS) -> Command:
        """Return the command within its limits, dt seconds after `previous`."""
        value = command['effort']
        if self._rate is not None:
            value = limits.limit_step(value, previous['effort'], self._rate * dt)
        return self.bound({'effort': value})
