# SPDX-License-Identifier: Apache-2.0
"""The configuration of a run: rl_games' parameters and those of the environment."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.policy.run.compose import compose_file, resolve
from rl_policy_node.policy.run.files import BEST, find_checkpoint, find_run, NEWEST, Run
from rl_policy_node.policy.run.other_frameworks import DEPLOYED, framework_of_config
from rl_policy_node.policy.run.yaml_file import read_yaml
from rl_policy_node.policy.shared_types import YamlTree

# What decides how a policy plays; the rest of `params` matters to training alone.
_PLAYED = (
    'params.algo',
    'params.model',
    'params.network',
    'params.config.normalize_input',
    'params.config.normalize_value',
    'params.config.clip_actions',
)


@dataclass(frozen=True)
class TrainConfig:
    """The `params` of an rl_games run, with resolved interpolations, and the environment's part of its configuration.

    path: the file read. task: the environment's part of an IsaacGymEnvs or OmniIsaacGymEnvs run, or {}.
    environment: the file beside it, such as Isaac Lab's env.yaml, as plain data, or {}. unresolved: name → why, for
    values that could not be resolved and that playing does not need. run: the run's files.
    """

    params: YamlTree
    path: Path
    task: YamlTree = field(default_factory=dict)
    environment: YamlTree = field(default_factory=dict)
    unresolved: dict[str, str] = field(default_factory=dict)
    run: Run | None = None

    @classmethod
    def read(cls, path: str | Path, overrides: Iterable[str] = ()) -> 'TrainConfig':
        """Read a train YAML, a run's config.yaml, Isaac Lab's agent.yaml, or a run directory with one of them.

        overrides: Hydra's, `params.config.normalize_input=true`; `+name=value` adds a name that the file
        lacks, `~name` takes one away, `task=Ant` chooses a config where the file lies in Hydra's tree.
        """
        run = find_run(path)
        root, failed = resolve(compose_file(run.config, overrides))
        train = root.get('train', root)
        failed = {name.removeprefix('train.'): why for name, why in failed.items()}
        for name, why in failed.items():
            if name.startswith(_PLAYED):
                raise ConfigurationError(f'train config {run.config}: {name} cannot be resolved: {why}')
        params = _checked(train, run.config)
        _apply_model_size(params['network'])
        environment = read_yaml(run.environment, 'environment') if run.environment else {}
        task = root.get('task')
        # composing adds the number of environments by itself: a task with nothing more is not the run's
        if not (isinstance(task, dict) and (set(task) - {'env'} or set(task.get('env') or {}) - {'numEnvs'})):
            task = {}
        return cls(params=params, path=run.config, environment=environment, unresolved=failed, run=run, task=task)

    @property
    def name(self) -> str:
        """The name that rl_games gives to the run's best checkpoint."""
        return str(self.params['config'].get('name', 'nn'))


def locate_checkpoint(config: TrainConfig, wanted: str | Path) -> tuple[Path, str]:
    """Return the path of a checkpoint and why this one; wanted: a path, 'best', 'newest', or '' for best."""
    if str(wanted) not in ('', BEST, NEWEST):
        return Path(wanted), 'as named'
    assert config.run is not None  # it was read from files
    return find_checkpoint(config.run, config.name, str(wanted))


def _apply_model_size(network: YamlTree) -> None:
    """Do what IsaacGymEnvs' training script does to `mlp.units`: rl_games does not know the multiplier."""
    mlp = network.get('mlp')
    if not isinstance(mlp, dict):
        return
    factor = mlp.get('model_size_multiplier', 1)
    if factor != 1:
        mlp['units'] = [_whole(unit * factor) for unit in mlp['units']]


def _whole(units: float) -> int:
    if units != int(units):
        raise ConfigurationError(
            f'params.network.mlp.model_size_multiplier gives {units} units; expected a whole number'
        )
    return int(units)


def _checked(tree: Any, path: Path) -> YamlTree:
    params = tree.get('params') if isinstance(tree, dict) else None
    if not isinstance(params, dict):
        other = framework_of_config(tree)
        raise ConfigurationError(
            f'train config {path}: no `params`; it has {sorted(map(str, tree))}. '
            + (f'It looks like one of {other}; {DEPLOYED}. ' if other else '')
            + 'Expected an rl_games train YAML (params: algo, model, network, config)'
        )
    for name in ('algo', 'model', 'network', 'config'):
        if not isinstance(params.get(name), dict):
            raise ConfigurationError(f'train config {path}: params.{name} is missing; params has {sorted(params)}')
    for name in ('algo', 'model', 'network'):
        if 'name' not in params[name]:
            raise ConfigurationError(f'train config {path}: params.{name}.name is missing')
    return params
