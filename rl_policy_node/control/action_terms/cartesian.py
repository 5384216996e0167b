# SPDX-License-Identifier: Apache-2.0
"""Six axes of a body: velocities and forces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from rl_policy_node.control import limits
from rl_policy_node.control.action_terms.action_options import (
    BoundOptions,
    INF,
    MAX_ACCELERATION,
    MAX_ANGULAR_VELOCITY,
    MAX_VELOCITY,
    OffsetOptions,
)
from rl_policy_node.control.action_terms.action_term import ActionTerm, NO_SPEEDS, unbounded
from rl_policy_node.control.arrays import Array, Axes, Command, Floats, Shape, Sources
from rl_policy_node.errors import ConfigurationError, miscounted, unknown
from rl_policy_node.options import option

if TYPE_CHECKING:
    from rl_policy_node.control.action_spec import ActionSpec

AXES = ('x', 'y', 'z', 'roll', 'pitch', 'yaw')
LINEAR = AXES[:3]


@dataclass(frozen=True, kw_only=True)
class AxesOptions(OffsetOptions):
    """The axes."""

    axes: tuple[str, ...] = option(
        (), 'twist, wrench: which of x, y, z, roll, pitch, yaw the action has, in its order; empty: all six'
    )


Six = TypeVar('Six', bound=AxesOptions)


class SixAxes(ActionTerm[Six]):
    """Some of six axes: value = action · scale + offset on the named axes, zero on the others.

    Fields: one for the three linear axes, one for the three rotational axes, (rows, 3) each.
    """

    fields = ('', '')
    fallbacks = ('zero',)

    def __init__(self, spec: ActionSpec, joints: Sequence[str] = ()) -> None:
        super().__init__(spec, joints)
        self._index = [AXES.index(axis) for axis in self.options.axes or AXES]
        self._offset = np.asarray(self.options.offset, dtype=np.float64)

    @classmethod
    def axes(cls, options: Six) -> int:
        return len(options.axes or AXES)

    @classmethod
    def shapes(cls, options: Six) -> dict[str, Shape]:
        return dict.fromkeys(cls.fields, (3,))

    @classmethod
    def limited_axes(cls, options: Six, limit: str) -> tuple[str, ...] | None:
        first = limit == cls.needed_limits[0]
        return tuple(axis for axis in unbounded(options, options.axes or AXES) if (axis in LINEAR) == first) or None

    @classmethod
    def check(cls, options: Six, spec: ActionSpec, where: str) -> None:
        for axis in options.axes:
            if axis not in AXES:
                raise unknown('axis', axis, AXES, f'{where}.axes')
        if len(set(options.axes)) != len(options.axes):
            raise ConfigurationError(f'{where}.axes names an axis twice: {list(options.axes)}')

    def law(self, action: Array, sources: Sources, previous: Command) -> Command:
        """Return the two fields, (rows, 3) each, for an action (rows, axes)."""
        return self._spread(action.astype(np.float64) * self._scales['scale'] + self._offset)

    def invert(self, command: Command, sources: Sources) -> Floats:
        """Return the action (rows, axes), float32, of a command: exact."""
        value = np.concatenate([command[field] for field in self.fields], axis=1)[:, self._index]
        return ((value - self._offset) / self._scales['scale']).astype(np.float32)

    def _spread(self, value: Floats, elsewhere: float = 0.0) -> Command:
        six = np.full((len(value), 6), elsewhere)
        six[:, self._index] = value
        return {self.fields[0]: six[:, :3], self.fields[1]: six[:, 3:]}

    def _slowed(self, command: Command, previous: Command, rates: tuple[float, float], dt: Axes) -> Command:
        """Return the command; each of its two vectors changes no faster than its number in `rates` (per s)."""
        return {
            field: limits.limit_distance(command[field], previous[field], rate * dt)
            if rate < np.inf
            else command[field]
            for field, rate in zip(self.fields, rates)
        }

    def _shorten(self, command: Command, longest: tuple[float, float]) -> Command:
        """Return the command; each of its two vectors is no longer than its number in `longest`."""
        result = {}
        for field, length in zip(self.fields, longest):
            value = command[field]
            result[field] = limits.limit_distance(value, np.zeros_like(value), length) if length < np.inf else value
        return result


@dataclass(frozen=True, kw_only=True)
class TwistOptions(AxesOptions, BoundOptions):
    """The axes, their law and their limits."""

    max_velocity: tuple[float, ...] = option((), **MAX_VELOCITY)
    max_acceleration: tuple[float, ...] = option((), **MAX_ACCELERATION)
    max_angular_velocity: float = option(INF, **MAX_ANGULAR_VELOCITY)
    max_angular_acceleration: float = option(
        INF, 'twist: how fast the angular velocity may change', unit='rad/s²', low=1e-6
    )


class Twist(SixAxes[TwistOptions]):
    """Velocity of a body in the frame of the command: v = action · scale + offset (m/s, rad/s).

    Limits: [lower, upper] per named axis; max_velocity and max_angular_velocity bound the length of the two
    vectors, max_acceleration and max_angular_acceleration (per s²) how fast they change from the last
    command sent. Fallback: zero, at these accelerations; the last command at a stop is zero at once: a base stops as
    hard as its drives can, a quadcopter hovers if its own controller tracks velocities.
    """

    option_class = TwistOptions
    message_types = ('geometry_msgs/msg/TwistStamped', 'geometry_msgs/msg/Twist')
    fields = ('linear_velocity', 'angular_velocity')
    needed_limits = ('max_velocity', 'max_angular_velocity')

    @classmethod
    def check(cls, options: TwistOptions, spec: ActionSpec, where: str) -> None:
        super().check(options, spec, where)
        for name in ('max_velocity', 'max_acceleration'):
            if len(getattr(options, name)) > 1:
                raise miscounted(f'{where}.{name}', len(getattr(options, name)), '1: it bounds the length of a vector')

    def bound(self, command: Command) -> Command:
        short = self._shorten(command, (_one(self.options.max_velocity), self.options.max_angular_velocity))
        for side, (bounds, elsewhere) in enumerate(((self.options.lower, -np.inf), (self.options.upper, np.inf))):
            if len(bounds):
                clamp = np.minimum if side else np.maximum
                axes = self._spread(np.broadcast_to(bounds, (1, self.size)), elsewhere)
                short = {field: clamp(value, axes[field]) for field, value in short.items()}
        return short

    def limit(self, command: Command, previous: Command, dt: Axes, speed: Command = NO_SPEEDS) -> Command:
        """Return the command within its limits, dt seconds after `previous`."""
        rates = (_one(self.options.max_acceleration), self.options.max_angular_acceleration)
        return self.bound(self._slowed(command, previous, rates, dt))


@dataclass(frozen=True, kw_only=True)
class WrenchOptions(AxesOptions):
    """The axes, their law and their limits."""

    max_force: float = option(INF, 'wrench: greatest force', unit='N', low=1e-9)
    max_torque: float = option(INF, 'wrench: greatest torque', unit='N·m', low=1e-9)
    max_force_rate: float = option(INF, 'wrench: how fast the force may change', unit='N/s', low=1e-9)
    max_torque_rate: float = option(INF, 'wrench: how fast the torque may change', unit='N·m/s', low=1e-9)


class Wrench(SixAxes[WrenchOptions]):
    """Force and torque in the frame of the command: action · scale + offset (N, N·m).

    Limits: max_force and max_torque bound the length of the two vectors, max_force_rate and max_torque_rate (per s) how
    fast they change from the last command sent. Fallback: zero, at these rates; the last command at a stop is zero at
    once: an arm lets go of what it pressed on, and its controller has to bear its own weight.
    """

    option_class = WrenchOptions
    message_types = ('geometry_msgs/msg/WrenchStamped', 'geometry_msgs/msg/Wrench')
    fields = ('force', 'torque')
    needed_limits = ('max_force', 'max_torque')

    def bound(self, command: Command) -> Command:
        return self._shorten(command, (self.options.max_force, self.options.max_torque))

    def limit(self, command: Command, previous: Command, dt: Axes, speed: Command = NO_SPEEDS) -> Command:
        """Return the command within its limits, dt seconds after `previous`."""
        rates = self.options.max_force_rate, self.options.max_torque_rate
        return self.bound(self._slowed(command, previous, rates, dt))


def _one(numbers: tuple[float, ...]) -> float:
    return numbers[0] if len(numbers) else np.inf
