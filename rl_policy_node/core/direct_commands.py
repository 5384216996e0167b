# SPDX-License-Identifier: Apache-2.0
"""Commands that a simulator obeys through its own action terms, whatever the scales of the parameter file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from rl_policy_node.control.action_spec import ActionSpec
from rl_policy_node.control.action_terms import command_shapes
from rl_policy_node.control.arrays import Floats, Values
from rl_policy_node.core.raw_scene import Scene
from rl_policy_node.core.sensor_spec import SensorSpec

# field of a command → the kind of the simulator's action term that has it as its target
_KINDS: Final = {'position': 'joint_position', 'velocity': 'joint_velocity', 'effort': 'joint_effort'}


class DirectCommands:
    """Solves the simulator's own terms, target = scale · action + offset, for the action, joint by joint.

    uncovered: why a set of commands does not determine the action in this way, '' if it does.
    """

    def __init__(self, scene: Scene, actions: Sequence[ActionSpec], stated: Mapping[str, SensorSpec]) -> None:
        self._scale: Floats = np.ones(scene.num_actions)
        self._offset: Floats = np.zeros(scene.num_actions)
        # (command, field) → the columns of the action that its numbers determine
        self._columns: dict[tuple[str, str], list[int]] = {}
        for term in scene.actions:
            self._scale[term.columns], self._offset[term.columns] = term.scale, term.offset
        self.uncovered = self._uncovered(scene, actions, stated)

    def _uncovered(self, scene: Scene, actions: Sequence[ActionSpec], stated: Mapping[str, SensorSpec]) -> str:
        """Find the columns of all commands; return why that is not possible, or ''."""
        if scene.other_actions or not scene.actions:
            return f'the terms {scene.other_actions} of the simulator have laws of their own'
        for action in actions:
            fields = [field for field, shape in command_shapes(action).items() if shape == (len(action.joints),)]
            if not action.joints or not fields or fields[0] not in _KINDS:
                return f"command '{action.name}' (kind {action.kind}) targets no joints"
            own = stated.get(action.source) or SensorSpec(action.source)
            renamed = {robot: sim for each in (*stated.values(), own) for robot, sim in each.renamed().items()}
            places = [
                (joint, column)
                for term in scene.actions
                if term.kind == _KINDS[fields[0]] and own.articulation in ('', term.articulation)
                for joint, column in zip(term.joints, range(term.columns.start, term.columns.stop))
            ]
            joints = [renamed.get(joint, joint) for joint in action.joints]
            counts = {joint: [name for name, _ in places].count(joint) for joint in joints}
            unclear = [joint for joint, count in counts.items() if count != 1]
            if unclear:
                return (
                    f'the simulator has {counts[unclear[0]]} terms of kind {_KINDS[fields[0]]} for the joint '
                    f"'{unclear[0]}' of command '{action.name}'"
                )
            self._columns[action.name, fields[0]] = [dict(places)[joint] for joint in joints]
        columns = sorted(column for each in self._columns.values() for column in each)
        if columns != list(range(scene.num_actions)):
            return f'the commands determine {len(set(columns))} of the {scene.num_actions} numbers of the action'
        return 'a scale of the simulator is zero' if not self._scale.all() else ''

    def actions(self, commands: Mapping[str, Values]) -> Floats:
        """Return the actions (rows, n), float32, with which the simulator goes to these commands."""
        rows = len(next(iter(next(iter(commands.values())).values())))
        targets: Floats = np.empty((rows, len(self._scale)))
        for (name, field), columns in self._columns.items():
            targets[:, columns] = commands[name][field]
        return ((targets - self._offset) / self._scale).astype(np.float32)
