# SPDX-License-Identifier: Apache-2.0
"""`rl_policy train`: train the insertion policy with rl_games, from the YAML that ships with it."""

from collections.abc import Mapping
import copy
import csv
from pathlib import Path
import sys
import tempfile
from typing import Any, TypeAlias

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn
from rl_games.common import env_configurations, vecenv
from rl_games.common.algo_observer import AlgoObserver
from rl_games.torch_runner import Runner
import torch
import yaml

from rl_policy_node.policy import networks, Spaces
from rl_policy_node.policy.rl_games.global_state import preserved
from rl_policy_node.policy.rl_games.player import create_player
from rl_policy_node.policy.rl_games.quiet import quiet
from rl_policy_node.policy.run.train_config import TrainConfig
from rl_policy_node.sim.insertion.environment import InsertionEnv
from rl_policy_node.tools.train.curve import draw_curves

SELECTION_ROWS, SELECTION_SEED = 128, 1000
FRESH_ROWS, FRESH_SEED = 512, 1001  # neither trains nor selects
# the content of a train YAML, and parameter name → weights of the model
Config: TypeAlias = dict[str, Any]
Weights: TypeAlias = Mapping[str, torch.Tensor]


def train(config_file: str | Path, output: str | Path, blind: bool = False, epochs: int | None = None) -> float:
    """Train, keep the weights that act best deterministically, and write them with their curve.

    Writes `policy.pth`, `train.yaml` and `curve.csv` (with the prefix `blind_` for `blind`, which trains
    without the tactile keys) and `curve.png` into the folder `output`. Returns the success rate of the
    kept weights over fresh episodes, which did not select them.
    """
    config = _configuration(config_file, blind, epochs)
    _register()
    with tempfile.TemporaryDirectory() as scratch, _progress() as bar:
        config['params']['config']['train_dir'] = scratch
        observer = _Selector(config, bar)
        runner = Runner(observer)
        with quiet():
            runner.load(config)
            runner.run_train({'train': True})
    del config['params']['config']['train_dir']
    return _write(observer, config, Path(output), 'blind_' if blind else '')


def _configuration(config_file: str | Path, blind: bool, epochs: int | None) -> Config:
    config: Config = yaml.safe_load(Path(config_file).read_text())
    settings = config['params']['config']
    if blind:
        inputs = config['params']['network']['input_preprocessors']
        for key in [key for key in inputs if key.startswith('tactile')]:
            del inputs[key]
        settings['env_config']['tactile_observations'] = False
    if epochs:
        settings['max_epochs'] = epochs
    return config


def _register() -> None:
    env_configurations.register(
        'insertion', {'vecenv_type': 'INSERTION', 'env_creator': lambda **options: InsertionEnv(1, **options)}
    )
    vecenv.register('INSERTION', lambda _name, actors, **options: InsertionEnv(actors, **options))
    networks.register()


def _progress() -> Progress:
    # bound to the real stdout, while quiet() redirects what rl_games prints to the log
    return Progress(
        '{task.description}',
        BarColumn(bar_width=16),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        '{task.fields[figures]}',
        console=Console(file=sys.stdout),
        redirect_stdout=False,
    )


class _Selector(AlgoObserver):
    """Keeps the weights with the best success, which varies by ten points between epochs."""

    first, every = 100, 10  # epochs in which success is measured

    def __init__(self, config: Config, bar: Progress) -> None:
        super().__init__()
        self._config, self._bar = config, bar
        self._epochs = config['params']['config']['max_epochs']
        self._task = bar.add_task('epoch', total=self._epochs, figures='')
        # epoch, frame, return, success ('' where it was not measured)
        self.curve: list[tuple[int, int, float, float | str]] = []
        self.best, self.weights = -1.0, dict[str, Any]()

    def after_init(self, algo: object) -> None:
        self.algo: Any = algo

    def after_print_stats(self, frame: int, epoch_num: int, total_time: float) -> None:
        """Record an epoch; rl_games calls this after each."""
        success: float | str = ''
        if (epoch_num >= self.first and epoch_num % self.every == 0) or epoch_num >= self._epochs:
            weights = copy.deepcopy(self.algo.model.state_dict())
            success = _success_rate(self._config, weights, SELECTION_ROWS, SELECTION_SEED)
            if success >= self.best:
                self.best, self.weights = success, {'model': weights, 'epoch': epoch_num, 'frame': frame}
        meter = self.algo.game_rewards
        mean = float(meter.get_mean()[0]) if meter.current_size else float('nan')
        self.curve.append((epoch_num, frame, mean, success))
        self._show(epoch_num, f'return {mean:6.1f}, best success {max(self.best, 0.0):.1%}')

    def _show(self, epoch: int, figures: str) -> None:
        self._bar.update(self._task, completed=epoch, figures=figures)
        if not self._bar.console.is_terminal and epoch % self.every == 0:
            self._bar.console.print(f'epoch {epoch} of {self._epochs}: {figures}')  # a log shows no bar


def _success_rate(config: Config, weights: Weights, rows: int, seed: int) -> float:
    """Return the share of `rows` deterministic episodes, one a row, that end inserted."""
    env = InsertionEnv(rows, **{**config['params']['config']['env_config'], 'seed': seed})
    spaces = Spaces({key: space.shape or () for key, space in env.observation_space.spaces.items()}, 6)
    with preserved():  # acting draws from torch's random stream, which training continues
        player = create_player(TrainConfig(config['params'], Path('train.yaml')), spaces, 'cpu')
        player.model.load_state_dict(weights)
        observations = player.env_reset(env)
        player.get_batch_size(observations, 1)
        player.reset()
        for _ in range(env.episode_length):
            observations, _, _, infos = player.env_step(env, player.get_action(observations, True))
    return float(infos['successes'].float().mean())


def _write(observer: _Selector, config: Config, output: Path, prefix: str) -> float:
    output.mkdir(parents=True, exist_ok=True)
    torch.save(observer.weights, output / f'{prefix}policy.pth')
    (output / f'{prefix}train.yaml').write_text(yaml.safe_dump(config, sort_keys=False))
    with open(output / f'{prefix}curve.csv', 'w', newline='') as file:
        writer = csv.writer(file)
        writer.writerow(['epoch', 'frame', 'return', 'success'])
        writer.writerows(observer.curve)
    draw_curves(output)
    return _success_rate(config, observer.weights['model'], FRESH_ROWS, FRESH_SEED)
