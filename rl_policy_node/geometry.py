# SPDX-License-Identifier: Apache-2.0
"""Rotations, and the pose-delta law of TacSL.

Quaternions are x, y, z, w throughout, arrays are batched over the first axis, and everything is
computed in float64, so that no precision is lost where commands pass through ROS.
"""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

# float32 or float64
Floats: TypeAlias = NDArray[np.floating[Any]]

IDENTITY_XYZW = np.array([0.0, 0.0, 0.0, 1.0])
_NEXT, _AFTER = np.array([1, 2, 0]), np.array([2, 0, 1])


def normalize_quaternion(quaternion: Floats) -> Floats:
    """Return unit quaternions, (N, 4) xyzw, float64."""
    quaternion = np.asarray(quaternion, dtype=np.float64)
    unit: Floats = quaternion / np.sqrt(np.sum(quaternion * quaternion, axis=-1, keepdims=True))
    return unit


def conjugate(quaternion: Floats) -> Floats:
    """Return the inverse rotation of unit quaternions, (N, 4) xyzw."""
    inverse: Floats = quaternion * np.array([-1.0, -1.0, -1.0, 1.0])
    return inverse


def multiply(left: Floats, right: Floats) -> Floats:
    """Return the Hamilton product left ⊗ right, (N, 4) xyzw: rotate by `right`, then by `left`."""
    lx, ly, lz, lw = np.moveaxis(left, -1, 0)
    rx, ry, rz, rw = np.moveaxis(right, -1, 0)
    return np.stack(
        [
            lw * rx + lx * rw + ly * rz - lz * ry,
            lw * ry - lx * rz + ly * rw + lz * rx,
            lw * rz + lx * ry - ly * rx + lz * rw,
            lw * rw - lx * rx - ly * ry - lz * rz,
        ],
        axis=-1,
    )


def quaternion_from_rotation_vector(vector: Floats, threshold: float = 0.0) -> Floats:
    """Return the rotation of `vector` ((N, 3), axis times angle, rad) as (N, 4) xyzw.

    Angles not above `threshold` (rad) give the identity, as TacSL's `clamp_rot_thresh` does.
    """
    vector = np.asarray(vector, dtype=np.float64)
    angle = np.sqrt(np.sum(vector * vector, axis=-1, keepdims=True))
    turned = angle > threshold
    axis = vector / np.where(turned, angle, 1.0)
    quaternion = np.concatenate([axis * np.sin(angle / 2), np.cos(angle / 2)], axis=-1)
    return np.where(turned, quaternion, IDENTITY_XYZW)


def rotation_vector_from_quaternion(quaternion: Floats) -> Floats:
    """Return the rotation vector ((N, 3), rad, angle in [0, π]) of unit quaternions (N, 4) xyzw."""
    quaternion = np.where(quaternion[..., 3:] < 0, -quaternion, quaternion)
    sine = np.sqrt(np.sum(quaternion[..., :3] ** 2, axis=-1, keepdims=True))
    angle = 2 * np.arctan2(sine, quaternion[..., 3:])
    # sin(angle / 2) ~ angle / 2: the ratio tends to 2 where the sine vanishes
    ratio: Floats = np.where(sine > 1e-300, angle / np.where(sine > 1e-300, sine, 1.0), 2.0)
    return quaternion[..., :3] * ratio


def matrix_from_quaternion(quaternion: Floats) -> Floats:
    """Return rotation matrices (N, 3, 3) of unit quaternions (N, 4) xyzw."""
    x, y, z, w = np.moveaxis(quaternion, -1, 0)
    matrix: Floats = np.stack(
        [
            1 - 2 * (y * y + z * z),
            2 * (x * y - w * z),
            2 * (x * z + w * y),
            2 * (x * y + w * z),
            1 - 2 * (x * x + z * z),
            2 * (y * z - w * x),
            2 * (x * z - w * y),
            2 * (y * z + w * x),
            1 - 2 * (x * x + y * y),
        ],
        axis=-1,
    )
    return matrix.reshape(quaternion.shape[:-1] + (3, 3))


def slerp(start: Floats, end: Floats, ratio: float | Floats) -> Floats:
    """Return the rotations `ratio` (a number or (N, 1), 0 to 1) of the short way from one to another, (N, 4) xyzw."""
    turn = rotation_vector_from_quaternion(multiply(end, conjugate(start)))
    return multiply(quaternion_from_rotation_vector(turn * ratio), start)


def angle_between(left: Floats, right: Floats) -> Floats:
    """Return the angle (N,), rad, between the rotations of two unit quaternions (N, 4) xyzw."""
    angle: Floats = np.linalg.norm(rotation_vector_from_quaternion(multiply(right, conjugate(left))), axis=-1)
    return angle


def apply_pose_delta(
    position: Floats,
    quaternion: Floats,
    action: Floats,
    position_scale: float | Floats,
    rotation_scale: float | Floats,
    threshold: float,
) -> tuple[Floats, Floats]:
    """Return the target pose of TacSL's six-number action.

    Source: IsaacGymEnvs, branch tacsl, `_apply_actions_as_ctrl_targets`.
    position (N, 3) m and quaternion (N, 4) xyzw: the observed pose. action (N, 6) in ±1.
    Target position = position + action[0:3] · position_scale (m);
    target rotation = q(action[3:6] · rotation_scale (rad)) ⊗ quaternion, the turn left out where its
    angle is not above `threshold` (rad).
    Returns position (N, 3) and unit quaternion (N, 4), float64.
    """
    action = np.asarray(action, dtype=np.float64)
    target = np.asarray(position, dtype=np.float64) + action[:, 0:3] * position_scale
    turn = quaternion_from_rotation_vector(action[:, 3:6] * rotation_scale, threshold)
    return target, multiply(turn, normalize_quaternion(quaternion))


def pose_delta_between(
    position: Floats,
    quaternion: Floats,
    target_position: Floats,
    target_quaternion: Floats,
    position_scale: float | Floats,
    rotation_scale: float | Floats,
) -> NDArray[np.float32]:
    """Return the action (N, 6), float32, that `apply_pose_delta` turns into the given target.

    Within a metre of the origin the inverse is exact to the float32 bit for components above 3e-7; below,
    a sum with the pose has already rounded the rest away, and the target differs by about 1e-16. Of a turn
    up to the threshold nothing was commanded, and nothing comes back.
    """
    moved = (target_position - np.asarray(position, dtype=np.float64)) / position_scale
    turn = multiply(normalize_quaternion(target_quaternion), conjugate(normalize_quaternion(quaternion)))
    turned = rotation_vector_from_quaternion(turn) / rotation_scale
    action: Floats = np.concatenate([moved, turned], axis=-1)
    return action.astype(np.float32)


def rotate(quaternion: Floats, vector: Floats) -> Floats:
    """Return vectors (..., 3) turned by unit quaternions (..., 4) xyzw: R(q) v, v + 2 w (q × v) + 2 q × (q × v)."""
    axis, w = quaternion[..., :3], quaternion[..., 3:]
    twice = 2.0 * _cross(axis, vector)
    return vector + w * twice + _cross(axis, twice)


def rotate_inverse(quaternion: Floats, vector: Floats) -> Floats:
    """Return vectors (..., 3) turned by the inverse of unit quaternions (..., 4) xyzw: from outside into its frame."""
    return rotate(conjugate(quaternion), vector)


def _cross(left: Floats, right: Floats) -> Floats:
    # numpy's own takes three times as long for a few rows
    return left[..., _NEXT] * right[..., _AFTER] - left[..., _AFTER] * right[..., _NEXT]


def yaw_of(quaternion: Floats) -> Floats:
    """Return the yaw (...,), rad in ±π: the angle about z of the last turn of z-y-x Euler angles; (..., 4) xyzw."""
    x, y, z, w = np.moveaxis(quaternion, -1, 0)
    yaw: Floats = np.arctan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z))
    return yaw


def yaw_quaternion(quaternion: Floats) -> Floats:
    """Return the rotation about z alone (..., 4) xyzw that has the yaw of `quaternion`."""
    half = yaw_of(quaternion) / 2
    zero = np.zeros_like(half)
    return np.stack([zero, zero, np.sin(half), np.cos(half)], axis=-1)


def wrap_angle(angle: Floats) -> Floats:
    """Return the same angle in (−π, π], rad."""
    return np.pi - (np.pi - angle) % (2 * np.pi)
