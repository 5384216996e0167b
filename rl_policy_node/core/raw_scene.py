# SPDX-License-Identifier: Apache-2.0
"""What an environment's raw state has: a typed view of its `scene`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from rl_policy_node.control.arrays import Floats, Shape

# the description of an environment, as it comes through JSON
Described: TypeAlias = Mapping[str, Any]

# columns of a body's numbers: position, m; quaternion x, y, z, w; linear and angular velocity of its origin, in the
# axes of the world, m/s and rad/s
POSITION, ORIENTATION, LINEAR, ANGULAR = slice(0, 3), slice(3, 7), slice(7, 10), slice(10, 13)
# shape of a row of sensors that need not state it
_SHAPES: Mapping[str, Shape] = {'wrench': (6,), 'acceleration': (3,)}


@dataclass(frozen=True)
class Sensor:
    """A sensor. kind: image, wrench, acceleration or array. body: that it is part of, '' if not stated."""

    kind: str
    shape: Shape
    body: str


@dataclass(frozen=True)
class AffineAction:
    """An action term of the simulator itself: target = scale · action + offset, for each joint.

    kind: joint_position, joint_velocity or joint_effort. columns: of the action.
    """

    kind: str
    articulation: str
    joints: tuple[str, ...]
    scale: Floats
    offset: Floats
    columns: slice


class Scene:
    """A typed view of an environment's scene.

    articulations: name → its joints, in the order of the simulator; roots: name → its root body, where stated.
    commands: name → its number of numbers. actions: the affine action terms; other_actions: names of the others;
    num_actions: numbers of all of them.
    """

    def __init__(self, described: Described) -> None:
        articulations = described.get('articulations', {})
        self.articulations = {name: tuple(each['joints']) for name, each in articulations.items()}
        self.roots = {name: str(each['root']) for name, each in articulations.items() if 'root' in each}
        self.bodies: tuple[str, ...] = tuple(described.get('bodies', ()))
        self.sensors = {
            name: Sensor(each['kind'], _SHAPES.get(each['kind']) or tuple(each['shape']), each.get('body', ''))
            for name, each in described.get('sensors', {}).items()
        }
        self.commands = {name: int(each['size']) for name, each in described.get('commands', {}).items()}
        self.actions: list[AffineAction] = []
        self.other_actions: list[str] = []
        self.num_actions = 0
        for each in described.get('actions', ()):
            self._add_action(each)

    def _add_action(self, each: Described) -> None:
        joints = tuple(each.get('joints', ()))
        size = int(each['size']) if each['kind'] == 'other' else len(joints)
        columns = slice(self.num_actions, self.num_actions + size)
        self.num_actions += size
        if each['kind'] == 'other':
            self.other_actions.append(each['name'])
            return
        scale, offset = (
            np.broadcast_to(np.asarray(each.get(name, value), dtype=np.float64), (size,))
            for name, value in (('scale', 1.0), ('offset', 0.0))
        )
        self.actions.append(AffineAction(each['kind'], each['articulation'], joints, scale, offset, columns))

    def parts(self, kind: str) -> tuple[str, ...]:
        """Return the names of a kind of part: articulation, body, sensor or command."""
        named = {
            'articulation': self.articulations,
            'body': self.bodies,
            'sensor': self.sensors,
            'command': self.commands,
        }
        return tuple(named[kind])
