# SPDX-License-Identifier: Apache-2.0
"""What a simulator knows besides a term, and may explain why it differs: bodies, and constants of joints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from rl_policy_node.control.arrays import Array, Floats
from rl_policy_node.mismatch import Body, Scene
from rl_policy_node.tools.verify.played_steps import Recording

# constants of an articulation → what they are called
_CONSTANTS: Final = {
    'default': 'default joint positions',
    'default_velocity': 'default joint velocities',
    'lower': 'lower joint limits',
    'upper': 'upper joint limits',
    'max_velocity': 'velocity limits',
    'max_effort': 'effort limits',
}


class Surroundings:
    """The bodies of a Recording, and its constants by joint."""

    def __init__(self, recording: Recording) -> None:
        self._articulations: Mapping[str, Mapping[str, Any]] = recording.scene.get('articulations', {})
        self._actions: Sequence[Mapping[str, Any]] = recording.scene.get('actions', [])
        motion = recording.raw.get('bodies')
        self._bodies: dict[str, Body] = {}
        if motion is not None:
            self._bodies = {name: _body(motion[:, :, at]) for at, name in enumerate(recording.scene['bodies'])}

    def scene(self, joints: Sequence[str]) -> Scene:
        """Return the Scene of a term. joints: the simulator's names of its numbers, () if they are no joints."""
        robot = self._robot(joints)
        root = robot.get('root', '')
        return Scene(
            base=self._bodies.get(root),
            bodies={name: body for name, body in self._bodies.items() if name != root},
            constants=dict(self._constants(robot, joints)) if joints else {},
        )

    def _robot(self, joints: Sequence[str]) -> Mapping[str, Any]:
        """Return the articulation that has these joints, else the first one."""
        robots = list(self._articulations.values())
        having = [robot for robot in robots if joints and set(joints) <= set(robot.get('joints', ()))]
        return (having or robots or [{}])[0]

    def _constants(self, robot: Mapping[str, Any], joints: Sequence[str]) -> dict[str, Floats]:
        found: dict[str, Floats] = {}
        for key, called in _CONSTANTS.items():
            values = dict(zip(robot.get('joints', ()), robot.get(key) or ()))
            if all(values.get(joint) is not None for joint in joints):
                found[called] = np.array([values[joint] for joint in joints], dtype=np.float64)
        for action in self._actions:
            for key in ('scale', 'offset'):
                values = dict(zip(action.get('joints', ()), action.get(key) or ()))
                if all(joint in values for joint in joints):
                    found[f"{key} of the simulator's {action['name']}"] = np.array([values[j] for j in joints])
        return found


def _body(motion: Array) -> Body:
    """Return a body of its motion (steps, rows, 13)."""
    parts = np.split(motion.astype(np.float64), [3, 7, 10], axis=2)
    return Body(position=parts[0], orientation=parts[1], linear_velocity=parts[2], angular_velocity=parts[3])
