"""`rl_policy train`: train the insertion policy with rl_games, from the YAML that ships with it."""
import copy
import csv
from pathlib import Path
import tempfile

from rl_games.common import env_configurations, vecenv
from rl_games.common.algo_observer import AlgoObserver
from rl_games.torch_runner import Runner
import rich.progress
import torch
import yaml

from rl_policy_node.policy import networks
from rl_policy_node.policy.quiet import quiet
from rl_policy_node.sim.insertion.environment import InsertionEnv

EVALUATION_ROWS = 128
EVALUATION_SEED = 1000


def train(config_file, output, blind=False, max_epochs=None):
    """Train, keep the weights that act best deterministically, and write them with their curve.

    Writes `policy.pth`, `train.yaml`, `curve.csv` and `curve.png` (`blind_*` with `blind`) into the
    folder `output` and returns the success rate of the kept weights over fresh episodes.
    """
    config = _configuration(config_file, blind, max_epochs)
    environment = {'env_creator': lambda **kwargs: InsertionEnv(1, **kwargs), 'vecenv_type': 'INSERTION'}
    env_configurations.register('insertion', environment)
    vecenv.register('INSERTION', lambda _name, actors, **kwargs: InsertionEnv(actors, **kwargs))
    networks.register()
    with tempfile.TemporaryDirectory() as scratch, _progress() as bar:
        config['params']['config']['train_dir'] = scratch
        observer = _Selector(config, bar)
        runner = Runner(observer)
        with quiet():
            runner.load(config)
            runner.run_train({'train': True})
    return _write(observer, config, Path(output), 'blind_' if blind else '')


def _configuration(config_file, blind, max_epochs):
    config = yaml.safe_load(Path(config_file).read_text())
    if blind:
        inputs = config['params']['network']['input_preprocessors']
        for key in [key for key in inputs if key.startswith('tactile')]:
            del inputs[key]
        config['params']['config']['env_config']['tactile_observations'] = False
    if max_epochs:
        config['params']['config']['max_epochs'] = max_epochs
    return config


def _progress():
    columns = ['[progress.description]{task.description}', rich.progress.BarColumn(),
               rich.progress.MofNCompleteColumn(), rich.progress.TimeRemainingColumn(),
               '{task.fields[figures]}']
    return rich.progress.Progress(*columns)


class _Selector(AlgoObserver):
    """Watches the training and keeps the best weights: success swings between epochs by ten points."""

    every = 10                   # epochs between evaluations

    def __init__(self, config, bar):
        super().__init__()
        self._config, self._bar = config, bar
        self._epochs = config['params']['config']['max_epochs']
        self._task = bar.add_task('training', total=self._epochs, figures='')
        self.curve, self.best, self.weights = [], -1.0, None

    def after_init(self, algo):
        self.algo = algo

    def after_print_stats(self, frame, epoch_num, total_time):
        success = None
        if epoch_num % self.every == 0 or epoch_num >= self._epochs:
            weights = copy.deepcopy(self.algo.model.state_dict())
            success = success_rate(self._config, weights, EVALUATION_ROWS, EVALUATION_SEED)
            if success >= self.best:
                self.best = success
                self.weights = {'model': weights, 'epoch': epoch_num, 'frame': frame}
        reward = self.algo.game_rewards.get_mean()[0] if self.algo.game_rewards.current_size else float('nan')
        self.curve.append((epoch_num, frame, float(reward), success))
        self._bar.update(self._task, completed=epoch_num, figures=(
            f'return {reward:6.1f}  best success {max(self.best, 0):.1%}'))


def success_rate(config, weights, rows, seed):
    """Return the share of `rows` deterministic episodes, one a row, that end inserted."""
    settings = config['params']['config']
    env = InsertionEnv(rows, **{**settings['env_config'], 'seed': seed})
    config = copy.deepcopy(config)
    config['params']['torch_threads'] = 0
    config['params']['seed'] = 0
    config['params']['config'].update(env_info=env.get_env_info(), device_name='cpu')
    state = torch.get_rng_state()
    try:
        runner = Runner()
        runner.load(config)
        player = runner.create_player()
    finally:
        torch.set_rng_state(state)
    player.model.load_state_dict(weights)
    observations = player.env_reset(env)
    player.get_batch_size(observations, 1)
    player.reset()
    for _ in range(env.episode_length):
        observations, _, _, infos = player.env_step(env, player.get_action(observations, True))
    return infos['successes'].float().mean().item()


def _write(observer, config, output, prefix):
    output.mkdir(parents=True, exist_ok=True)
    torch.save(observer.weights, output / f'{prefix}policy.pth')
    (output / f'{prefix}train.yaml').write_text(yaml.safe_dump(config, sort_keys=False))
    with open(output / f'{prefix}curve.csv', 'w', newline='') as file:
        writer = csv.writer(file)
        writer.writerow(['epoch', 'frame', 'return', 'success'])
        writer.writerows(observer.curve)
    return success_rate(config, observer.weights['model'], 512, EVALUATION_SEED + 1)
