# SPDX-License-Identifier: Apache-2.0
"""Two robots with an arm, a hand and a gripper, for tests of what is commanded."""

import numpy as np

from rl_policy_node import geometry
from rl_policy_node.control.action_manager import ActionManager
from rl_policy_node.control.source_buffer import SourceBuffer
from rl_policy_node.control.specs import action_spec, control_spec, SourceSpec, term_spec
from rl_policy_node.options import value_of

ROWS, DT = 3, 0.02
JOINTS = ('hip', 'knee', 'ankle')
ALL = np.ones(ROWS, dtype=bool)
FIELDS = {
    'arm': {'position': ((3,), np.float64)},
    'hand': {'position': ((3,), np.float64), 'orientation': ((4,), np.float64)},
}
# of each kind what it cannot be without
NEEDS = {
    'joint_position': {'source': 'arm', 'joints': JOINTS},
    'joint_delta': {'source': 'arm', 'joints': JOINTS},
    'joint_velocity': {'joints': JOINTS},
    'effort': {'joints': JOINTS},
    'pose_delta': {'source': 'hand'},
    'twist': {},
    'wrench': {},
    'gripper': {'source': 'arm', 'joints': JOINTS[:1], 'open': (0.5,), 'closed': (-0.5,)},
    'raw': {'size': 2, 'fallback_value': (0.0,)},
    'discrete': {'table': (0.0, 0.0, 1.0, 2.0, 3.0, 4.0), 'table_columns': 2, 'fallback_value': (0.0,)},
}


def spec(kind, name='it', **options):
    """Return the ActionSpec of a kind; topic and type are nobody's."""
    return action_spec(name, kind, 'commands', '', **{**NEEDS[kind], **options})


def measurements(seed=0, rows=ROWS):
    """Return sources of an arm and of a hand, other in every row, as exact as an observation: float32."""
    random = np.random.default_rng(seed)
    buffers = {name: SourceBuffer(SourceSpec(name, name, ''), fields, rows) for name, fields in FIELDS.items()}
    for buffer in buffers.values():
        for value in buffer.values.values():
            value[:] = random.uniform(-0.5, 0.5, value.shape).astype(np.float32)
    orientation = buffers['hand'].values['orientation']
    orientation[:] = geometry.normalize_quaternion(orientation).astype(np.float32)
    return buffers


def manager(sources, *specs, actions=None, **control):
    """Return the manager of terms, for a policy that gives as many numbers as they take."""
    rows = sources['arm'].rows
    made = control_spec(
        tuple(f'robot{row}' for row in range(rows)),
        50.0,
        'timer',
        1.0,
        {name: buffer.spec for name, buffer in sources.items()},
        {'q': term_spec('q', source='arm', field='position')},
        {'obs': ('q',)},
        specs,
        **control,
    )
    sizes = {'pose_delta': 6, 'twist': 6, 'wrench': 6, 'gripper': 1, 'raw': 2}
    wanted = sum(len(value_of(each.options, 'axes', ())) or sizes.get(each.kind, 3) for each in specs)
    return ActionManager(made, wanted if actions is None else actions, sources, {'arm': JOINTS})


def started(*specs, seed=0, actions=None, rows=ROWS, **control):
    """Return the manager, started, with its sources."""
    sources = measurements(seed, rows)
    made = manager(sources, *specs, actions=actions, **control)
    made.start(sources)
    return made, sources


def random_actions(size, seed=1, rows=ROWS):
    return np.random.default_rng(seed).uniform(-1, 1, (rows, size)).astype(np.float32)


def step(made, sources, action, dt=DT):
    """Process one action in all rows; return the command of the only term."""
    assert made.process(action, sources, np.ones(len(action), dtype=bool), dt).all()
    commands = made.commands()
    return commands.get('it', commands)


def hold(made, sources, rows=ALL, dt=DT, fresh=True):
    """Let rows (mask) take one step of the fallback, dt s after the last command; fresh: what is measured counts."""
    made.take_fallback(sources, {name: np.full(len(rows), fresh) for name in sources}, made.sent().at.max() + dt, rows)


def same(left, right, rows=slice(None)):
    """Whether two commands have the same bits in `rows`."""
    return all(
        left[name][field][rows].tobytes() == right[name][field][rows].tobytes() for name in left for field in left[name]
    )


# rotations by matrices (3, 3), another way than the package's own


def rodrigues(vector):
    """Return the matrix of a rotation vector (3,), rad."""
    angle = np.linalg.norm(vector)
    x, y, z = vector / angle if angle else vector
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def rotation_vector(matrix):
    """Return the rotation vector (3,) of a matrix that turns by less than π."""
    sine = np.array([matrix[2, 1] - matrix[1, 2], matrix[0, 2] - matrix[2, 0], matrix[1, 0] - matrix[0, 1]]) / 2
    length = np.linalg.norm(sine)
    return sine * (np.arctan2(length, (np.trace(matrix) - 1) / 2) / length) if length else sine


def matrix(quaternion):
    """Return the matrix of a quaternion (4,) x, y, z, w: R v = v + 2 w (u × v) + 2 u × (u × v)."""
    *u, w = np.asarray(quaternion) / np.linalg.norm(quaternion)
    return np.stack([v + 2 * w * np.cross(u, v) + 2 * np.cross(u, np.cross(u, v)) for v in np.eye(3)], axis=1)
