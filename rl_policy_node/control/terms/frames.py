# SPDX-License-Identifier: Apache-2.0
"""Kinds that express vectors, positions and orientations in another frame. m, rad, quaternions x, y, z, w.

A frame is a pose: `frame_orientation` (and `frame_position`) of `frame_source`, in the same world as the target;
`yaw_only` keeps of its rotation the turn about z.
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from rl_policy_node import geometry
from rl_policy_node.control.arrays import Array, Floats, Sources
from rl_policy_node.control.context import Context
from rl_policy_node.control.terms import quaternions
from rl_policy_node.control.terms.kind import Kind, Read, Reader, Setting

if TYPE_CHECKING:
    from rl_policy_node.control.terms.term_spec import TermSpec

AXES = ('frame', 'world')
FRAME_OPTIONS = ('frame_source', 'frame_orientation', 'yaw_only')


def orientation(spec: TermSpec) -> Read:
    return Read(spec.source, spec.field or 'orientation', shape=None if spec.elements else (4,))


def frame_orientation(spec: TermSpec) -> Read:
    return Read(spec.frame_source or spec.source, spec.frame_orientation, shape=(4,))


def frame_position(spec: TermSpec) -> Read:
    return Read(spec.frame_source, spec.frame_position, shape=(3,))


class Rotation:
    """Reads unit quaternions (rows, 4) xyzw, float64; with yaw_only their turn about z."""

    def __init__(self, read: Read, where: str, setting: Setting, elements: Sequence[int] = (),
                 yaw_only: bool = False) -> None:
        self._reader, self._yaw_only = Reader(read, where, setting, elements, wanted=4), yaw_only

    def __call__(self, sources: Sources) -> Floats:
        quaternion = geometry.normalize_quaternion(self._reader(sources))
        return geometry.yaw_quaternion(quaternion) if self._yaw_only else quaternion


class ProjectedGravity(Kind):
    """Gravity's direction g = (0, 0, −1) seen from the base of orientation q: R(q)ᵀ g; (rows, 3), unit length.

    Isaac Lab's `projected_gravity_b`. With inverse: false R(q) g, as IsaacGymEnvs' Anymal has it: it turns
    with the heading.
    """

    description = "R(q)ᵀ (0, 0, −1), gravity's direction in the frame of an orientation (Isaac Lab: " \
                  '`projected_gravity`); with `inverse: false` R(q) (0, 0, −1) (IsaacGymEnvs: Anymal)'
    options = ('source', 'field', 'elements', 'inverse')
    required = ('source',)
    shape = (3,)

    @staticmethod
    def reads(spec: TermSpec) -> tuple[Read, ...]:
        return (orientation(spec),)

    def __init__(self, spec: TermSpec, setting: Setting) -> None:
        self._rotation = Rotation(orientation(spec), f'terms.{spec.name}', setting, spec.elements)
        # R(q)ᵀ is R of the inverse, whose w has the other sign
        self._sign = -1.0 if spec.inverse else 1.0

    def compute(self, sources: Sources, _context: Context) -> Array:
        x, y, z, w = self._rotation(sources).T
        w = w * self._sign
        # minus the third column of R(q)
        return np.stack([-2 * (x * z + w * y), -2 * (y * z - w * x), 2 * (x * x + y * y) - 1], axis=-1)


class Rotate(Kind):
    """Vectors v (rows, 3 or any multiple) seen from a frame of orientation q: R(q)ᵀ v.

    Isaac Lab's `base_lin_vel` of a twist in the world's frame. With inverse: false R(q) v.
    """

    description = 'R(q)ᵀ v, vectors turned into a frame of orientation q (Isaac Lab: `base_lin_vel`, ' \
                  '`base_ang_vel`); with `inverse: false` R(q) v'
    options = ('source', 'field', 'elements', 'inverse', *FRAME_OPTIONS)
    required = ('source', 'field')

    @staticmethod
    def reads(spec: TermSpec) -> tuple[Read, ...]:
        return (Read(spec.source, spec.field), frame_orientation(spec))

    def __init__(self, spec: TermSpec, setting: Setting) -> None:
        where = f'terms.{spec.name}'
        self._vectors = Reader(self.reads(spec)[0], where, setting, spec.elements, wanted=-3)
        self._frame = Rotation(frame_orientation(spec), where, setting, yaw_only=spec.yaw_only)
        self._turn = geometry.rotate_inverse if spec.inverse else geometry.rotate
        self.shape = self._vectors.shape

    def compute(self, sources: Sources, _context: Context) -> Array:
        vectors = self._vectors(sources)
        turned = self._turn(self._frame(sources)[:, np.newaxis], vectors.reshape(len(vectors), -1, 3))
        return turned.reshape(vectors.shape)


class RelativePosition(Kind):
    """Points p_t (rows, 3 or any multiple) in a frame at p_f of orientation q_f: R(q_f)ᵀ (p_t − p_f), m.

    Isaac Lab's `subtract_frame_transforms`. With axes: world p_t − p_f.
    """

    description = 'R(q_f)ᵀ (p_t − p_f), points in a frame (Isaac Lab: `subtract_frame_transforms`); with ' \
                  '`axes: world` p_t − p_f'
    options = ('source', 'field', 'elements', 'axes', 'frame_position', *FRAME_OPTIONS)
    required = ('source', 'frame_source')

    @staticmethod
    def reads(spec: TermSpec) -> tuple[Read, ...]:
        points = Read(spec.source, spec.field or 'position')
        turn = () if spec.axes == 'world' else (frame_orientation(spec),)
        return (points, frame_position(spec), *turn)

    def __init__(self, spec: TermSpec, setting: Setting) -> None:
        where = f'terms.{spec.name}'
        self._points = Reader(self.reads(spec)[0], where, setting, spec.elements, wanted=-3)
        self._origin = Reader(frame_position(spec), where, setting, wanted=3)
        self._frame = None
        if spec.axes == 'frame':
            self._frame = Rotation(frame_orientation(spec), where, setting, yaw_only=spec.yaw_only)
        self.shape = self._points.shape

    def compute(self, sources: Sources, _context: Context) -> Array:
        points = self._points(sources)
        away: Floats = points.reshape(len(points), -1, 3).astype(np.float64) - self._origin(sources).reshape(-1, 1, 3)
        if self._frame is not None:
            away = geometry.rotate_inverse(self._frame(sources)[:, np.newaxis], away)
        return away.reshape(points.shape)


class RelativeOrientation(Kind):
    """Rotation from a frame of orientation q_f to q_t: q_f⁻¹ ⊗ q_t, (rows, 4) in the trained form.

    Isaac Lab's `subtract_frame_transforms`. With axes: world q_t ⊗ q_f⁻¹, as IsaacGymEnvs' hands see object
    and goal.
    """

    description = 'q_f⁻¹ ⊗ q_t (Isaac Lab: `subtract_frame_transforms`); with `axes: world` q_t ⊗ q_f⁻¹ ' \
                  '(IsaacGymEnvs: object and goal of the hands)'
    options = ('source', 'orientation', 'axes', *FRAME_OPTIONS, *quaternions.OPTIONS)
    required = ('source', 'frame_source')
    shape = (4,)

    @staticmethod
    def reads(spec: TermSpec) -> tuple[Read, ...]:
        return (Read(spec.source, spec.orientation, shape=(4,)), frame_orientation(spec))

    def __init__(self, spec: TermSpec, setting: Setting) -> None:
        where = f'terms.{spec.name}'
        self._target = Rotation(self.reads(spec)[0], where, setting)
        self._frame = Rotation(frame_orientation(spec), where, setting, yaw_only=spec.yaw_only)
        self._form, self._world = quaternions.QuaternionForm(spec), spec.axes == 'world'

    def compute(self, sources: Sources, _context: Context) -> Array:
        target, back = self._target(sources), geometry.conjugate(self._frame(sources))
        return self._form(geometry.multiply(target, back) if self._world else geometry.multiply(back, target))


class RelativePose(Kind):
    """A target's position, then its orientation in a frame: `relative_position`, `relative_orientation`; (rows, 7).

    The frame's own axes: Isaac Lab's `subtract_frame_transforms`.
    """

    description = 'R(q_f)ᵀ (p_t − p_f), then q_f⁻¹ ⊗ q_t, 7 numbers (Isaac Lab: `subtract_frame_transforms`)'
    options = ('source', 'field', 'orientation', 'axes', 'frame_position', *FRAME_OPTIONS, *quaternions.OPTIONS)
    required = ('source', 'frame_source')
    shape = (7,)

    @staticmethod
    def reads(spec: TermSpec) -> tuple[Read, ...]:
        return tuple(dict.fromkeys(RelativePosition.reads(spec) + RelativeOrientation.reads(spec)))

    def __init__(self, spec: TermSpec, setting: Setting) -> None:
        self._position, self._orientation = RelativePosition(spec, setting), RelativeOrientation(spec, setting)
        Reader(RelativePosition.reads(spec)[0], f'terms.{spec.name}', setting, wanted=3)

    def compute(self, sources: Sources, context: Context) -> Array:
        return np.concatenate([self._position.compute(sources, context),
                               self._orientation.compute(sources, context)], axis=-1)
