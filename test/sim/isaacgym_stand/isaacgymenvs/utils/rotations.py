# SPDX-License-Identifier: Apache-2.0
"""Rotations by quaternions, x y z w, rows first."""

import torch


def turned(quaternion, vector):
    """Return vectors (rows, 3) turned by quaternions (rows, 4)."""
    axis, w = quaternion[:, :3], quaternion[:, 3:]
    once = torch.cross(axis, vector, dim=1)
    return vector + 2.0 * (w * once + torch.cross(axis, once, dim=1))


def inverse(quaternion):
    """Return the quaternions of the opposite rotations."""
    return torch.cat([-quaternion[:, :3], quaternion[:, 3:]], dim=1)


def product(left, right):
    """Return left * right."""
    a, b, s, t = left[:, :3], right[:, :3], left[:, 3:], right[:, 3:]
    return torch.cat([s * b + t * a + torch.cross(a, b, dim=1), s * t - (a * b).sum(1, keepdim=True)], dim=1)


def rotation(vector):
    """Return the quaternions of small rotations (rows, 3), rad about each axis."""
    return normalised(torch.cat([0.5 * vector, torch.ones_like(vector[:, :1])], dim=1))


def normalised(quaternion):
    """Return quaternions of length 1."""
    return quaternion / quaternion.norm(dim=1, keepdim=True)
