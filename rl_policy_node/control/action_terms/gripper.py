# SPDX-License-Identifier: Apache-2.0
"""Grippers: one action opens and closes all fingers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rl_policy_node.control import limits
from rl_policy_node.control.action_terms.action_options import (
    fallback_value,
    FilteredOptions,
    JOINTS,
    MAX_VELOCITY,
    Tolerances,
)
from rl_policy_node.control.action_terms.action_term import (
    ActionTerm,
    ARRAYS,
    JOINT_STATE,
    NO_SPEEDS,
    NUMBER,
    TRAJECTORY,
)
from rl_policy_node.control.arrays import Array, Axes, Command, Floats, Mask, Shape, Sources
from rl_policy_node.control.indices import index_of
from rl_policy_node.errors import ConfigurationError
from rl_policy_node.options import group, option

if TYPE_CHECKING:
    from rl_policy_node.control.action_spec import ActionSpec


@dataclass(frozen=True, kw_only=True)
class GripperOptions(FilteredOptions):
    """The fingers, the commands that open and close them, and their limits."""

    joints: tuple[str, ...] = option((), **JOINTS)
    mode: str = option(
        'proportional',
        'gripper: between closed (−1) and open (+1), or open from the threshold on',
        choices=('proportional', 'threshold'),
    )
    threshold: float = option(0.0, 'gripper, mode threshold: least action that opens', only_with=('mode', 'threshold'))
    open: tuple[float, ...] = option(
        (),
        'gripper: command that opens, one for all joints or one each',
        unit='m, rad',
        required=True,
        per_axis=True,
        absent=np.inf,
    )
    closed: tuple[float, ...] = option(
        (), 'gripper: command that closes', unit='m, rad', required=True, per_axis=True, absent=np.inf
    )
    max_velocity: tuple[float, ...] = option((), per_axis=True, **MAX_VELOCITY)
    fallback_value: tuple[float, ...] = fallback_value(required=False)
    tolerances: Tolerances = group(Tolerances)


class Gripper(ActionTerm[GripperOptions]):
    """A width, or the positions of the fingers' joints, between `closed` (action −1) and `open` (action +1).

    proportional: p = closed + (open − closed) · (clip(a, ±1) + 1) / 2 (m or rad). threshold: open where
    a ≥ threshold, else closed (Isaac Lab's BinaryJointAction, IsaacGymEnvs' FrankaCubeStack; both at 0).
    Limits: max_velocity (per s) from the last command sent; nothing beyond `open` and `closed` is sent.
    Fallback: `keep` what was sent last, so that nothing is dropped; `hold` likewise, but where the fingers are measured
    further from it than max_hold_error (m or rad, 0.01 unless stated) they go to where they were measured, once,
    which gives up the grip; `value`: fallback_value.
    """

    option_class = GripperOptions
    message_types = (JOINT_STATE, TRAJECTORY, NUMBER, *ARRAYS)
    measures = ('position',)
    fallbacks = ('keep', 'hold', 'value')
    needed_limits = ('max_velocity',)
    acts_on = False
    hold_error = 0.01

    def __init__(self, spec: ActionSpec, joints: Sequence[str]) -> None:
        super().__init__(spec, joints)
        options = self.options
        self._open, self._closed = np.asarray(options.open, np.float64), np.asarray(options.closed, np.float64)
        self._lower = limits.per_axis(np.minimum(self._open, self._closed))
        self._upper = limits.per_axis(np.maximum(self._open, self._closed))
        self._velocity = limits.per_axis(options.max_velocity)
        self._hold_error = limits.axes_of(options.tolerances.max_hold_error or self.hold_error)
        measured = spec.fallback != 'value'
        self._columns = index_of(joints, options.joints, f'actions.{spec.name}') if measured and options.joints else ...

    @classmethod
    def numbers(cls, options: GripperOptions) -> int:
        return 1

    @classmethod
    def axes(cls, options: GripperOptions) -> int:
        return len(options.joints) or 1

    @classmethod
    def shapes(cls, options: GripperOptions) -> dict[str, Shape]:
        return {'position': (cls.axes(options),)}

    @classmethod
    def limited_axes(cls, options: GripperOptions, limit: str) -> tuple[str, ...] | None:
        return options.joints

    @classmethod
    def check(cls, options: GripperOptions, spec: ActionSpec, where: str) -> None:
        if np.any(np.equal(options.open, options.closed)):
            raise ConfigurationError(f'{where}: open {list(options.open)} is closed {list(options.closed)}')
        if not options.joints and spec.fallback != 'value':
            raise ConfigurationError(
                f'{where}: fallback {spec.fallback} needs joints, whose position '
                f"source '{spec.source}' measures; or fallback value and fallback_value"
            )

    def law(self, action: Array, sources: Sources, previous: Command) -> Command:
        """Return {'position': (rows, joints)} for an action (rows, 1)."""
        action = action.astype(np.float64)
        if self.options.mode == 'threshold':
            opening = np.where(action >= self.options.threshold, 1.0, 0.0)
        else:
            opening = (np.clip(action, -1.0, 1.0) + 1.0) / 2
        width = self._closed + (self._open - self._closed) * opening
        return {'position': np.broadcast_to(width, (len(action), self.axes(self.options)))}

    def measured(self, sources: Sources) -> Command:
        """Return the command that keeps the fingers at their measured position."""
        return {'position': sources[self.spec.source].values['position'][:, self._columns].astype(np.float64)}

    def bound(self, command: Command) -> Command:
        return {'position': limits.clamp(command['position'], self._lower, self._upper)}

    def aim(self, command: Command) -> Command:
        """Return the target, within its bounds if a limit on speed makes the approach gradual."""
        return self.bound(command) if self._velocity is not None else command

    def limit(self, command: Command, previous: Command, dt: Axes, speed: Command = NO_SPEEDS) -> Command:
        """Return the command within its limits, dt seconds after `previous`."""
        value, last = command['position'], previous['position']
        if self._velocity is not None:
            value = limits.limit_step(value, last, self._velocity * dt)
        return {'position': limits.clamp_from(value, last, self._lower, self._upper)}

    def apart(self, sent: Command, measured: Command) -> Mask:
        return np.asarray((self.lag(sent, measured) > self._hold_error).any(axis=1))

    def outside(self, sources: Sources) -> dict[int, str]:
        if not self.places:
            return {}
        # fingers that grip something, or are bent open, lie further beyond than an arm that rests on its limit
        slack = np.maximum(limits.SLACK, 0.05 * np.abs(self._open - self._closed))
        return limits.beyond_limits(
            self.measured(sources)['position'],
            self._lower,
            self._upper,
            [f"joint '{joint}'" for joint in self.options.joints],
            f'actions.{self.spec.name}',
            ('open or closed', 'open or closed'),
            slack,
        )

    def invert(self, command: Command, sources: Sources) -> Floats:
        """Return the action (rows, 1), float32, of a command: that of the first joint."""
        first = self._open.flat[0], self._closed.flat[0]
        action: Floats = 2 * (command['position'][:, :1] - first[1]) / (first[0] - first[1]) - 1
        return action.astype(np.float32)

    def irreversible(self) -> str:
        if self.options.mode == 'threshold':
            return 'a threshold does not determine the action'
        return super().irreversible()
