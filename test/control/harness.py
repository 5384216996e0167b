# SPDX-License-Identifier: Apache-2.0
"""Sources and managers of a few rows for tests of observation terms."""

import dataclasses

import numpy as np

from rl_policy_node import geometry
from rl_policy_node.control.context import Context
from rl_policy_node.control.observation_manager import ObservationManager
from rl_policy_node.control.source_buffer import SourceBuffer
from rl_policy_node.control.specs import action_spec, control_spec, SourceSpec, term_spec

ROWS, ACTIONS = 3, 2
ALL = np.ones(ROWS, dtype=bool)
JOINTS = ('hip', 'knee', 'ankle')
IMAGE = (4, 6, 3)
POSE = {'position': ((3,), np.float64), 'orientation': ((4,), np.float64)}
FIELDS = {
    'arm': {'position': ((3,), np.float64), 'velocity': ((3,), np.float64)},
    'wanted': {'position': ((3,), np.float64)},
    'base': {**POSE, 'linear': ((3,), np.float64), 'angular': ((3,), np.float64)},
    'hand': POSE,
    'goal': POSE,
    'camera': {'image': (IMAGE, np.uint8)},
    'depth': {'image': ((4, 6, 1), np.float32)},
    'touch': {'data': ((12,), np.float32)},
}


def sources(seed=0):
    """Return sources with other values in every row; orientations are unit quaternions."""
    random = np.random.default_rng(seed)
    buffers = {name: SourceBuffer(SourceSpec(name, name, ''), fields, ROWS) for name, fields in FIELDS.items()}
    for buffer in buffers.values():
        for value in buffer.values.values():
            value[:] = (
                random.uniform(0, 255, value.shape) if value.dtype == np.uint8 else random.normal(size=value.shape)
            )
        if 'orientation' in buffer.values:
            buffer.values['orientation'][:] = geometry.normalize_quaternion(buffer.values['orientation'])
    return buffers


def context(**changes):
    """Return the Context of a first step, with changes."""
    return dataclasses.replace(Context.at_reset(ROWS, ACTIONS), **changes)


def manager(buffers, shape, *terms, **options):
    """Return the manager of the one input `obs` of these terms."""
    action = action_spec('legs', 'joint_position', 'commands', '', source='arm', joints=JOINTS)
    spec = control_spec(
        ('a', 'b', 'c'),
        50.0,
        'timer',
        1.0,
        {name: b.spec for name, b in buffers.items()},
        {term.name: term for term in terms},
        {'obs': tuple(term.name for term in terms)},
        (action,),
        **options,
    )
    return ObservationManager(spec, {'obs': shape}, buffers, {'arm': JOINTS, 'wanted': JOINTS}, ACTIONS)


def of_kind(kind, **options):
    """Return the TermSpec of a term named `x`."""
    return term_spec('x', kind=kind, **options)


def value(buffers, shape, term, **changes):
    """Return what one term alone gives (rows, *shape)."""
    return manager(buffers, shape, term).compute(buffers, context(**changes))['obs'].copy()


def rotation(quaternion):
    """Return the matrix of a unit quaternion (4,) xyzw, from Rodrigues' formula."""
    axis, w = quaternion[:3], quaternion[3]
    sine = np.linalg.norm(axis)
    angle, unit = 2 * np.arctan2(sine, w), axis / max(sine, 1e-300)
    x, y, z = unit
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def rotations(buffers, name):
    """Return the matrices (rows, 3, 3) of a source's orientation."""
    return np.stack([rotation(quaternion) for quaternion in buffers[name].values['orientation']])
