# SPDX-License-Identifier: Apache-2.0
"""IO_descriptors.yaml, which Isaac Lab's manager-based tasks write where training asks for it, as a Scene.

Isaac Lab takes it out in 3.2. Its form is that of isaaclab/envs/utils/io_descriptors.py,
managers/action_manager.py and envs/mdp/actions/joint_actions.py of 3.0.
"""

from collections.abc import Iterator
import math
from pathlib import Path
from typing import Any

from rl_policy_node.policy.layouts.simulator_scene import read_scene, Scene
from rl_policy_node.policy.run.yaml_file import read_yaml
from rl_policy_node.policy.shared_types import YamlTree

NAME = 'IO_descriptors.yaml'
# where it lies, from the run directory: a user moves it, or Isaac Lab's own folders
_PLACES = ('params', 'io_descriptors', '.')
# the only classes whose law is scale and offset for each joint
_KINDS = {
    'JointPositionAction': 'joint_position',
    'JointVelocityAction': 'joint_velocity',
    'JointEffortAction': 'joint_effort',
}
# a greater limit is none
_LIMITLESS = 1e6


def find_descriptors(run: Path) -> Path | None:
    """Return the file in a run directory, None where there is none."""
    return next((run / place / NAME for place in _PLACES if (run / place / NAME).is_file()), None)


def read_descriptors(path: Path) -> Scene:
    """Return the Scene of a file; raises ConfigurationError for one of another form."""
    content: Any = read_yaml(path, 'IO descriptors')
    step = (content.get('scene') or {}).get('dt')
    return read_scene(
        {
            'articulations': {name: _articulation(each) for name, each in (content.get('articulations') or {}).items()},
            'actions': list(_actions(content.get('actions') or [])),
            'rate': 1.0 / step if step else None,
        },
        NAME,
    )


def _articulation(described: YamlTree) -> YamlTree:
    keys = {
        'joints': 'joint_names',
        'default': 'default_joint_pos',
        'default_velocity': 'default_joint_vel',
        'stiffness': 'default_joint_stiffness',
        'damping': 'default_joint_damping',
    }
    found: YamlTree = {key: described[name] for key, name in keys.items() if name in described}
    limits: Any = described.get('default_joint_pos_limits')
    if limits:
        for end, side in (('lower', 0), ('upper', 1)):
            found[end] = [pair[side] if abs(pair[side]) < _LIMITLESS else None for pair in limits]
    return found


def _actions(terms: list[YamlTree]) -> Iterator[YamlTree]:
    """Yield the terms; their names are those of their classes, not of the configuration."""
    for term in terms:
        joints, kind = term.get('joint_names') or (), str(term.get('full_path')).rpartition('.')[2]
        scale, offset = (_each(term.get(name), len(joints)) for name in ('scale', 'offset'))
        if kind in _KINDS and joints and scale and offset:
            numbers = {'scale': scale, 'offset': offset, 'clip': term.get('clip')}
            yield {'name': term['name'], 'kind': _KINDS[kind], 'joints': list(joints), **numbers}
        else:
            yield {'name': term['name'], 'kind': 'other', 'size': math.prod(term.get('shape') or ()) or None}


def _each(value: object, count: int) -> list[float] | None:
    """Return one number for each joint, None where the file does not have them."""
    if isinstance(value, (int, float)):
        return [float(value)] * count
    return list(value) if isinstance(value, list) and len(value) == count else None
