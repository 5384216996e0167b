# SPDX-License-Identifier: Apache-2.0
"""Kinds that represent a rotation as a 6D vector or an angle."""
from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rl_policy_node import geometry
from rl_policy_node.control.arrays import Array, Sources
from rl_policy_node.control.context import Context
from rl_policy_node.control.terms.frames import FRAME_OPTIONS, frame_orientation, orientation, Rotation
from rl_policy_node.control.terms.kind import Kind, Read, Reader, Setting

if TYPE_CHECKING:
    from rl_policy_node.control.terms.term_spec import TermSpec

# Which of the nine numbers of R, row after row, and in which order
SIX = {
    'rows': (0, 1, 2, 3, 4, 5),             # pytorch3d's matrix_to_rotation_6d
    'columns': (0, 3, 6, 1, 4, 7),          # Zhou et al. 2019: the first column, then the second
    'interleaved': (0, 1, 3, 4, 6, 7),      # R[:, :2] row after row: whole_body_tracking, mjlab
    'tangent_normal': (0, 3, 6, 2, 5, 8),   # the x axis, then the z axis: IsaacGymEnvs' AMP, quat_to_tan_norm
}


class Rotation6D(Kind):
    """Six numbers of the rotation matrix R of an orientation, or of q_f⁻¹ ⊗ q where a frame is given.

    six_d says which, in which order: see SIX. The conventions give other numbers for the same rotation.
    """

    description = 'six numbers of the matrix R of an orientation, in the frame where there is one; `six_d`: ' \
                  'columns (Zhou et al. 2019), rows (pytorch3d), interleaved (R[:, :2] row by row: ' \
                  'whole_body_tracking, mjlab), tangent_normal (x axis, z axis: IsaacGymEnvs AMP)'
    options = ('source', 'field', 'elements', 'six_d', *FRAME_OPTIONS)
    required = ('source',)
    shape = (6,)

    @staticmethod
    def reads(spec: TermSpec) -> tuple[Read, ...]:
        return (orientation(spec), *((frame_orientation(spec),) if spec.frame_source else ()))

    def __init__(self, spec: TermSpec, setting: Setting) -> None:
        where = f'terms.{spec.name}'
        self._rotation = Rotation(orientation(spec), where, setting, spec.elements)
        self._frame = None
        if spec.frame_source:
            self._frame = Rotation(frame_orientation(spec), where, setting, yaw_only=spec.yaw_only)
        self._numbers = np.array(SIX[spec.six_d])

    def compute(self, sources: Sources, _context: Context) -> Array:
        quaternion = self._rotation(sources)
        if self._frame is not None:
            quaternion = geometry.multiply(geometry.conjugate(self._frame(sources)), quaternion)
        return geometry.matrix_from_quaternion(quaternion).reshape(-1, 9)[:, self._numbers]


class Yaw(Kind):
    """Yaw of an orientation, (rows, 1), rad in ±π: atan2(2 (w z + x y), 1 − 2 (y² + z²)); Isaac Lab's `yaw_quat`."""

    description = 'atan2(2 (w z + x y), 1 − 2 (y² + z²)), rad in ±π (Isaac Lab: `heading_w`)'
    options = ('source', 'field', 'elements')
    required = ('source',)
    shape = (1,)

    @staticmethod
    def reads(spec: TermSpec) -> tuple[Read, ...]:
        return (orientation(spec),)

    def __init__(self, spec: TermSpec, setting: Setting) -> None:
        self._rotation = Rotation(orientation(spec), f'terms.{spec.name}', setting, spec.elements)

    def compute(self, sources: Sources, _context: Context) -> Array:
        return geometry.yaw_of(self._rotation(sources))[:, np.newaxis]


class HeadingError(Kind):
    """How far to turn, (rows, 1), rad in ±π: target − yaw of the frame; Isaac Lab's heading commands.

    The target is an angle (one number), or the yaw of an orientation (four).
    """

    description = 'target − yaw of the frame, wrapped to ±π, rad (Isaac Lab: `UniformVelocityCommand`); the target ' \
                  'is one number, or the orientation whose yaw counts'
    options = ('source', 'field', 'elements', 'frame_source', 'frame_orientation')
    required = ('source', 'field', 'frame_source')
    shape = (1,)

    @staticmethod
    def reads(spec: TermSpec) -> tuple[Read, ...]:
        return (Read(spec.source, spec.field), frame_orientation(spec))

    def __init__(self, spec: TermSpec, setting: Setting) -> None:
        where = f'terms.{spec.name}'
        self._target: Reader | Rotation = Reader(self.reads(spec)[0], where, setting, spec.elements)
        self._is_angle = int(np.prod(self._target.shape)) == 1
        if not self._is_angle:
            self._target = Rotation(self.reads(spec)[0], where, setting, spec.elements)
        self._frame = Rotation(frame_orientation(spec), where, setting)

    def compute(self, sources: Sources, _context: Context) -> Array:
        target = self._target(sources)
        target = target.reshape(-1) if self._is_angle else geometry.yaw_of(target)
        return geometry.wrap_angle(target - geometry.yaw_of(self._frame(sources)))[:, np.newaxis]
