# SPDX-License-Identifier: Apache-2.0
"""The base classes of action terms: clip, filter, limits, fallback, and scales that may change at run time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast, Generic, TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rl_policy_node.control import limits
from rl_policy_node.control.action_terms.action_options import ActionOptions
from rl_policy_node.control.arrays import Array, Axes, Command, Floats, Mask, Shape, Sources
from rl_policy_node.control.state import State
from rl_policy_node.errors import ConfigurationError, miscounted, unknown
from rl_policy_node.options import leaves, value_of

if TYPE_CHECKING:
    from rl_policy_node.control.action_spec import ActionSpec

Options = TypeVar('Options', bound=ActionOptions)

# for commands without a field whose rate of change is limited
NO_SPEEDS: Command = {}
# message types of commands
JOINT_STATE, TRAJECTORY = 'sensor_msgs/msg/JointState', 'trajectory_msgs/msg/JointTrajectory'
ARRAYS = ('std_msgs/msg/Float32MultiArray', 'std_msgs/msg/Float64MultiArray')
NUMBER = 'std_msgs/msg/Float64'


class ActionTerm(Generic[Options]):
    """Computes a command in this order: action, clipped to ±clip → law → filter; then blend-in and limits.

    Filter: target = smoothing · law + (1 − smoothing) · previous target, in the space of the command
    (rad, m, …; orientations along the arc), as IsaacGymEnvs' hands do it with actionsMovingAverage.
    `previous` is the last command sent; while blending in it is the policy's own last target, and at the start
    and after a gap the measured state.
    """

    option_class: type[ActionOptions]
    message_types: tuple[str, ...]  # types that can carry its command
    measures: tuple[str, ...] = ()  # fields of its source that it needs
    fallbacks: tuple[str, ...] = ()  # the first one is the default
    chooses = False  # whether its action is a choice
    zero_scale = False  # whether a scale of zero may leave an axis out of the command
    speeds: tuple[str, ...] = ()  # fields with a limit on acceleration, too
    needed_limits: tuple[str, ...] = ()  # parameters without which its commands are unbounded
    must_be_limited = True  # whether a command without them needs `limits: none`
    acts_on = True  # whether its last command goes on moving the robot
    hold_error = 0.0  # default of max_hold_error

    def __init__(self, spec: ActionSpec, _joints: Sequence[str] = ()) -> None:
        self.spec, self.options = spec, cast(Options, spec.options)
        self.size = self.numbers(self.options)
        clip, self._smoothing = value_of(spec.options, 'clip', np.inf), value_of(spec.options, 'smoothing', 1.0)
        self._clip = clip if np.isfinite(clip) else None
        self._integrate = value_of(spec.options, 'integrate', 'none')
        self.relative = self._integrate != 'none'
        self._scales = {
            name: np.asarray(value_of(spec.options, name, ()), dtype=np.float64)
            for name, leaf in leaves(self.option_class).items()
            if leaf.option.live
        }
        # the target scales, and the time until they are reached, s
        self._wanted, self._left = self._scales, 0.0
        for name, value in self._scales.items():
            if np.any(value == 0) and not self.zero_scale:
                raise ConfigurationError(f'actions.{spec.name}.{name} has a zero')

    # of options

    @classmethod
    def numbers(cls, options: Options) -> int:
        """Return how many numbers of the action the term takes."""
        return cls.axes(options)

    @classmethod
    def axes(cls, options: Options) -> int:
        """Return how many axes the per-axis parameters have."""
        raise NotImplementedError

    @classmethod
    def shapes(cls, options: Options) -> dict[str, Shape]:
        """Return field → shape of one row of the command."""
        raise NotImplementedError

    @classmethod
    def limited_axes(cls, options: Options, limit: str) -> tuple[str, ...] | None:
        """Return the axes to which a limit applies; (): to the whole command; None: to none."""
        return ()

    @classmethod
    def stated_fallback(cls, spec: ActionSpec, rows: int) -> Command:
        """Return the constant fallback of `zero` and `value`; empty if the fallback needs a measurement."""
        if spec.fallback not in ('zero', 'value'):
            return {}
        number = value_of(spec.options, 'fallback_value', ()) if spec.fallback == 'value' else 0.0
        value = np.asarray(number, dtype=np.float64)
        shapes = cls.shapes(cast(Options, spec.options))
        return {field: np.broadcast_to(value, (rows, *shape)).copy() for field, shape in shapes.items()}

    @classmethod
    def check(cls, options: Options, spec: ActionSpec, where: str) -> None:
        """Raise ConfigurationError for options that the kind cannot have."""

    def check_choices(self, count: int) -> None:
        """Raise ConfigurationError if the policy has another number of choices than the term has commands."""

    # towards the robot

    def command(self, action: Array, sources: Sources, previous: Command) -> Command:
        """Return the command that the policy wants, for an action (rows, size)."""
        if self._clip is not None:
            action = np.minimum(np.maximum(action, -self._clip), self._clip)
        target = self.law(action, sources, previous)
        return target if self._smoothing == 1.0 else self.mix(previous, target, self._smoothing)

    def law(self, action: Array, sources: Sources, previous: Command) -> Command:
        """Return the command of an action (rows, size), unfiltered."""
        raise NotImplementedError

    def mix(self, start: Command, end: Command, ratio: float | Floats) -> Command:
        """Return the command `ratio` (a number or (rows, 1), 0 to 1) of the way from one to another."""
        return {field: ratio * end[field] + (1.0 - ratio) * start[field] for field in end}

    def bound(self, command: Command) -> Command:
        """Return the command within its constant bounds; values within them pass unchanged."""
        return command

    def aim(self, command: Command) -> Command:
        """Return the policy's target, moved to its bound if it lies beyond."""
        return command

    def limit(self, command: Command, previous: Command, dt: Axes, speed: Command = NO_SPEEDS) -> Command:
        """Return the command within its limits, dt s (a number or (rows, 1)) after `previous`.

        speed: rate of change of `previous`, for the fields in `speeds`. Position bounds stop motion towards them, but
        start none: a robot beyond them stays there, or comes back within its speed limit.
        """
        return self.bound(command)

    def braked(self, previous: Command, speed: Command, dt: Axes) -> Command:
        """Return the command, dt seconds after `previous`, that decelerates to rest."""
        return previous

    # when the policy does not act

    def fallback(self, sources: Sources, rows: int) -> Command:
        """Return the fallback: the command while the policy does not act."""
        return self.stated_fallback(self.spec, rows) or self.measured(sources)

    @property
    def places(self) -> bool:
        """Whether it commands positions, which its source measures."""
        return self.spec.fallback in ('hold', 'keep')

    def apart(self, sent: Command, measured: Command) -> Mask:
        """Return the rows (mask) whose command is further than max_hold_error from the measurement."""
        raise NotImplementedError

    @property
    def axis_names(self) -> tuple[str, ...]:
        """The names of the numbers of `lag`."""
        return value_of(self.spec.options, 'joints', tuple[str, ...]())

    def lag(self, sent: Command, measured: Command) -> Floats:
        """Return the distance (rows, axes), rad or m, between measurement and command."""
        return np.abs(sent['position'] - measured['position'])

    def outside(self, sources: Sources) -> dict[int, str]:
        """Return row → a reason that names the axis measured beyond its bounds, and the bound."""
        return {}

    def measured(self, sources: Sources) -> Command:
        """Return the command that keeps the robot at its measured position."""
        raise NotImplementedError

    # from the simulator's side

    def invert(self, command: Command, sources: Sources) -> Floats:
        """Return the action (rows, size), float32, that gives a command."""
        raise NotImplementedError

    def irreversible(self) -> str:
        """Return why the action cannot be computed from a command, or ''."""
        if self._smoothing != 1.0:
            return f'it is filtered (smoothing {self._smoothing:g})'
        if self._integrate in ('target', 'leaky'):
            return f'it integrates (integrate: {self._integrate})'
        zero = [name for name, value in self._scales.items() if np.any(value == 0)]
        return f'{zero[0]} has a zero' if zero else ''

    # while it runs

    def set_scale(self, values: ArrayLike, parameter: str = 'scale', seconds: float = 0.0) -> None:
        """Let `ramp` change a scale within `seconds` to `values`, which `checked_scale` must accept."""
        self._wanted = {**self._wanted, parameter: self.checked_scale(values, parameter)}
        self._left = seconds

    def ramp(self, dt: float) -> bool:
        """Move the scales evenly towards their targets for dt s; return whether they still differ."""
        if dt >= self._left:
            self._scales, self._left = self._wanted, 0.0
        else:
            share = dt / self._left
            self._scales = {name: value + share * (self._wanted[name] - value) for name, value in self._scales.items()}
            self._left -= dt
        self._on_scales()
        return self._left > 0.0

    def _on_scales(self) -> None:
        """Recompute everything that depends on the scales."""

    def state(self) -> State:
        """Return the scales, which may differ from the configured ones."""
        return {'now': dict(self._scales), 'wanted': dict(self._wanted), 'left': self._left}

    def restore(self, state: State) -> None:
        """Continue with the scales of a state."""
        self._scales, self._wanted = (
            dict(cast('dict[str, NDArray[np.float64]]', state[name])) for name in ('now', 'wanted')
        )
        self._left = cast(float, state['left'])
        self._on_scales()

    def checked_scale(self, values: ArrayLike, parameter: str = 'scale') -> NDArray[np.float64]:
        """Return a scale as an array: same signs as configured, and at most scale_limit times as great.

        Raises ConfigurationError for any other.
        """
        where = f'actions.{self.spec.name}.{parameter}'
        if parameter not in self._scales:
            raise unknown('scale', parameter, self._scales, f'actions.{self.spec.name}')
        values = np.asarray(values, dtype=np.float64).reshape(-1)
        stated = np.asarray(value_of(self.spec.options, parameter, ()), dtype=np.float64)
        size, limit = self.axes(self.options), value_of(self.spec.options, 'scale_limit', 1.0)
        if values.size not in (1, size):
            raise miscounted(where, values.size, f'1 or {size}')
        most = limit * np.abs(stated)
        if not (np.all(np.abs(values) <= most) and np.all(values * stated >= 0)):
            raise ConfigurationError(
                f'{where} is {values.tolist()}; stated is {stated.tolist()}, expected the same '
                f'sign and at most {limit:g} times as much (scale_limit)'
            )
        return values


class VectorTerm(ActionTerm[Options]):
    """A command of one field, one number per axis: value = action · scale + offset."""

    field = ''

    def __init__(self, spec: ActionSpec, joints: Sequence[str] = ()) -> None:
        super().__init__(spec, joints)
        self._offset = limits.axes_of(value_of(spec.options, 'offset', (0.0,)))
        self._factor = limits.axes_of(self._scales['scale'])
        self._lower, self._upper = (limits.per_axis(value_of(spec.options, name, ())) for name in ('lower', 'upper'))

    @classmethod
    def shapes(cls, options: Options) -> dict[str, Shape]:
        return {cls.field: (cls.axes(options),)}

    def law(self, action: Array, sources: Sources, previous: Command) -> Command:
        """Return {field: (rows, axes)} for an action (rows, axes)."""
        value = action.astype(np.float64)
        value *= self._factor
        value += self._offset
        return {self.field: value}

    def bound(self, command: Command) -> Command:
        return {self.field: limits.clamp(command[self.field], self._lower, self._upper)}

    def _on_scales(self) -> None:
        self._factor = limits.axes_of(self._scales['scale'])

    def invert(self, command: Command, sources: Sources) -> Floats:
        """Return the action (rows, axes), float32, of a command: exact."""
        return ((command[self.field] - self._offset) / self._scales['scale']).astype(np.float32)


def unbounded(options: ActionOptions, axes: Sequence[str]) -> tuple[str, ...]:
    """Return those axes, of all axes of a command in order, that lack a finite lower or upper bound."""
    lower, upper = (np.broadcast_to(value_of(options, name, ()) or np.inf, len(axes)) for name in ('lower', 'upper'))
    bounded = np.isfinite(lower) & np.isfinite(upper)
    return tuple(axis for axis, both in zip(axes, bounded.tolist()) if not both)
