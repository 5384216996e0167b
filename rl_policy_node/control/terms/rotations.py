# SPDX-License-Identifier: Apache-2.0
"""Kinds that represent a rotation as a 6D vector or an angle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rl_policy_node import geometry
from rl_policy_node.control.arrays import Array, Sources
from rl_policy_node.control.context import Context
from rl_policy_node.control.terms.frames import frame_orientation, orientation, Rotation
from rl_policy_node.control.terms.kind import Kind, Reader, Setting
from rl_policy_node.control.terms.term_options import (
    FIELD,
    FRAME_SOURCE,
    FrameOptions,
    PlaceOptions,
    Read,
    SourceOptions,
)
from rl_policy_node.options import option

# Indices into the nine numbers of R, row after row
SIX = {
    'rows': (0, 1, 2, 3, 4, 5),  # pytorch3d's matrix_to_rotation_6d
    'columns': (0, 3, 6, 1, 4, 7),  # Zhou et al. 2019: the first column, then the second
    'interleaved': (0, 1, 3, 4, 6, 7),  # R[:, :2] row after row: whole_body_tracking, mjlab
    'tangent_normal': (0, 3, 6, 2, 5, 8),  # the x axis, then the z axis: IsaacGymEnvs' AMP, quat_to_tan_norm
}


@dataclass(frozen=True, kw_only=True)
class Rotation6DOptions(FrameOptions, SourceOptions):
    """The orientation, the frame if any, and the choice of numbers of the matrix."""

    six_d: str = option('columns', 'rotation_6d: which numbers of the matrix, in which order', choices=tuple(SIX))

    def reads(self) -> tuple[Read, ...]:
        return (orientation(self), *((frame_orientation(self),) if self.frame_source else ()))


class Rotation6D(Kind[Rotation6DOptions]):
    """Six numbers of the rotation matrix R of an orientation, or of q_f⁻¹ ⊗ q if a frame is given.

    six_d chooses the numbers and their order: see SIX. The conventions differ for the same rotation.
    """

    option_class = Rotation6DOptions
    description = (
        'six numbers of the matrix R of an orientation, in the frame where there is one; `six_d`: '
        'columns (Zhou et al. 2019), rows (pytorch3d), interleaved (R[:, :2] row by row: '
        'whole_body_tracking, mjlab), tangent_normal (x axis, z axis: IsaacGymEnvs AMP)'
    )
    shape = (6,)

    def __init__(self, options: Rotation6DOptions, setting: Setting, where: str) -> None:
        self._rotation = Rotation(orientation(options), where, setting, options.elements)
        self._frame = None
        if options.frame_source:
            self._frame = Rotation(frame_orientation(options), where, setting, yaw_only=options.yaw_only)
        self._numbers = np.array(SIX[options.six_d])

    def compute(self, sources: Sources, _context: Context) -> Array:
        quaternion = self._rotation(sources)
        if self._frame is not None:
            quaternion = geometry.multiply(geometry.conjugate(self._frame(sources)), quaternion)
        return geometry.matrix_from_quaternion(quaternion).reshape(-1, 9)[:, self._numbers]


@dataclass(frozen=True, kw_only=True)
class YawOptions(SourceOptions):
    """The orientation."""

    def reads(self) -> tuple[Read, ...]:
        return (orientation(self),)


class Yaw(Kind[YawOptions]):
    """Yaw of an orientation, (rows, 1), rad in ±π: atan2(2 (w z + x y), 1 − 2 (y² + z²)); Isaac Lab's `yaw_quat`."""

    option_class = YawOptions
    description = 'atan2(2 (w z + x y), 1 − 2 (y² + z²)), rad in ±π (Isaac Lab: `heading_w`)'
    shape = (1,)

    def __init__(self, options: YawOptions, setting: Setting, where: str) -> None:
        self._rotation = Rotation(orientation(options), where, setting, options.elements)

    def compute(self, sources: Sources, _context: Context) -> Array:
        return geometry.yaw_of(self._rotation(sources))[:, np.newaxis]


@dataclass(frozen=True, kw_only=True)
class HeadingErrorOptions(PlaceOptions, SourceOptions):
    """The target and the frame."""

    field: str = option('', FIELD, required=True)
    frame_source: str = option('', FRAME_SOURCE, required=True)

    def reads(self) -> tuple[Read, ...]:
        return (Read(self.source, self.field), frame_orientation(self))


class HeadingError(Kind[HeadingErrorOptions]):
    """Angle still to turn, (rows, 1), rad in ±π: target − yaw of the frame; Isaac Lab's heading commands.

    The target is an angle (one number), or the yaw of an orientation (four).
    """

    option_class = HeadingErrorOptions
    description = (
        'target − yaw of the frame, wrapped to ±π, rad (Isaac Lab: `UniformVelocityCommand`); the target '
        'is one number, or the orientation whose yaw counts'
    )
    shape = (1,)

    def __init__(self, options: HeadingErrorOptions, setting: Setting, where: str) -> None:
        self._target: Reader | Rotation = Reader(options.reads()[0], where, setting, options.elements)
        self._is_angle = int(np.prod(self._target.shape)) == 1
        if not self._is_angle:
            self._target = Rotation(options.reads()[0], where, setting, options.elements)
        self._frame = Rotation(frame_orientation(options), where, setting)

    def compute(self, sources: Sources, _context: Context) -> Array:
        target = self._target(sources)
        target = target.reshape(-1) if self._is_angle else geometry.yaw_of(target)
        return geometry.wrap_angle(target - geometry.yaw_of(self._frame(sources)))[:, np.newaxis]
