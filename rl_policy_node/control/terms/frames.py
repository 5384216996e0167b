# SPDX-License-Identifier: Apache-2.0
"""Kinds that express vectors, positions and orientations in another frame. m, rad, quaternions x, y, z, w.

A frame is a pose: `frame_orientation` (and `frame_position`) of `frame_source`, in the same world as the target;
`yaw_only` keeps only its rotation about z.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rl_policy_node import geometry
from rl_policy_node.control.arrays import Array, Floats, Sources
from rl_policy_node.control.context import Context
from rl_policy_node.control.terms.kind import Kind, Reader, Setting
from rl_policy_node.control.terms.quaternions import QuaternionForm, QuaternionOptions
from rl_policy_node.control.terms.term_options import (
    FIELD,
    FRAME_SOURCE,
    FrameOptions,
    OneSourceOptions,
    PlaceOptions,
    Read,
    SourceOptions,
)
from rl_policy_node.options import group, option

AXES = ('frame', 'world')
_AXES = 'relative_*: axes that the result is in'
_TURN = 'projected_gravity, rotate: turn into the frame, by the inverse of its orientation; false: by the orientation'


def orientation(options: SourceOptions) -> Read:
    """Return the Read of an orientation."""
    return Read(options.source, options.field or 'orientation', shape=None if options.elements else (4,))


def frame_orientation(options: PlaceOptions, otherwise: str = '') -> Read:
    """Return the Read of a frame's orientation. otherwise: its source if the options name none."""
    return Read(options.frame_source or otherwise, options.frame_orientation, shape=(4,))


class Rotation:
    """Reads unit quaternions (rows, 4) xyzw, float64; with yaw_only only their rotation about z."""

    def __init__(
        self, read: Read, where: str, setting: Setting, elements: Sequence[int] = (), yaw_only: bool = False
    ) -> None:
        self._reader, self._yaw_only = Reader(read, where, setting, elements, wanted=4), yaw_only

    def __call__(self, sources: Sources) -> Floats:
        quaternion = geometry.normalize_quaternion(self._reader(sources))
        return geometry.yaw_quaternion(quaternion) if self._yaw_only else quaternion


@dataclass(frozen=True, kw_only=True)
class GravityOptions(SourceOptions):
    """The orientation, and the direction of its rotation."""

    inverse: bool = option(True, _TURN)

    def reads(self) -> tuple[Read, ...]:
        return (orientation(self),)


class ProjectedGravity(Kind[GravityOptions]):
    """Gravity's direction g = (0, 0, −1) seen from the base of orientation q: R(q)ᵀ g; (rows, 3), unit length.

    Isaac Lab's `projected_gravity_b`. With inverse: false R(q) g, as in IsaacGymEnvs' Anymal, which depends on
    the heading.
    """

    option_class = GravityOptions
    description = (
        "R(q)ᵀ (0, 0, −1), gravity's direction in the frame of an orientation (Isaac Lab: "
        '`projected_gravity`); with `inverse: false` R(q) (0, 0, −1) (IsaacGymEnvs: Anymal)'
    )
    shape = (3,)

    def __init__(self, options: GravityOptions, setting: Setting, where: str) -> None:
        self._rotation = Rotation(orientation(options), where, setting, options.elements)
        # R(q)ᵀ is R of the inverse, whose w has the other sign
        self._sign = -1.0 if options.inverse else 1.0

    def compute(self, sources: Sources, _context: Context) -> Array:
        x, y, z, w = self._rotation(sources).T
        w = w * self._sign
        # minus the third column of R(q)
        return np.stack([-2 * (x * z + w * y), -2 * (y * z - w * x), 2 * (x * x + y * y) - 1], axis=-1)


@dataclass(frozen=True, kw_only=True)
class RotateOptions(FrameOptions, SourceOptions):
    """The vectors, the frame, and the direction of its rotation."""

    field: str = option('', FIELD, required=True)
    inverse: bool = option(True, _TURN)

    def reads(self) -> tuple[Read, ...]:
        return (Read(self.source, self.field), self.frame())

    def frame(self) -> Read:
        """Return the Read of the frame's orientation, by default of the vectors' source."""
        return frame_orientation(self, self.source)


class Rotate(Kind[RotateOptions]):
    """Vectors v (rows, 3 or any multiple) seen from a frame of orientation q: R(q)ᵀ v.

    Isaac Lab's `base_lin_vel` of a twist in the world's frame. With inverse: false R(q) v.
    """

    option_class = RotateOptions
    description = (
        'R(q)ᵀ v, vectors turned into a frame of orientation q (Isaac Lab: `base_lin_vel`, '
        '`base_ang_vel`); with `inverse: false` R(q) v'
    )

    def __init__(self, options: RotateOptions, setting: Setting, where: str) -> None:
        self._vectors = Reader(options.reads()[0], where, setting, options.elements, wanted=-3)
        self._frame = Rotation(options.frame(), where, setting, yaw_only=options.yaw_only)
        self._turn = geometry.rotate_inverse if options.inverse else geometry.rotate
        self.shape = self._vectors.shape

    def compute(self, sources: Sources, _context: Context) -> Array:
        vectors = self._vectors(sources)
        turned = self._turn(self._frame(sources)[:, np.newaxis], vectors.reshape(len(vectors), -1, 3))
        return turned.reshape(vectors.shape)


@dataclass(frozen=True, kw_only=True)
class RelativePositionOptions(FrameOptions, SourceOptions):
    """The points and the frame."""

    axes: str = option('frame', _AXES, choices=AXES)
    frame_source: str = option('', FRAME_SOURCE, required=True)
    frame_position: str = option('position', "field of the frame's position")

    def reads(self) -> tuple[Read, ...]:
        turn = () if self.axes == 'world' else (frame_orientation(self),)
        return (self.points(), self.origin(), *turn)

    def points(self) -> Read:
        """Return the Read of the points."""
        return Read(self.source, self.field or 'position')

    def origin(self) -> Read:
        """Return the Read of the frame's origin."""
        return Read(self.frame_source, self.frame_position, shape=(3,))


class RelativePosition(Kind[RelativePositionOptions]):
    """Points p_t (rows, 3 or any multiple) in a frame at p_f of orientation q_f: R(q_f)ᵀ (p_t − p_f), m.

    Isaac Lab's `subtract_frame_transforms`. With axes: world p_t − p_f.
    """

    option_class = RelativePositionOptions
    description = (
        'R(q_f)ᵀ (p_t − p_f), points in a frame (Isaac Lab: `subtract_frame_transforms`); with `axes: world` p_t − p_f'
    )

    def __init__(self, options: RelativePositionOptions, setting: Setting, where: str) -> None:
        self._points = Reader(options.reads()[0], where, setting, options.elements, wanted=-3)
        self._origin = Reader(options.origin(), where, setting, wanted=3)
        self._frame = None
        if options.axes == 'frame':
            self._frame = Rotation(frame_orientation(options), where, setting, yaw_only=options.yaw_only)
        self.shape = self._points.shape

    def compute(self, sources: Sources, _context: Context) -> Array:
        points = self._points(sources)
        away: Floats = points.reshape(len(points), -1, 3).astype(np.float64) - self._origin(sources).reshape(-1, 1, 3)
        if self._frame is not None:
            away = geometry.rotate_inverse(self._frame(sources)[:, np.newaxis], away)
        return away.reshape(points.shape)


@dataclass(frozen=True, kw_only=True)
class RelativeOrientationOptions(FrameOptions, OneSourceOptions):
    """The target, the frame, and the form of the result."""

    orientation: str = option('orientation', 'relative_orientation, relative_pose: field of the target')
    axes: str = option('frame', _AXES, choices=AXES)
    frame_source: str = option('', FRAME_SOURCE, required=True)
    form: QuaternionOptions = group(QuaternionOptions)

    def reads(self) -> tuple[Read, ...]:
        return (self.target(), frame_orientation(self))

    def target(self) -> Read:
        """Return the Read of the target's orientation."""
        return Read(self.source, self.orientation, shape=(4,))


class RelativeOrientation(Kind[RelativeOrientationOptions]):
    """Rotation from a frame of orientation q_f to q_t: q_f⁻¹ ⊗ q_t, (rows, 4) in the trained form.

    Isaac Lab's `subtract_frame_transforms`. With axes: world q_t ⊗ q_f⁻¹, as in IsaacGymEnvs' hands for object
    and goal.
    """

    option_class = RelativeOrientationOptions
    description = (
        'q_f⁻¹ ⊗ q_t (Isaac Lab: `subtract_frame_transforms`); with `axes: world` q_t ⊗ q_f⁻¹ '
        '(IsaacGymEnvs: object and goal of the hands)'
    )
    shape = (4,)

    def __init__(self, options: RelativeOrientationOptions, setting: Setting, where: str) -> None:
        self._target = Rotation(options.target(), where, setting)
        self._frame = Rotation(frame_orientation(options), where, setting, yaw_only=options.yaw_only)
        self._form, self._world = QuaternionForm(options.form), options.axes == 'world'

    def compute(self, sources: Sources, _context: Context) -> Array:
        target, back = self._target(sources), geometry.conjugate(self._frame(sources))
        return self._form(geometry.multiply(target, back) if self._world else geometry.multiply(back, target))


@dataclass(frozen=True, kw_only=True)
class RelativePoseOptions(RelativeOrientationOptions):
    """The target, the frame, and the form of the result."""

    field: str = option('', FIELD)
    frame_position: str = option('position', "field of the frame's position")

    def reads(self) -> tuple[Read, ...]:
        return tuple(dict.fromkeys(self.of_position().reads() + super().reads()))

    def of_position(self) -> RelativePositionOptions:
        """Return the options of its first three numbers."""
        return RelativePositionOptions(
            source=self.source,
            field=self.field,
            axes=self.axes,
            frame_source=self.frame_source,
            frame_position=self.frame_position,
            frame_orientation=self.frame_orientation,
            yaw_only=self.yaw_only,
        )


class RelativePose(Kind[RelativePoseOptions]):
    """A target's position, then its orientation in a frame: `relative_position`, `relative_orientation`; (rows, 7).

    The frame's own axes: Isaac Lab's `subtract_frame_transforms`.
    """

    option_class = RelativePoseOptions
    description = 'R(q_f)ᵀ (p_t − p_f), then q_f⁻¹ ⊗ q_t, 7 numbers (Isaac Lab: `subtract_frame_transforms`)'
    shape = (7,)

    def __init__(self, options: RelativePoseOptions, setting: Setting, where: str) -> None:
        position = options.of_position()
        self._position = RelativePosition(position, setting, where)
        self._orientation = RelativeOrientation(options, setting, where)
        Reader(position.points(), where, setting, wanted=3)

    def compute(self, sources: Sources, context: Context) -> Array:
        return np.concatenate(
            [self._position.compute(sources, context), self._orientation.compute(sources, context)], axis=-1
        )
