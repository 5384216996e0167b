# SPDX-License-Identifier: Apache-2.0
"""The raw state of the insertion: what the drivers of the arm, of its fingers and of a camera would measure."""

from typing import Final

import numpy as np

from rl_policy_node import geometry
from rl_policy_node.geometry import Floats
from rl_policy_node.sim.insertion import scene, tactile

# the gripper's frame is the middle between its fingertips, the socket's its mouth, the peg's its tip; the estimate is
# what a camera takes for the socket
BODIES: Final = ('gripper', 'socket', 'socket_estimate', 'peg')
TACTILE: Final = {'tactile_left': +1, 'tactile_right': -1}
DOWN_XYZW = np.array([1.0, 0.0, 0.0, 0.0])  # the gripper points down: z of its frame is −z of the world


def described(rate: float) -> dict[str, object]:
    """Return the scene. rate: Hz."""
    field = {'kind': 'array', 'shape': list(tactile.SHAPE), 'dtype': '<f8'}
    return {
        'bodies': list(BODIES),
        'sensors': dict.fromkeys(TACTILE, field),
        'actions': [{'name': 'pose', 'kind': 'other', 'size': 6}],
        'rate': rate,
    }


def raw_arrays(state: Floats, socket: Floats, seen_socket: Floats) -> dict[str, Floats]:
    """Return the raw state, name → (N, …).

    state (N, 24): qpos and qvel of gripper and peg in the socket's frame, m, rad; socket, seen_socket (N, 3): where it
    is and where it is seen, m, in the robot's base frame, the world of a row.
    """
    gripper, peg = hinges(state[:, 3:6]), hinges(state[:, 9:12])
    turning = _hinge_rates(state[:, 3:6], state[:, 15:18])
    turning_in_grasp = _hinge_rates(state[:, 9:12], state[:, 21:])
    # from the middle between the fingertips to the peg's tip, in the gripper's axes
    tip = geometry.rotate(peg, np.array([0.0, 0.0, -scene.TIP]))
    held = state[:, 6:9] + tip
    moving = state[:, 18:21] + np.cross(turning_in_grasp, tip)
    away = geometry.rotate(gripper, held)
    upright, rest = np.tile(geometry.IDENTITY_XYZW, (len(state), 1)), np.zeros((len(state), 6))
    bodies = {
        'gripper': (state[:, 0:3] + socket, geometry.multiply(gripper, DOWN_XYZW), state[:, 12:15], turning),
        'socket': (socket, upright, rest),
        'socket_estimate': (seen_socket, upright, rest),
        'peg': (
            state[:, 0:3] + away + socket,
            geometry.multiply(gripper, peg),
            state[:, 12:15] + np.cross(turning, away) + geometry.rotate(gripper, moving),
            turning + geometry.rotate(gripper, turning_in_grasp),
        ),
    }
    raw: dict[str, Floats] = {
        f'sensors/{name}': tactile.force_field(state[:, 6:12], side) for name, side in TACTILE.items()
    }
    return {'bodies': np.stack([np.concatenate(bodies[name], axis=1) for name in BODIES], axis=1), **raw}


def hinges(angles: Floats) -> Floats:
    """Return the rotation (N, 4) xyzw of three hinges in series, rad: Rx(a) Ry(b) Rz(c)."""
    half = angles / 2
    sine, cosine, zero = np.sin(half), np.cos(half), np.zeros(len(angles))
    qx = np.stack([sine[:, 0], zero, zero, cosine[:, 0]], axis=-1)
    qy = np.stack([zero, sine[:, 1], zero, cosine[:, 1]], axis=-1)
    qz = np.stack([zero, zero, sine[:, 2], cosine[:, 2]], axis=-1)
    return geometry.multiply(geometry.multiply(qx, qy), qz)


def _hinge_rates(angles: Floats, rates: Floats) -> Floats:
    """Return the angular velocity (N, 3), rad/s, of three hinges in series, in the axes outside of them."""
    (sin_a, sin_b), (cos_a, cos_b) = np.sin(angles[:, :2]).T, np.cos(angles[:, :2]).T
    a, b, c = rates.T
    return np.stack([a + sin_b * c, cos_a * b - sin_a * cos_b * c, sin_a * b + cos_a * cos_b * c], axis=-1)
