# SPDX-License-Identifier: Apache-2.0
"""Faults of a simulator's observation, planted in a recording of it."""

import dataclasses

import numpy as np


def observing(recording, observed, name='obs'):
    """Return a recording whose input `name` is another one (steps, rows, …)."""
    return dataclasses.replace(recording, observations={**recording.observations, name: observed})


def late(values, begins):
    """Return values (steps, rows, …) a step late; an episode, begins (steps, rows), starts with its own."""
    before = np.concatenate([values[:1], values[:-1]])
    return np.where(begins.reshape(*begins.shape, *[1] * (values.ndim - 2)), values, before)


def delayed(recording, columns):
    """Return a recording whose simulator observes some columns of `obs` a step late."""
    observed = recording.observations['obs'].copy()
    observed[..., columns] = late(observed, recording.begins)[..., columns]
    return observing(recording, observed)


def stacked(values, begins, length, newest_first=False):
    """Return the last `length` values (steps, rows, n) side by side; the first of an episode fills all places."""
    samples = [values]
    for _ in range(length - 1):
        samples.append(late(samples[-1], begins))
    return np.concatenate(samples if newest_first else samples[::-1], axis=-1)


def matrices(turn):
    """Return the rotation matrices (…, 3, 3) of quaternions (…, 4) x, y, z, w."""
    vector, scalar = turn[..., :3, None], turn[..., 3, None, None]
    zero = np.zeros_like(turn[..., 0])
    x, y, z = np.moveaxis(turn[..., :3], -1, 0)
    cross = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=-1).reshape(*zero.shape, 3, 3)
    return np.eye(3) + 2 * (
        scalar * cross + vector @ np.swapaxes(vector, -1, -2) - (x * x + y * y + z * z)[..., None, None] * np.eye(3)
    )


def mounted(position, turn, mount):
    """Return points (steps, rows, 3) that sit at `mount`, m, in the frame of bodies x, y, z, w (steps, rows, 4)."""
    return position + np.einsum('srij,j->sri', matrices(turn), mount)
