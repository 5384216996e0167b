# SPDX-License-Identifier: Apache-2.0
"""The base of the options of action kinds, and options that several kinds have."""

from __future__ import annotations

from dataclasses import dataclass
import math
from typing import Any, Final

from rl_policy_node.options import leaves, option, TO_JOINTS

INF: Final = math.inf
SCALE: Final = 'command = action · scale + offset, one for all or one each; joint_delta: the step per unit of action'
MAX_VELOCITY: Final[dict[str, Any]] = {
    'description': 'greatest speed of a position from the last one sent, one for all or one each (a pose: along its '
    'path); greatest speed of joint_velocity and of a twist',
    'unit': 'rad/s, m/s',
    'low': 1e-6,
    'absent': INF,
}
MAX_ACCELERATION: Final[dict[str, Any]] = {
    'description': 'joint_*, twist: how fast the commanded speed may change',
    'unit': 'rad/s², m/s²',
    'low': 1e-6,
    'absent': INF,
}
MAX_ANGULAR_VELOCITY: Final[dict[str, Any]] = {
    'description': 'pose_delta: how fast a target may turn; twist: greatest speed',
    'unit': 'rad/s',
    'low': 1e-6,
}
INTEGRATE: Final = (
    'joint_delta, pose_delta: step from the observed position, from the last target sent (target, '
    'PLAI), or leaky: from the last target, but within max_error of the measurement; raw: none or '
    'target. Empty: observed, none'
)
MAX_HOLD_ERROR: Final[dict[str, Any]] = {
    'description': 'fallback hold, and after a pause: greatest distance between measurement and kept command. Empty: '
    'joints 0.1, pose 0.02, gripper 0.01',
    'unit': 'rad, m',
    'low': 1e-9,
    'absent': INF,
}
JOINTS: Final[dict[str, Any]] = {
    'description': 'joint_*, effort, gripper: joints by name, in the order of the action',
    'refers_to': TO_JOINTS,
}


def fallback_value(required: bool = True) -> tuple[float, ...]:
    """Return the field of a constant fallback."""
    return option(
        (),
        'gripper, raw, discrete: the command of fallback value, one number for all or one each',
        required=required,
        per_axis=True,
        absent=INF,
        only_with=('fallback', 'value'),
    )


@dataclass(frozen=True, kw_only=True)
class ActionOptions:
    """The options of a kind; each kind has a subclass with its own."""

    def __post_init__(self) -> None:
        for name, leaf in leaves(type(self)).items():
            if leaf.option.choices and leaf.default == '' and not getattr(self, name):
                object.__setattr__(self, name, leaf.option.choices[0])


@dataclass(frozen=True, kw_only=True)
class FilteredOptions(ActionOptions):
    """The clip before the law, and the filter after it."""

    clip: float = option(INF, 'clip the action to ± this before its law', low=1e-6)
    smoothing: float = option(
        1.0,
        "filter: m · new target + (1 − m) · last target; IsaacGymEnvs' "
        "actionsMovingAverage, alpha of Isaac Lab's EMAJointPositionToLimits; 1: none",
        low=1e-6,
        high=1.0,
    )


@dataclass(frozen=True, kw_only=True)
class ScaleLimitOptions(FilteredOptions):
    """How far scales may change."""

    scale_limit: float = option(
        1.0, 'how many times the scale of this file a scale may become while the policy runs', low=1.0, high=100.0
    )


@dataclass(frozen=True, kw_only=True)
class ScaleOptions(ScaleLimitOptions):
    """A factor on the action."""

    scale: tuple[float, ...] = option((1.0,), SCALE, unit="the command's", per_axis=True, live=True)


@dataclass(frozen=True, kw_only=True)
class BoundOptions(ActionOptions):
    """Bounds of the command."""

    lower: tuple[float, ...] = option(
        (), 'least command: per joint, axis or number, or x, y, z of a pose', unit="the command's", per_axis=True
    )
    upper: tuple[float, ...] = option((), 'greatest command, like lower', unit="the command's", per_axis=True)


@dataclass(frozen=True, kw_only=True)
class OffsetOptions(ScaleOptions):
    """A factor on the action, and an offset."""

    offset: tuple[float, ...] = option((0.0,), 'see scale', unit="the command's", per_axis=True)


@dataclass(frozen=True, kw_only=True)
class TrackingOptions:
    """How far the robot may be from its command."""

    max_tracking_error: tuple[float, ...] = option(
        (),
        'greatest distance between measurement and last command, per joint, or x, y, z; beyond it the robot is '
        'latched on its fallback until ~/resume. Empty: no limit, as tasks in contact need; the diagnostics show the '
        'largest error. Without effect in lockstep',
        unit='rad, m',
        low=1e-9,
        per_axis=True,
        absent=INF,
    )


@dataclass(frozen=True, kw_only=True)
class Tolerances(TrackingOptions):
    """How far the robot may be from its command, and from the command that holds it."""

    max_hold_error: tuple[float, ...] = option((), per_axis=True, **MAX_HOLD_ERROR)


@dataclass(frozen=True, kw_only=True)
class LeakyOptions:
    """The bounds of leaky integration."""

    max_error: tuple[float, ...] = option(
        (),
        'integrate leaky: greatest distance between target and measurement, per joint, or x, y, z',
        unit='rad, m',
        low=1e-9,
        per_axis=True,
        absent=INF,
        only_with=('integrate', 'leaky'),
    )
