# SPDX-License-Identifier: Apache-2.0
"""Train the small policies of gymnasium_runs/ with rl_games: `python test/sim/train_gymnasium.py [name ...]`.

Each takes a minute or two. Writes policy.pth beside the train.yaml that it reads, and says the
mean return of episodes played on the mean of the distribution.
"""

import copy
import logging
from pathlib import Path
import sys
import tempfile

import numpy as np
from rl_games.common import env_configurations, vecenv
from rl_games.common.algo_observer import AlgoObserver
from rl_games.torch_runner import Runner
import torch
import yaml

from rl_policy_node.policy import Policy, set_threads
from rl_policy_node.sim.gymnasium import create

RUNS = Path(__file__).parent / 'gymnasium_runs'
logger = logging.getLogger('train_gymnasium')


class Rows(vecenv.IVecEnv):
    """rl_games' vectorised environment, of a GymnasiumEnvironment."""

    def __init__(self, _name, rows, **options):
        self._environment = create(rows, **options)
        self.step, self.reset = self._environment.step, self._environment.reset

    def get_number_of_agents(self):
        return 1

    def get_env_info(self):
        return {
            'action_space': self._environment.action_space,
            'observation_space': self._environment.observation_space,
        }


class Keeper(AlgoObserver):
    """Keeps the algorithm, whose weights are wanted in the end."""

    def after_init(self, algo):
        self.algo = algo


def train(folder):
    """Train the run of a folder and write its policy.pth: the weights alone."""
    config = yaml.safe_load((folder / 'train.yaml').read_text())
    keeper = Keeper()
    with tempfile.TemporaryDirectory() as scratch:
        settings = copy.deepcopy(config)
        settings['params']['config']['train_dir'] = scratch
        runner = Runner(keeper)
        runner.load(settings)
        runner.run_train({'train': True})
    algo = keeper.algo
    torch.save({'model': algo.model.state_dict(), 'epoch': algo.epoch_num, 'frame': algo.frame}, folder / 'policy.pth')


def mean_return(folder, rows=32, seed=1000, length=1000):
    """Return the mean return of the first episode of each row, of `length` steps at the most."""
    options = yaml.safe_load((folder / 'train.yaml').read_text())['params']['config']['env_config']
    environment = create(rows, **{**options, 'seed': seed, 'max_episode_steps': length})
    choices = getattr(environment.action_space, 'n', 0)
    policy = Policy.load(
        folder / 'train.yaml',
        folder / 'policy.pth',
        rows=rows,
        device='cpu',
        spaces={
            'observation': environment.observation_space.shape,
            **(
                {'action': {'discrete': choices}}
                if choices
                else {
                    'action': environment.action_space.shape[0],
                    'action_low': environment.action_space.low,
                    'action_high': environment.action_space.high,
                }
            ),
        },
    )
    set_threads(1)
    observations, playing, total = environment.reset(), np.ones(rows, bool), 0.0
    while playing.any():
        actions = policy.act(observations)
        observations, rewards, dones, _ = environment.step(actions)
        total += float(rewards[playing].sum())
        playing &= ~dones
    return total / rows


def main():
    """Train the runs that are named, or all."""
    logging.basicConfig(level=logging.INFO, format='%(message)s')
    env_configurations.register(
        'gymnasium', {'vecenv_type': 'GYMNASIUM', 'env_creator': lambda **options: create(1, **options)}
    )
    vecenv.register('GYMNASIUM', Rows)
    for name in sys.argv[1:] or sorted(folder.name for folder in RUNS.iterdir()):
        train(RUNS / name)
        logger.info('%s: mean return %.1f', name, mean_return(RUNS / name))


if __name__ == '__main__':
    main()
