# SPDX-License-Identifier: Apache-2.0
"""A made-up arm: a tip that follows targets with a lag, its orientation, a camera's view of a goal, and joints."""

from collections import deque
import dataclasses

import numpy as np

from rl_policy_node import geometry
from rl_policy_node.mismatch.recording import Recording, TermTrack

STEPS, ROWS, LENGTH, RATE = 240, 8, 60, 50.0
JOINTS = ('hip', 'knee', 'ankle')
STIFF = np.array([0.2, 0.3, 0.4])
COLUMNS = {'tip': slice(0, 3), 'tip_turn': slice(3, 7), 'goal': slice(7, 10), 'joints': slice(10, 13)}


def recorded(seed, fault=None, steps=STEPS, rows=ROWS, rate=RATE, forget=1.0):
    """Return a recording.

    fault(values, begins): what the policy gets of (rows, 13) numbers. forget: share of the resets that are made.
    """
    random = np.random.default_rng(seed)
    tip, speed, goal = (np.zeros((rows, 3)) for _ in range(3))
    turn, joints, pull = np.zeros((rows, 3)), np.zeros((rows, 3)), np.zeros((rows, 3))
    kept = {name: [] for name in ('inputs', 'command', 'force', 'reset', 'actions')}
    for step in range(steps):
        begins = np.array([(step + 7 * row) % LENGTH == 0 or step == 0 for row in range(rows)])
        count = int(begins.sum())
        goal[begins] = [0.5, 0.0, 0.1] + random.uniform(-0.05, 0.05, (count, 3))
        tip[begins] = goal[begins] + random.normal(0, 0.03, (count, 3))
        turn[begins], joints[begins] = (
            random.normal(0, 0.1, (count, 3)),
            [0.2, -0.8, 0.4] + random.normal(0, 0.2, (count, 3)),
        )
        speed[begins] = 0.0
        q = geometry.multiply(geometry.quaternion_from_rotation_vector(turn), np.tile([0.9, 0.1, 0.3, 0.3], (rows, 1)))
        true = np.concatenate([tip, geometry.normalize_quaternion(q), goal, joints], axis=1)
        seen = true if fault is None else fault(true.copy(), begins)
        # a policy that goes to the goal that it sees
        action = 0.3 * (seen[:, COLUMNS['goal']] - seen[:, COLUMNS['tip']]) + random.normal(0, 0.01, (rows, 3))
        command = seen[:, COLUMNS['tip']] + np.clip(action, -0.05, 0.05)
        pull = 0.7 * pull + random.normal(0, 0.3, (rows, 3)) - 0.2 * (seen[:, COLUMNS['joints']] - [0.2, -0.8, 0.4])
        reset = begins & ((random.random(rows) < forget) | (step == 0))
        for name, value in zip(kept, (seen, command, pull, reset, action)):
            kept[name].append(value.copy())
        speed = 0.5 * speed + STIFF * np.clip(command - tip, -0.06, 0.06)
        tip = tip + 0.5 * speed
        turn = 0.95 * turn + random.normal(0, 0.01, (rows, 3)) + 0.2 * speed
        joints = joints + 0.1 * pull * [1.0, 0.6, 0.3] - 0.05 * (joints - [0.2, -0.8, 0.4])
    return _recording({name: np.stack(value) for name, value in kept.items()}, rate)


def _recording(kept, rate):
    def track(name, labels, source, **spec):
        columns = COLUMNS[name]
        size = columns.stop - columns.start
        return TermTrack(input='obs', start=columns.start, size=size, labels=labels, spec={'source': source, **spec})

    steps = len(kept['reset'])
    return Recording(
        time=np.arange(steps) / rate,
        rate=RATE,
        inputs={'obs': kept['inputs'].astype(np.float32)},
        terms={
            'tip': track('tip', ('x', 'y', 'z'), 'tip_pose', field='position'),
            'tip_turn': track('tip_turn', ('x', 'y', 'z', 'w'), 'tip_pose', field='orientation'),
            'goal': track('goal', ('x', 'y', 'z'), 'camera', field='position'),
            'joints': track('joints', JOINTS, 'joint_states', field='position', joints=list(JOINTS)),
        },
        actions=kept['actions'],
        acted=np.ones(kept['reset'].shape, dtype=bool),
        reset=kept['reset'],
        commands={'arm': {'position': kept['command']}, 'legs': {'effort': kept['force']}},
        measured={'tip_pose': {'position': kept['inputs'][:, :, COLUMNS['tip']]}},
        received={'camera': np.repeat(np.arange(steps)[:, None] / rate, kept['reset'].shape[1], axis=1)},
        moments={'obs': np.stack([np.full(13, 0.1), np.full(13, 0.05)])},
    )


def changed(columns, change):
    """Return a fault that changes the numbers (rows, k) of some columns."""

    def fault(values, begins):
        values[:, columns] = change(values[:, columns])
        return values

    return fault


class Late:
    """A fault: columns are some steps late."""

    def __init__(self, columns, steps):
        self._columns, self._kept = columns, deque(maxlen=steps + 1)

    def __call__(self, values, begins):
        for old in self._kept:
            old[begins] = values[begins][:, self._columns]
        self._kept.append(values[:, self._columns].copy())
        values[:, self._columns] = self._kept[0]
        return values


class Smoothed:
    """A fault: a low-pass that takes a share of each new value."""

    def __init__(self, columns, share):
        self._columns, self._share, self._last = columns, share, None

    def __call__(self, values, begins):
        came = values[:, self._columns].copy()
        last = came if self._last is None else np.where(begins[:, None], came, self._last)
        self._last = last + self._share * (came - last)
        values[:, self._columns] = self._last
        return values


def of_rate(recording, rate):
    """Return a recording as if its steps had come at another rate."""
    return dataclasses.replace(recording, time=np.arange(recording.steps) / rate)
