# SPDX-License-Identifier: Apache-2.0
"""The force field a fingertip feels: penalty forces on a grid of taxels, as TacSL computes them.

Source: Akinola et al., "TacSL", 2024, section on tactile force fields: a normal force proportional to
the indentation of each taxel, a shear force proportional to its tangential displacement, bounded by
friction. The pads close along the gripper's y axis on a cylinder whose axis is z.
"""

import numpy as np

from rl_policy_node.geometry import Floats
from rl_policy_node.sim.insertion.scene import PEG_RADIUS

SHAPE = (4, 4, 3)  # rows (along z), columns (along x), (normal, shear x, shear z)
NORMAL_STIFFNESS = 350.0  # N/m per taxel, TacSL's compliance_stiffness
SHEAR_STIFFNESS = 80.0  # N/m per taxel: 32 taxels carry the grasp's 2500 N/m
FRICTION = 2.0
INDENTATION = 0.0015  # m, of the cylinder's crown when the grasp is at rest

_HEIGHT = np.linspace(-0.009, 0.009, SHAPE[0])[:, None]
_ACROSS = np.array([-0.00375, -0.00125, 0.00125, 0.00375])[None, :]
_DEPTH = INDENTATION - (PEG_RADIUS - np.sqrt(PEG_RADIUS**2 - _ACROSS**2))


def force_field(displacement: Floats, side: int) -> Floats:
    """Return the field (N, rows, columns, 3), N, of one finger.

    displacement (N, 6): the peg's translation (m) and rotation (rad, small) in the grasp, gripper
    frame. side: +1 for the left pad (at +y), −1 for the right one.
    """
    dx, dy, dz, ax, ay, az = (displacement[:, k, None, None] for k in range(6))
    y = side * PEG_RADIUS
    # first order in the angles: a point r of the peg moves by t + θ × r
    along_x = dx + ay * _HEIGHT - az * y
    along_y = dy + az * _ACROSS - ax * _HEIGHT
    along_z = dz + ax * y - ay * _ACROSS
    normal = NORMAL_STIFFNESS * np.maximum(_DEPTH + side * along_y, 0.0)
    shear = SHEAR_STIFFNESS * np.stack(np.broadcast_arrays(along_x, along_z), axis=-1)
    size = np.sqrt(np.sum(shear * shear, axis=-1))
    held = np.minimum(1.0, FRICTION * normal / np.maximum(size, 1e-12))
    return np.concatenate([normal[..., None], shear * held[..., None]], axis=-1)
