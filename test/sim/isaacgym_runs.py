# SPDX-License-Identifier: Apache-2.0
"""The runs of the stand for Isaac Gym, hosted, and what a play of them is."""

from pathlib import Path

import numpy as np
from sim import hosted_runs

from rl_policy_node.nodes.simulator.hosting import open_environment

STAND = Path(__file__).resolve().parent / 'isaacgym_stand'
TASKS, ROWS, SEED, STEPS = ('Reach', 'ReachTactile'), 4, 3, 200  # tasks whose bits are the same with every torch
SIZES = {'Reach': 3, 'ReachTactile': 3, 'Anymal': 12, 'AnymalTerrain': 12, 'TacSLTaskInsertion': 6}  # of an action


def configured(task, **sim):
    """Return the Configuration that hosts a run of the stand; sim: more of its `sim` parameters."""
    settings = {'device': 'cpu', 'seed': SEED, **sim}
    return hosted_runs.configured('isaacgym', STAND / 'runs' / task, SIZES[task], ROWS, **settings)


def hosted(task, **sim):
    """Return the environment of a run."""
    return open_environment(configured(task, **sim))


def actions(size=3):
    """Yield the actions of every step, many of them beyond what the task clips to."""
    random = np.random.default_rng(1)
    for _ in range(STEPS):
        yield random.uniform(-2.0, 2.0, (ROWS, size)).astype(np.float32)


def record(first, steps):
    """Return name → (steps, rows, …) of the first observations and what every step gave."""
    observations, rewards, dones = zip(*((each[0], each[1], each[2]) for each in steps))
    return {
        **{f'obs/{name}': np.stack([first[name], *(each[name] for each in observations)]) for name in first},
        'rewards': np.stack(rewards),
        'dones': np.stack(dones),
    }
