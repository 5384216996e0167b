# SPDX-License-Identifier: Apache-2.0
"""Grippers: one action opens and closes all fingers."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from rl_policy_node.control import limits
from rl_policy_node.control.action_terms.action_term import ActionTerm, NO_SPEEDS
from rl_policy_node.control.arrays import Array, Axes, Command, Floats, Mask, Shape, Sources
from rl_policy_node.control.indices import index_of
from rl_policy_node.errors import ConfigurationError

if TYPE_CHECKING:
    from rl_policy_node.control.action_spec import ActionSpec


class Gripper(ActionTerm):
    """A width, or the positions of the fingers' joints, between `closed` (action −1) and `open` (action +1).

    proportional: p = closed + (open − closed) · (clip(a, ±1) + 1) / 2 (m or rad). threshold: open where
    a ≥ threshold, else closed (Isaac Lab's BinaryJointAction, IsaacGymEnvs' FrankaCubeStack; both at 0).
    Limits: max_velocity (per s) from the last command sent; nothing beyond `open` and `closed` is sent.
    Fallback: `keep` what was sent last, so that nothing is dropped; `hold` likewise, but where the fingers are measured
    further from it than max_hold_error (m or rad, 0.01 unless stated) they go to where they were measured, once,
    which gives up the grip; `value`: fallback_value.
    """

    measures = ('position',)
    fallbacks = ('keep', 'hold', 'value')
    required = ('open', 'closed')
    per_axis = ('open', 'closed', 'max_velocity', 'fallback_value', 'max_hold_error', 'max_tracking_error')
    needed_limits = ('max_velocity',)
    acts_on = False
    hold_error = 0.01
    parameters = ('joints', 'smoothing', 'mode', 'threshold', *per_axis)
    scales = ()

    def __init__(self, spec: ActionSpec, joints: Sequence[str]) -> None:
        super().__init__(spec, joints)
        self._open, self._closed = np.asarray(spec.open, np.float64), np.asarray(spec.closed, np.float64)
        self._lower = limits.per_axis(np.minimum(self._open, self._closed))
        self._upper = limits.per_axis(np.maximum(self._open, self._closed))
        self._velocity = limits.per_axis(spec.max_velocity)
        self._hold_error = limits.axes_of(spec.max_hold_error or self.hold_error)
        measured = spec.fallback != 'value'
        self._columns = index_of(joints, spec.joints, f'actions.{spec.name}') if measured and spec.joints else ...

    @classmethod
    def numbers(cls, spec: ActionSpec) -> int:
        return 1

    @classmethod
    def axes(cls, spec: ActionSpec) -> int:
        return len(spec.joints) or 1

    @classmethod
    def shapes(cls, spec: ActionSpec) -> dict[str, Shape]:
        return {'position': (cls.axes(spec),)}

    @classmethod
    def limited_axes(cls, spec: ActionSpec, limit: str) -> tuple[str, ...] | None:
        return spec.joints

    @classmethod
    def check(cls, spec: ActionSpec, where: str) -> None:
        if np.any(np.equal(spec.open, spec.closed)):
            raise ConfigurationError(f'{where}: open {list(spec.open)} is closed {list(spec.closed)}')
        if not spec.joints and spec.fallback != 'value':
            raise ConfigurationError(f'{where}: fallback {spec.fallback} needs joints, whose position '
                                     f"source '{spec.source}' measures; or fallback value and fallback_value")

    def law(self, action: Array, sources: Sources, previous: Command) -> Command:
        """action (rows, 1) → {'position': (rows, joints)}."""
        action = action.astype(np.float64)
        if self.spec.mode == 'threshold':
            opening = np.where(action >= self.spec.threshold, 1.0, 0.0)
        else:
            opening = (np.clip(action, -1.0, 1.0) + 1.0) / 2
        width = self._closed + (self._open - self._closed) * opening
        return {'position': np.broadcast_to(width, (len(action), self.axes(self.spec)))}

    def measured(self, sources: Sources) -> Command:
        """Return the command that stays where the fingers are."""
        return {'position': sources[self.spec.source].values['position'][:, self._columns].astype(np.float64)}

    def bound(self, command: Command) -> Command:
        return {'position': limits.clamp(command['position'], self._lower, self._upper)}

    def aim(self, command: Command) -> Command:
        """Return the target within its bounds, where it is reached within a greatest speed."""
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
        return limits.beyond_limits(self.measured(sources)['position'], self._lower, self._upper,
                                   [f"joint '{joint}'" for joint in self.spec.joints], f'actions.{self.spec.name}',
                                   ('open or closed', 'open or closed'), slack)

    def invert(self, command: Command, sources: Sources) -> Floats:
        """Return the action (rows, 1), float32, of a command: that of the first joint."""
        first = self._open.flat[0], self._closed.flat[0]
        action: Floats = 2 * (command['position'][:, :1] - first[1]) / (first[0] - first[1]) - 1
        return action.astype(np.float32)

    def irreversible(self) -> str:
        return 'a threshold does not determine the action' if self.spec.mode == 'threshold' else super().irreversible()
