# SPDX-License-Identifier: Apache-2.0
"""A legged robot's own parameter file against Isaac Gym's Anymal, over DDS in lockstep.

Held against a task that is laid out as IsaacGymEnvs' is (sim/isaacgym_stand), not against NVIDIA's own.
"""

import importlib.util
import sys

from config.anymal_file import tree
from nodes.harness import tiny_run
from nodes.pair import over_dds
import numpy as np
import pytest
from sim.isaacgym_runs import hosted, SEED, STAND
from tools.planted import matrices

ROBOTS, STEPS, SCALE, TRAINED = 4, 80, 0.3, 0.5
# the robot's own policy sees gravity in the frame of its base, which the task turns the other way, and its velocity in
# the world, which the task does not observe at all
TERMS = ['gravity', 'world_vel', 'lin_vel', 'ang_vel', 'command_xy', 'command_yaw', 'joint_pos', 'joint_vel', 'actions']
SIZE = 3 + 3 + 3 + 3 + 2 + 1 + 12 + 12 + 12


def parameters(run):
    """Return the parameters of the robot, and of the simulator that stands in for it."""
    values = tree(
        'Anymal',
        **{
            'policy.train_config': str(run / 'train.yaml'),
            'policy.checkpoint': str(run / 'policy.pth'),
            'policy.device': 'cpu',
            'policy.backend': 'eager',
            'spaces.observation.obs': [SIZE],
            'spaces.actions': 12,
            'inputs.obs': TERMS,
            'terms.gravity.inverse': True,
            'terms.world_vel.kind': 'rotate',
            'terms.world_vel.source': 'odometry',
            'terms.world_vel.field': 'linear_velocity',
            'terms.world_vel.inverse': False,
            'actions.legs.scale': [SCALE],
            'actions.legs.limits': 'none',
            'enable': 'none',
            'blend_in': 0.0,
            'autostart': True,
            'guardian': False,
            'trigger': 'lockstep',
            'episode_topic': 'episode',
            'sim.config': str(STAND / 'runs' / 'Anymal' / 'config.yaml'),
            'sim.python': sys.executable,
            'sim.python_path': [str(STAND)],
            'sim.device': 'cpu',
            'sim.seed': SEED,
            'sim.mode': 'lockstep',
            'sim.steps': STEPS,
        },
    )
    limits = ('enable.', 'actions.legs.lower', 'actions.legs.upper', 'actions.legs.max_velocity')
    return {name: value for name, value in values.items() if not name.startswith(limits)}


def observation(environment, last):
    """Return what the robot's policy observes (rows, n), by formulas of the test from the simulator's raw state."""
    raw, scene = environment.raw, environment.scene
    base = raw['bodies'][:, scene['bodies'].index('anymal/base')].astype(np.float64)
    turn, default = matrices(base[:, 3:7]), np.array(scene['articulations']['anymal']['default'])
    parts = [
        turn.transpose(0, 2, 1) @ [0.0, 0.0, -1.0],
        base[:, 7:10],
        2.0 * np.einsum('rji,rj->ri', turn, base[:, 7:10]),
        0.25 * np.einsum('rji,rj->ri', turn, base[:, 10:13]),
        raw['commands/base_velocity'] * [2.0, 2.0, 0.25],
        raw['joints/anymal/position'] - default,
        0.05 * raw['joints/anymal/velocity'],
        last,
    ]
    return np.concatenate(parts, axis=1)


@pytest.mark.slow
@pytest.mark.worker
def test_what_the_policy_observes_of_the_robot_is_what_the_simulator_says(tmp_path):
    if not all(importlib.util.find_spec(each) for each in ('hydra', 'torch')):
        pytest.skip(f'{sys.executable} has no torch or no hydra-core')
    run = tiny_run(tmp_path, SIZE, 12)
    played, kept = over_dds(parameters(run), tmp_path)
    environment = hosted('Anymal', python=sys.executable, python_path=[str(STAND)])
    try:
        observed, previous, ends = environment.reset(), np.zeros((ROBOTS, 12)), 0
        for step in range(STEPS):
            assert np.array_equal(played['obs/obs'][step], observed['obs']), 'the same episode'
            wanted = observation(environment, previous)
            np.testing.assert_allclose(kept['obs'][step], wanted, atol=1e-5, err_msg=f'step {step}')
            # the simulator turns the robot's targets into actions by its own scale
            np.testing.assert_allclose(played['actions'][step], kept['actions'][step] * SCALE / TRAINED, atol=1e-5)
            observed, _, dones, _ = environment.step(played['actions'][step])
            previous = np.where(dones[:, None], 0.0, kept['actions'][step])
            ends += dones.sum()
    finally:
        environment.close()
    assert ends > ROBOTS, 'across the ends of episodes'
    assert (np.ptp(kept['obs'][:STEPS], axis=(0, 1)) > 1e-3).all(), 'every number moves'
    np.testing.assert_array_less(0.1, abs(kept['obs'][..., :2]).max(axis=(0, 1)))
