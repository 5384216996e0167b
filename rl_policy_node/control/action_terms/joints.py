# SPDX-License-Identifier: Apache-2.0
"""Joints: positions, and steps of positions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
import math
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from rl_policy_node.control import limits
from rl_policy_node.control.action_terms.action_options import (
    ActionOptions,
    BoundOptions,
    INTEGRATE,
    JOINTS,
    LeakyOptions,
    MAX_ACCELERATION,
    MAX_VELOCITY,
    OffsetOptions,
    ScaleOptions,
    Tolerances,
)
from rl_policy_node.control.action_terms.action_term import ARRAYS, JOINT_STATE, NO_SPEEDS, TRAJECTORY, VectorTerm
from rl_policy_node.control.arrays import Array, Axes, Command, Floats, Mask, Sources
from rl_policy_node.control.indices import index_of
from rl_policy_node.errors import unfit, unknown
from rl_policy_node.options import group, option, TO_JOINTS

if TYPE_CHECKING:
    from rl_policy_node.control.action_spec import ActionSpec


@dataclass(frozen=True, kw_only=True)
class JointOptions(ActionOptions):
    """The joints."""

    joints: tuple[str, ...] = option((), required=True, **JOINTS)


Joints = TypeVar('Joints', bound=JointOptions)


class JointTerm(VectorTerm[Joints]):
    """One number per joint; joints are named in the order of the action."""

    @classmethod
    def axes(cls, options: Joints) -> int:
        return len(options.joints)

    @classmethod
    def limited_axes(cls, options: Joints, limit: str) -> tuple[str, ...] | None:
        return options.joints


@dataclass(frozen=True, kw_only=True)
class TargetOptions(JointOptions, ScaleOptions, BoundOptions):
    """The joints, their limits, and how far they may be from their target."""

    continuous: tuple[str, ...] = option(
        (),
        'joint_position, joint_delta: joints that turn without end: they go to a target, and back to where they '
        'are held, the short way round, and have no lower and upper',
        refers_to=TO_JOINTS,
    )
    max_velocity: tuple[float, ...] = option((), per_axis=True, **MAX_VELOCITY)
    max_acceleration: tuple[float, ...] = option((), per_axis=True, **MAX_ACCELERATION)
    tolerances: Tolerances = group(Tolerances)


@dataclass(frozen=True, kw_only=True)
class JointPositionOptions(TargetOptions, OffsetOptions):
    """The joints, their law and their limits."""


Positions = TypeVar('Positions', bound=TargetOptions)


class JointTargets(JointTerm[Positions]):
    """Joint targets: the common base of joint_position and joint_delta."""

    message_types = (JOINT_STATE, TRAJECTORY, *ARRAYS)
    field = 'position'
    measures = ('position',)
    fallbacks = ('hold', 'keep')
    needed_limits = ('lower', 'upper', 'max_velocity')
    acts_on = False
    hold_error = 0.1

    def __init__(self, spec: ActionSpec, joints: Sequence[str]) -> None:
        super().__init__(spec, joints)
        options = self.options
        self._continuous = np.isin(options.joints, options.continuous) if options.continuous else None
        if self._continuous is not None:  # a joint that turns without end has no bounds
            self._lower, self._upper = (
                limits.per_axis(np.where(self._continuous, far, bound) if bound else ())
                for bound, far in ((options.lower, -math.inf), (options.upper, math.inf))
            )
        self._columns = index_of(joints, options.joints, f'actions.{spec.name}')
        self._velocity, self._acceleration = map(limits.per_axis, (options.max_velocity, options.max_acceleration))
        self.speeds = () if self._acceleration is None else ('position',)
        self._hold_error = limits.axes_of(options.tolerances.max_hold_error or self.hold_error)

    @classmethod
    def limited_axes(cls, options: Positions, limit: str) -> tuple[str, ...] | None:
        endless = options.continuous if limit in ('lower', 'upper') else ()
        return tuple(joint for joint in options.joints if joint not in endless) or None

    @classmethod
    def check(cls, options: Positions, spec: ActionSpec, where: str) -> None:
        for joint in options.continuous:
            if joint not in options.joints:
                raise unknown('joint', joint, options.joints, f'{where}.continuous')
        for name in ('lower', 'upper'):
            numbers = getattr(options, name)
            for joint, number in zip(options.joints, numbers if len(numbers) > 1 else ()):
                if joint in options.continuous and math.isfinite(number):
                    raise unfit(
                        f'{where}.{name}',
                        f"{number:g} for joint '{joint}', which is continuous",
                        '-.inf' if name == 'lower' else '.inf',
                    )

    def mix(self, start: Command, end: Command, ratio: float | Floats) -> Command:
        if self._continuous is None:
            return super().mix(start, end, ratio)
        near = limits.nearest_turn(end['position'], start['position'], self._continuous)
        return super().mix(start, {'position': near}, ratio)

    def measured(self, sources: Sources) -> Command:
        """Return the command that holds the measured joint positions."""
        return {'position': sources[self.spec.source].values['position'][:, self._columns].astype(np.float64)}

    def aim(self, command: Command) -> Command:
        """Return the target, within its bounds if a limit on speed or acceleration makes the approach gradual."""
        return self.bound(command) if self._velocity is not None or self._acceleration is not None else command

    def limit(self, command: Command, previous: Command, dt: Axes, speed: Command = NO_SPEEDS) -> Command:
        """Return the command within its limits, dt seconds after `previous`."""
        last = previous['position']
        value = command['position']
        if self._continuous is not None:
            value = limits.nearest_turn(value, last, self._continuous)
        if self._acceleration is not None:
            # bounds first: braking must begin in time to stop at them
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
        return limits.beyond_limits(
            self.measured(sources)['position'],
            self._lower,
            self._upper,
            [f"joint '{joint}'" for joint in self.options.joints],
            f'actions.{self.spec.name}',
        )


class JointPosition(JointTargets[JointPositionOptions]):
    """Joint targets: q = action · scale + offset (rad or m), Isaac Lab's JointPositionAction.

    Limits: [lower, upper], max_velocity (per s) and max_acceleration (per s²), from the last command sent.
    Fallback: `hold` decelerates to rest and keeps that target, as long as it is within max_hold_error (rad or m,
    0.1 unless stated) of what is measured freshly; beyond, the joints go, within their limits, to where they were then
    measured, once. `keep` stops likewise, and keeps its target however far from it the joints are. A robot that bears
    load has its targets ahead of its joints; where that is more than max_hold_error a legged robot sinks with `hold`.
    continuous: joints (rad) that turn without end. They go to a target, and are held, the short way round; what is sent
    goes on from what was sent last and may add up to several turns. They have no lower and upper.
    """

    option_class = JointPositionOptions


@dataclass(frozen=True, kw_only=True)
class JointDeltaOptions(TargetOptions):
    """The joints, the position that they step from, and their limits."""

    integrate: str = option('', INTEGRATE, choices=('observed', 'target', 'leaky'))
    leaky: LeakyOptions = group(LeakyOptions)


class JointDelta(JointTargets[JointDeltaOptions]):
    """Steps of joint targets (rad or m) from a position: q = from + action · scale.

    integrate: observed: from the joints that were observed with this action's observation (Isaac Lab's
    RelativeJointPositionAction). target: from the target sent last, as IsaacGymEnvs' relative control
    does (prev_targets); industreallib calls it PLAI. leaky: from the last target, but no further than max_error
    from the measured joints, axis by axis: q = measured + clip(last + action · scale − measured, ±max_error),
    industreallib's leaky PLAI (`_send_targets`). Limits and fallback: as joint_position.
    """

    option_class = JointDeltaOptions

    def __init__(self, spec: ActionSpec, joints: Sequence[str]) -> None:
        super().__init__(spec, joints)
        self._error = limits.axes_of(self.options.leaky.max_error or math.inf)

    def law(self, action: Array, sources: Sources, previous: Command) -> Command:
        """Return {'position': (rows, joints)} for an action (rows, joints)."""
        step = action.astype(np.float64) * self._factor
        if self.options.integrate == 'observed':
            return {'position': self.measured(sources)['position'] + step}
        target: Floats = previous['position'] + step
        if self.options.integrate == 'leaky':
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
