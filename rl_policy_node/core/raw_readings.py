# SPDX-License-Identifier: Apache-2.0
"""The fields of messages that each part of a simulator's raw state gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
import math
from typing import Final, TypeAlias

import numpy as np

from rl_policy_node import geometry
from rl_policy_node.control.arrays import Array, Floats, Indices, Shape
from rl_policy_node.core.raw_scene import ANGULAR, LINEAR, ORIENTATION, POSITION, Scene, Sensor


@dataclass(frozen=True)
class Reading:
    """A field of a message: `read` makes it, (rows, *shape), of the raw array `key`."""

    key: str
    shape: Shape
    read: Callable[[Array], Array]


# field of a message → its Reading
Readings: TypeAlias = Mapping[str, Reading]


def of_joints(articulation: str, columns: Indices) -> Readings:
    """Return the readings of joints, rad or m, rad/s or m/s, N m or N; bare numbers (`data`) are positions."""
    quantities = {'position': 'position', 'velocity': 'velocity', 'effort': 'effort', 'data': 'position'}
    return {
        field: Reading(f'joints/{articulation}/{quantity}', (len(columns),), _picked(columns))
        for field, quantity in quantities.items()
    }


def of_body(scene: Scene, body: str, frame: str = '') -> Readings:
    """Return the readings of a body: its pose in the world, or in a body `frame`; velocities in its own axes.

    The linear acceleration is that of a sensor on the body, if there is one.
    """
    index = scene.bodies.index(body)
    read = _Body(index) if not frame else _BodyInFrame(index, scene.bodies.index(frame))
    readings = {
        'position': Reading('bodies', (3,), read.position),
        'orientation': Reading('bodies', (4,), read.orientation),
        'linear_velocity': Reading('bodies', (3,), read.linear_velocity),
        'angular_velocity': Reading('bodies', (3,), read.angular_velocity),
    }
    for name, sensor in scene.sensors.items():
        if sensor.kind == 'acceleration' and sensor.body == body:
            readings['linear_acceleration'] = Reading(f'sensors/{name}', (3,), _whole)
    return readings


@dataclass(frozen=True)
class _Body:
    """Reads a body of the raw array `bodies` (rows, bodies, 13)."""

    index: int

    def position(self, bodies: Array) -> Floats:
        """Return the position (rows, 3), m, in the world."""
        position: Floats = bodies[:, self.index, POSITION]
        return position

    def orientation(self, bodies: Array) -> Floats:
        """Return the orientation (rows, 4), x, y, z, w, in the world."""
        return geometry.normalize_quaternion(bodies[:, self.index, ORIENTATION])

    def linear_velocity(self, bodies: Array) -> Floats:
        """Return the velocity (rows, 3), m/s, of the origin against the world, in the body's axes."""
        return geometry.rotate_inverse(_Body.orientation(self, bodies), bodies[:, self.index, LINEAR])

    def angular_velocity(self, bodies: Array) -> Floats:
        """Return the angular velocity (rows, 3), rad/s, against the world, in the body's axes."""
        return geometry.rotate_inverse(_Body.orientation(self, bodies), bodies[:, self.index, ANGULAR])


@dataclass(frozen=True)
class _BodyInFrame(_Body):
    """Reads a body as the body `frame` sees it: R(q_f)ᵀ (p − p_f) and q_f⁻¹ ⊗ q. Its velocities are as without."""

    frame: int

    def position(self, bodies: Array) -> Floats:
        frame = _Body(self.frame)
        return geometry.rotate_inverse(frame.orientation(bodies), super().position(bodies) - frame.position(bodies))

    def orientation(self, bodies: Array) -> Floats:
        return geometry.multiply(geometry.conjugate(_Body(self.frame).orientation(bodies)), super().orientation(bodies))


def of_sensor(name: str, sensor: Sensor) -> Readings:
    """Return the readings of a sensor."""
    key = f'sensors/{name}'
    whole = Reading(key, sensor.shape, _whole)
    if sensor.kind == 'wrench':
        return {**_split(key, ('force', 'torque'), (3, 3)), 'data': whole}
    if sensor.kind == 'acceleration':
        return {'linear_acceleration': whole, 'vector': whole, 'data': whole}
    if sensor.kind == 'image':
        return {'image': whole, 'data': whole}
    return {**_of_numbers(key, math.prod(sensor.shape)), 'image': whole, 'data': whole}


def of_command(name: str, size: int) -> Readings:
    """Return the readings of a command; three numbers are also velocities along x and y, and about z."""
    key = f'commands/{name}'
    planar = {
        'linear_velocity': Reading(key, (3,), lambda raw: raw * (1.0, 1.0, 0.0)),
        'angular_velocity': Reading(key, (3,), lambda raw: raw * (0.0, 0.0, 1.0)),
    }
    return {**_of_numbers(key, size), **(planar if size == 3 else {})}


# size → how a message divides so many numbers among its fields
_FIELDS: Final[Mapping[int, Sequence[tuple[tuple[str, ...], tuple[int, ...]]]]] = {
    3: [(('position',), (3,)), (('vector',), (3,))],
    4: [(('orientation',), (4,))],
    6: [(('linear_velocity', 'angular_velocity'), (3, 3))],
    7: [(('position', 'orientation'), (3, 4))],
}


def _of_numbers(key: str, size: int) -> Readings:
    """Return the readings of bare numbers: an array, or as many as the fields of a message have.

    3: a position or a vector; 4: an orientation, x, y, z, w; 6: linear and angular velocity; 7: position and
    orientation.
    """
    readings = {'data': Reading(key, (size,), _whole)}
    for fields, sizes in _FIELDS.get(size, ()):
        readings.update(_split(key, fields, sizes))
    return readings


def _split(key: str, fields: Sequence[str], sizes: Sequence[int]) -> dict[str, Reading]:
    """Return the readings of the fields among which the numbers of an array are divided, in order."""
    ends = np.cumsum(sizes).tolist()
    return {
        field: Reading(key, (size,), _picked(slice(end - size, end))) for field, size, end in zip(fields, sizes, ends)
    }


def _picked(columns: slice | Indices) -> Callable[[Array], Array]:
    return lambda raw: raw[:, columns]


def _whole(raw: Array) -> Array:
    return raw
