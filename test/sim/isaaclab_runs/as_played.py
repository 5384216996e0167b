# SPDX-License-Identifier: Apache-2.0
"""Play a run in Isaac Lab's own Python as its play script does, and record it.

The script lets networks and simulator draw from one random stream. Here the simulator has it for itself, as where the
policy plays in another process.

python as_played.py RUN ROWS STEPS SEED RECORD.npz
"""

import json
from pathlib import Path
import sys

import gymnasium
from isaaclab.app import launch_simulation
from isaaclab_rl.rl_games import register_rl_games_env, RlGamesVecEnvWrapper
import isaaclab_tasks  # noqa: F401 - registers the tasks
from isaaclab_tasks.utils import resolve_task_config
import numpy as np
from rl_games.torch_runner import Runner
import torch


def main(run, rows, steps, seed, record):
    """Play `steps` steps of `rows` rows."""
    task = json.loads((Path(run) / 'run.json').read_text())['task']
    settings, agent = resolve_task_config(task, 'rl_games_cfg_entry_point', overrides=[])
    params = agent['params']
    params['config'].update(device='cpu', device_name='cpu', num_actors=rows)
    params.update(seed=seed, load_checkpoint=True, load_path=checkpoint(run, params['config']['name']))
    settings.scene.num_envs, settings.sim.device, settings.seed = rows, 'cpu', seed
    with launch_simulation(settings, {'device': 'cpu', 'headless': True}):
        env = RlGamesVecEnvWrapper.from_agent_cfg(gymnasium.make(task, cfg=settings), agent)
        register_rl_games_env(env)
        runner = Runner()
        runner.load(agent)
        player = runner.create_player()
        player.restore(params['load_path'])
        player.reset()
        np.savez(record, **played(env, player, steps, seed))
        env.close()


def checkpoint(run, name):
    """Return the path of the best checkpoint of a run."""
    return str(Path(run) / 'nn' / f'{name}.pth')


def played(env, player, steps, seed):
    """Return name → (steps, rows, …) of what the play script's loop sees."""
    env.seed(seed)
    observations = env.reset()['obs']
    player.get_batch_size(observations, 1)
    if player.is_rnn:
        player.init_rnn()
    found = {'obs/obs': [], 'actions': [], 'rewards': [], 'dones': []}
    for _ in range(steps):
        observations = player.obs_to_torch(observations)
        stream = torch.get_rng_state()
        actions = player.get_action(observations, is_deterministic=player.is_deterministic)
        torch.set_rng_state(stream)
        found['obs/obs'].append(observations.numpy().copy())
        found['actions'].append(actions.numpy().copy())
        observations, rewards, dones, _ = env.step(actions)
        observations = observations['obs']
        found['rewards'].append(rewards.numpy().copy())
        found['dones'].append(dones.numpy().copy())
        if player.is_rnn and len(dones) > 0:
            for state in player.states:
                state[:, dones.nonzero().flatten()] = 0.0
    return {name: np.stack(values) for name, values in found.items()}


if __name__ == '__main__':
    main(sys.argv[1], *map(int, sys.argv[2:5]), sys.argv[5])
