# SPDX-License-Identifier: Apache-2.0
"""A small scene, its raw state, and what a source measures in it."""

from dataclasses import dataclass

import numpy as np

from rl_policy_node.control.source_buffer import SourceBuffer
from rl_policy_node.control.specs import SourceSpec
from rl_policy_node.core.raw_scene import Scene
from rl_policy_node.core.raw_state import RawState
from rl_policy_node.core.sensor_spec import SensorSpec

ROWS = 2
JOINTS = ['hip', 'knee', 'foot']
SCENE = {
    'articulations': {'leg': {'joints': JOINTS, 'root': 'leg/base'}},
    'bodies': ['leg/base', 'ball'],
    'sensors': {
        'imu': {'kind': 'acceleration', 'body': 'leg/base'},
        'wrist': {'kind': 'wrench', 'body': 'leg/base'},
        'eye': {'kind': 'image', 'shape': [2, 4, 3], 'dtype': '|u1'},
        'taxels': {'kind': 'array', 'shape': [2, 3], 'dtype': '<f4'},
    },
    'commands': {'speed': {'size': 3}, 'pose': {'size': 7}},
    'actions': [
        {
            'name': 'upper',
            'kind': 'joint_position',
            'articulation': 'leg',
            'joints': ['knee', 'hip'],
            'scale': [0.5, 2.0],
            'offset': [0.1, -0.2],
        },
        {
            'name': 'lower',
            'kind': 'joint_effort',
            'articulation': 'leg',
            'joints': ['foot'],
            'scale': [10.0],
            'offset': [0.0],
        },
    ],
}
HALF = np.sqrt(0.5)


def raw(**changes):
    """Return a raw state: the base at (1, 2, 3) is turned by 90° about z, moves along x and turns about x.

    The ball at (1, 4, 3) is upright and at rest. The second row has everything twice as fast.
    """
    base = [1, 2, 3, 0, 0, HALF, HALF, 1, 0, 0, 0.5, 0, 0]
    ball = [1, 4, 3, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]
    bodies = np.array([[base, ball], [base, ball]], dtype=np.float64)
    bodies[1, :, 7:] *= 2
    times = np.array([[1.0], [2.0]])
    values = {
        'joints/leg/position': times * [0.1, 0.2, 0.3],
        'joints/leg/velocity': times * [1.0, 2.0, 3.0],
        'bodies': bodies,
        'sensors/imu': times * [0.0, 0.0, 9.81],
        'sensors/wrist': times * np.arange(6.0),
        'sensors/eye': np.arange(ROWS * 24, dtype=np.uint8).reshape(ROWS, 2, 4, 3),
        'sensors/taxels': np.arange(ROWS * 6, dtype=np.float32).reshape(ROWS, 2, 3),
        'commands/speed': times * [1.0, 2.0, 3.0],
        'commands/pose': np.tile([1.0, 2.0, 3.0, 0.0, 0.0, 0.0, 1.0], (ROWS, 1)),
        **changes,
    }
    return {name: value for name, value in values.items() if value is not None}


@dataclass(frozen=True)
class Read:
    """A source as the core needs it."""

    buffer: SourceBuffer
    joints: tuple[str, ...] = ()


def measured(kind, fields, stated=None, joints=(), scene=SCENE, now=None, dtype=np.float64, **spec):
    """Return field → (rows, …) that a source of a message type measures; fields: name → shape as it is read."""
    spec = SourceSpec('it', '' if kind == 'tf2' else 'topic', kind, **spec)
    shapes = {field: (tuple(shape), dtype) for field, shape in fields.items()}
    source = Read(SourceBuffer(spec, shapes, ROWS), tuple(joints))
    now = raw() if now is None else now
    places = {} if stated is None else {'it': SensorSpec('it', **stated)}
    state = RawState({'it': spec}, {'it': source}, Scene(scene), now, places)
    state.fill(now)
    found = state.values('it', now)
    assert all(np.array_equal(source.buffer.values[field], found[field].astype(dtype)) for field in fields)
    return found
