# SPDX-License-Identifier: Apache-2.0
"""Poses of an end effector, for a Cartesian controller."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
import math
from typing import TYPE_CHECKING

import numpy as np

from rl_policy_node import geometry
from rl_policy_node.control import limits
from rl_policy_node.control.action_terms.action_options import (
    BoundOptions,
    INTEGRATE,
    LeakyOptions,
    MAX_ANGULAR_VELOCITY,
    MAX_HOLD_ERROR,
    MAX_VELOCITY,
    ScaleLimitOptions,
    TrackingOptions,
)
from rl_policy_node.control.action_terms.action_term import ActionTerm, NO_SPEEDS
from rl_policy_node.control.arrays import Array, Axes, Command, Floats, Mask, Shape, Sources
from rl_policy_node.errors import ConfigurationError, miscounted
from rl_policy_node.options import group, option

if TYPE_CHECKING:
    from rl_policy_node.control.action_spec import ActionSpec


@dataclass(frozen=True, kw_only=True)
class PoseTolerances(TrackingOptions):
    """How far the body may be from its command, and from the command that holds it."""

    max_hold_error: tuple[float, ...] = option((), **MAX_HOLD_ERROR)
    max_hold_rotation_error: float = option(0.1, 'pose_delta: likewise, its angle', unit='rad', low=1e-9)


@dataclass(frozen=True, kw_only=True)
class LeakyPoseOptions(LeakyOptions):
    """The bounds of leaky integration."""

    max_rotation_error: float = option(
        math.inf,
        'pose_delta, integrate leaky: greatest angle between target and measured orientation',
        unit='rad',
        low=1e-9,
        only_with=('integrate', 'leaky'),
    )


@dataclass(frozen=True, kw_only=True)
class PoseDeltaOptions(ScaleLimitOptions, BoundOptions):
    """The law of a target pose, and its limits."""

    position_scale: tuple[float, ...] = option(
        (0.01,), 'pose_delta: metres per unit of action', unit='m', per_axis=True, live=True
    )
    rotation_scale: tuple[float, ...] = option(
        (0.05,), 'pose_delta: radians per unit of action', unit='rad', per_axis=True, live=True
    )
    rotation_threshold: float = option(1e-6, 'pose_delta: angle up to which no turn is commanded', unit='rad', low=0.0)
    integrate: str = option('', INTEGRATE, choices=('observed', 'target', 'leaky'))
    leaky: LeakyPoseOptions = group(LeakyPoseOptions)
    max_velocity: tuple[float, ...] = option((), **MAX_VELOCITY)
    max_angular_velocity: float = option(math.inf, **MAX_ANGULAR_VELOCITY)
    tolerances: PoseTolerances = group(PoseTolerances)


class PoseDelta(ActionTerm[PoseDeltaOptions]):
    """Six numbers of TacSL, Factory and IndustReal: a target pose from a pose; see `geometry.apply_pose_delta`.

    integrate: observed: from the pose that was observed with this action's observation. target: from the
    target sent last (PLAI). leaky: likewise, but no further than max_error (m, per axis) and
    max_rotation_error (rad) from the measured pose (leaky PLAI; industreallib's `_send_targets`, which bounds
    the position alone).
    Limits: [lower, upper] is a box for the position (m), max_velocity and max_angular_velocity bound
    how fast the target moves from the last one sent (m/s, rad/s).
    Fallback: `hold` keeps the target sent last, as long as it is within max_hold_error (m, 0.02 unless stated) and
    max_hold_rotation_error (rad, 0.1 unless stated) of the pose measured freshly; beyond, the target goes, within its
    limits, to the pose that was then measured, once, which gives up most of the force with which an impedance
    controller pushed. `keep` goes on pushing however far it is.
    """

    option_class = PoseDeltaOptions
    message_types = ('geometry_msgs/msg/PoseStamped', 'geometry_msgs/msg/Pose')
    measures = ('position', 'orientation')
    fallbacks = ('hold', 'keep')
    needed_limits = ('lower', 'upper', 'max_velocity', 'max_angular_velocity')
    acts_on = False
    hold_error = 0.02

    def __init__(self, spec: ActionSpec, joints: Sequence[str] = ()) -> None:
        super().__init__(spec, joints)
        options = self.options
        self._lower, self._upper = limits.per_axis(options.lower), limits.per_axis(options.upper)
        held = options.tolerances.max_hold_error
        self._hold_error = held[0] if held else self.hold_error
        self._error = limits.axes_of(options.leaky.max_error or math.inf)

    @classmethod
    def numbers(cls, options: PoseDeltaOptions) -> int:
        return 6

    @classmethod
    def axes(cls, options: PoseDeltaOptions) -> int:
        return 3

    @classmethod
    def shapes(cls, options: PoseDeltaOptions) -> dict[str, Shape]:
        return {'position': (3,), 'orientation': (4,)}

    @classmethod
    def limited_axes(cls, options: PoseDeltaOptions, limit: str) -> tuple[str, ...] | None:
        return ('x', 'y', 'z') if limit in ('lower', 'upper') else ()

    @classmethod
    def check(cls, options: PoseDeltaOptions, spec: ActionSpec, where: str) -> None:
        if len(options.max_velocity) > 1:
            raise miscounted(f'{where}.max_velocity', len(options.max_velocity), '1: it bounds the speed along the way')
        held = options.tolerances.max_hold_error
        if len(held) > 1:
            raise miscounted(f'{where}.max_hold_error', len(held), '1: it bounds a distance')
        if options.integrate == 'leaky' and not np.isfinite(options.leaky.max_rotation_error):
            raise ConfigurationError(f'{where}: integrate leaky needs max_rotation_error')

    def law(self, action: Array, sources: Sources, previous: Command) -> Command:
        """Return {'position': (rows, 3) m, 'orientation': (rows, 4) xyzw} for an action (rows, 6)."""
        pose = sources[self.spec.source].values
        start = pose if self.options.integrate == 'observed' else previous
        position, orientation = geometry.apply_pose_delta(
            start['position'],
            start['orientation'],
            action,
            self._scales['position_scale'],
            self._scales['rotation_scale'],
            self.options.rotation_threshold,
        )
        if self.options.integrate == 'leaky':
            position = limits.limit_step(position, pose['position'], self._error)
            orientation = limits.limit_turn(
                orientation, geometry.normalize_quaternion(pose['orientation']), self.options.leaky.max_rotation_error
            )
        return {'position': position, 'orientation': orientation}

    def mix(self, start: Command, end: Command, ratio: float | Floats) -> Command:
        return {
            'position': ratio * end['position'] + (1.0 - ratio) * start['position'],
            'orientation': geometry.slerp(start['orientation'], end['orientation'], ratio),
        }

    def measured(self, sources: Sources) -> Command:
        """Return the command that holds the measured pose."""
        pose = sources[self.spec.source].values
        return {
            'position': pose['position'].astype(np.float64),
            'orientation': geometry.normalize_quaternion(pose['orientation']),
        }

    def bound(self, command: Command) -> Command:
        return {**command, 'position': limits.clamp(command['position'], self._lower, self._upper)}

    def aim(self, command: Command) -> Command:
        """Return the target, within its bounds if a limit on speed makes the approach gradual."""
        return self.bound(command) if len(self.options.max_velocity) else command

    def limit(self, command: Command, previous: Command, dt: Axes, speed: Command = NO_SPEEDS) -> Command:
        """Return the command within its limits, dt seconds after `previous`."""
        position, orientation = command['position'], command['orientation']
        if len(self.options.max_velocity):
            position = limits.limit_distance(position, previous['position'], self.options.max_velocity[0] * dt)
        if np.isfinite(self.options.max_angular_velocity):
            orientation = limits.limit_turn(
                orientation, previous['orientation'], self.options.max_angular_velocity * dt
            )
        return {
            'position': limits.clamp_from(position, previous['position'], self._lower, self._upper),
            'orientation': orientation,
        }

    def apart(self, sent: Command, measured: Command) -> Mask:
        far = np.linalg.norm(sent['position'] - measured['position'], axis=1) > self._hold_error
        turned = geometry.angle_between(sent['orientation'], measured['orientation'])
        return np.asarray(far | (turned > self.options.tolerances.max_hold_rotation_error))

    @property
    def axis_names(self) -> tuple[str, ...]:
        return ('x', 'y', 'z')

    def outside(self, sources: Sources) -> dict[int, str]:
        return limits.beyond_limits(
            self.measured(sources)['position'], self._lower, self._upper, ('x', 'y', 'z'), f'actions.{self.spec.name}'
        )

    def invert(self, command: Command, sources: Sources) -> Floats:
        """Return the action (rows, 6), float32, of a command, from the pose in `sources`."""
        pose = sources[self.spec.source].values
        return geometry.pose_delta_between(
            pose['position'],
            pose['orientation'],
            command['position'],
            command['orientation'],
            self._scales['position_scale'],
            self._scales['rotation_scale'],
        )
