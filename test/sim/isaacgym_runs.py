# SPDX-License-Identifier: Apache-2.0
"""The runs of the stand for Isaac Gym, hosted, and what a play of them is."""

from pathlib import Path

import numpy as np

from rl_policy_node.nodes.parameters.parsing import configuration
from rl_policy_node.nodes.simulator.hosting import open_environment

STAND = Path(__file__).resolve().parent / 'isaacgym_stand'
TASKS, ROWS, SEED, STEPS = ('Reach', 'ReachTactile'), 4, 3, 200


def configured(task, **sim):
    """Return the Configuration that hosts a run of the stand; sim: more of its `sim` parameters."""
    raw = {'kind': 'raw', 'size': 3, 'topic': 'push', 'type': 'std_msgs/msg/Float32MultiArray', 'fallback_value': [0.0]}
    return configuration(
        {
            'policy.train_config': str(STAND / 'runs' / task),
            'robots': [f'robot_{row}' for row in range(ROWS)],
            'sim.environment': 'isaacgym',
            'sim.device': 'cpu',
            'sim.seed': SEED,
            'sources.state.topic': 'state',
            'sources.state.type': 'std_msgs/msg/Float32MultiArray',
            'terms.state.source': 'state',
            'terms.state.field': 'data',
            'inputs.obs': ['state'],
            'actions.terms': ['push'],
            **{f'actions.push.{name}': value for name, value in raw.items()},
            **{f'sim.{name}': value for name, value in sim.items()},
        }
    )


def hosted(task, **sim):
    """Return the environment of a run."""
    return open_environment(configured(task, **sim))


def actions():
    """Yield the actions of every step, many of them beyond what the task clips to."""
    random = np.random.default_rng(1)
    for _ in range(STEPS):
        yield random.uniform(-2.0, 2.0, (ROWS, 3)).astype(np.float32)


def record(first, steps):
    """Return name → (steps, rows, …) of the first observations and what every step gave."""
    observations, rewards, dones = zip(*((each[0], each[1], each[2]) for each in steps))
    return {
        **{f'obs/{name}': np.stack([first[name], *(each[name] for each in observations)]) for name in first},
        'rewards': np.stack(rewards),
        'dones': np.stack(dones),
    }
