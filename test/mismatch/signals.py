# SPDX-License-Identifier: Apache-2.0
"""Random signals of a legged robot and of an arm, with resets, as a simulator would give them."""

import numpy as np

from rl_policy_node import geometry
from rl_policy_node.control.history import History
from rl_policy_node.mismatch import Body, Scene, Series, Written

LEGS = tuple(f'{leg}_{part}' for part in ('HAA', 'HFE', 'KFE') for leg in ('LF', 'LH', 'RF', 'RH'))
DEFAULT = np.array([0.0, 0.0, 0.0, 0.0, 0.4, -0.4, 0.45, -0.45, -0.8, 0.8, -0.85, 0.85])


class World:
    """Motion of one robot per row: (steps, rows, …), float32, another one for each seed."""

    def __init__(self, seed, steps=60, rows=3, history=1):
        self.random = np.random.default_rng(seed)
        self.steps, self.rows, self.history = steps, rows, history
        self.begins = self.random.random((steps, rows)) < 0.04
        self.begins[0] = True
        hand = self.body()
        # a camera does not move with the hand
        self.scene = Scene(
            base=self.body(),
            bodies={'hand': hand, 'camera': self.body()},
            constants={'default joint positions': DEFAULT},
        )

    def walk(self, size, amplitude=1.0):
        """Return signals that change from step to step, and keep some memory."""
        noise = self.random.normal(size=(self.steps, self.rows, size))
        value = noise[0]
        values = [value]
        for each in noise[1:]:
            value = 0.8 * value + 0.6 * each
            values.append(value)
        return (amplitude * np.stack(values)).astype(np.float32)

    def late(self, values, count):
        """Return values `count` steps late; an episode starts with others of its own."""
        past = np.concatenate([values[:count], values[: self.steps - count]])
        for age in range(count):
            young = np.roll(self.begins, age, axis=0)
            young[:age] = False
            past[young] = self.walk(values.shape[2])[young]
        return past

    def turns(self):
        """Return unit quaternions (steps, rows, 4) x, y, z, w, of either sign."""
        return geometry.quaternion_from_rotation_vector(self.walk(3, 1.5)).astype(np.float32)

    def body(self):
        """Return a body that moves freely."""
        return Body(
            position=self.walk(3), orientation=self.turns(), linear_velocity=self.walk(3), angular_velocity=self.walk(3)
        )

    def stacked(self, values, length):
        """Return the file's history of values (steps, rows, n): oldest first, filled by the first after a reset."""
        history = History(self.rows, length, 1, values.shape[2:])
        stacks = []
        for value, begin in zip(values, self.begins):
            history.reset(begin)
            history.push(value, np.ones(self.rows, dtype=bool))
            stacks.append(history.samples.reshape(self.rows, -1).copy())
        return np.stack(stacks)

    def series(self, expected, got, side='observation', **written):
        """Return the two sides of a term, float32."""
        expected, got = (np.asarray(values, dtype=np.float32) for values in (expected, got))
        return Series('term', expected, got, self.begins, side, Written(**written))

    def joints(self, expected, got, side='observation', **written):
        """Return the same of the joints of the legs."""
        return self.series(expected, got, side, joints=LEGS, **written)

    def gravity(self):
        """Return (0, 0, −1) in the frame of the base."""
        return geometry.rotate_inverse(self.scene.base.orientation, np.array([0.0, 0.0, -1.0], dtype=np.float32))
