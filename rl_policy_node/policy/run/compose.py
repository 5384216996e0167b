# SPDX-License-Identifier: Apache-2.0
"""Composes configurations with Hydra: defaults lists, config groups, overrides, interpolations."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
import re
from typing import Any
import uuid

from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.policy.run import resolvers
from rl_policy_node.policy.run.tree import check_groups, defaults, Tree
from rl_policy_node.policy.run.yaml_file import read_yaml
from rl_policy_node.policy.shared_types import YamlTree

# the name under which Hydra is given what was read already
_STORED = re.compile(r"In 'rl_policy_node_[0-9a-f]{32}\w*': ")
# What train configs of IsaacGymEnvs and OmniIsaacGymEnvs refer to above themselves; training scripts set these.
ROOT: dict[str, Any] = {
    'seed': 42,
    'checkpoint': '',
    'experiment': '',
    'num_envs': '',
    'max_iterations': '',
    'test': False,
    'multi_gpu': False,
    'torch_deterministic': False,
    'headless': True,
    'physics_engine': 'physx',
    'pipeline': 'gpu',
    'sim_device': 'cuda:0',
    'rl_device': 'cuda:0',
    'graphics_device_id': 0,
    'device_id': 0,
    'num_threads': 4,
    'solver_type': 1,
    'num_subscenes': 4,
    'sigma': '',
    'wandb_activate': False,
    'pbt': {'enabled': False},
    'task': {'env': {'numEnvs': 1}},
}


def compose_file(path: str | Path, overrides: Iterable[str] = ()) -> DictConfig:
    """Return the whole configuration of a train YAML or a run's config.yaml, with unresolved interpolations.

    The result has the rl_games parameters under `train.params`, and under `task` the configuration of the environment
    from the file or the Hydra tree around it. overrides: Hydra's, from the root (`train.params.…`,
    `task.…`, `task=Ant`); those that begin with `params.` mean `train.params.`. Raises ConfigurationError.
    """
    path = Path(path)
    content = read_yaml(path, 'train config')
    overrides = [_from_root(override) for override in overrides]
    whole = 'train' in content or 'train' in defaults(content)
    tree = None if whole else Tree.around(path)
    chosen = [
        group
        for group in ('task', 'train')
        if any(override.lstrip('+').startswith(f'{group}=') for override in overrides)
    ]
    if chosen and tree is None and 'train' not in defaults(content):
        raise ConfigurationError(
            f'override {chosen[0]}=…: {path} does not lie in a tree of configurations (a folder '
            'below a config.yaml with a defaults list that names the folder), so there is none to choose'
        )
    if whole:
        check_groups(path, content)
        return _compose_content(path, {}, content, overrides)
    tasks = tree.tasks() if tree and 'task' not in chosen else []
    if tree and ('task' in chosen or len(tasks) == 1):
        groups = [f'{tree.group}={tree.choice}', *(f'task={task}' for task in tasks)]
        folder = tree.primary.parent
        with _named_errors(path, within=folder.resolve() == path.resolve().parent):
            return _compose(folder, tree.primary.stem, [*groups, *overrides])
    return _compose_content(path, {'train': content}, {}, overrides)


def _from_root(override: str) -> str:
    try:
        OverridesParser.create().parse_override(str(override))
    except HydraException as error:
        raise ConfigurationError(
            f"override '{override}': {str(error).splitlines()[0]}; expected Hydra's form: "
            'name=value, +name=value or ~name'
        ) from error
    sign = override[: len(override) - len(override.lstrip('+~'))]
    name = override[len(sign) :]
    return f'{sign}train.{name}' if name.partition('=')[0].split('.')[0] == 'params' else override


def _compose_content(path: Path, parts: Mapping[str, YamlTree], content: YamlTree, overrides: list[str]) -> DictConfig:
    """Compose what was read already: `content` at the root, `parts` below their names, ROOT under both."""
    store, name = ConfigStore.instance(), f'rl_policy_node_{uuid.uuid4().hex}'
    root = {**ROOT, **content}
    if isinstance(content.get('task'), dict):
        root['task'] = {**content['task'], 'env': {**ROOT['task']['env'], **(content['task'].get('env') or {})}}
    # Hydra composes a configuration of its own as well, for a tenth of a second: only where it is needed
    parted = any({'defaults', 'hydra'} & set(each) for each in (root, *parts.values()))
    with _named_errors(path, within=True):
        if not overrides and not parted:
            config = OmegaConf.create({**parts, **root})
            OmegaConf.set_struct(config, True)
            return config
        try:
            for part, node in parts.items():
                store.store(name=f'{name}_{part}', node=node)
            # the root's own defaults come with it; parts are placed by Hydra, their defaults lists included
            if parts:
                root['defaults'] = [f'{name}_{part}@{part}' for part in parts] + ['_self_']
            store.store(name=name, node=root)
            return _compose(path.resolve().parent, name, overrides)
        finally:
            for stored in [key for key in store.repo if key.startswith(name)]:
                del store.repo[stored]


def _compose(folder: Path, name: str, overrides: list[str]) -> DictConfig:
    with initialize_config_dir(config_dir=str(folder.resolve()), version_base='1.3'):
        return compose(name, overrides=overrides)


@contextmanager
def _named_errors(path: Path, within: bool) -> Iterator[None]:
    """Raise what Hydra and OmegaConf say of a file as one line; within: the file's `params` stand below `train`."""
    try:
        yield
    except (HydraException, OmegaConfBaseException, ValueError, TypeError) as error:
        reason = _one_line(error)
        if within:
            reason = reason.replace('train.params', 'params')
        raise ConfigurationError(f'train config {path}: {reason}') from error


def _one_line(error: Exception) -> str:
    """Return an error's text in one line, as Hydra spreads it over several, without where Hydra itself looked."""
    text = _STORED.sub('', str(error).partition('Config search path:')[0])
    lines = [line.strip().rstrip('.') for line in text.splitlines() if line.strip()]
    return '; '.join(lines)[:400] or type(error).__name__


def resolve(config: DictConfig) -> tuple[YamlTree, dict[str, str]]:
    """Return a config as plain Python with resolved interpolations, and name → error of unresolvable ones."""
    failed: dict[str, str] = {}
    with resolvers.registered():
        return _plain(config, '', failed), failed


_DROPPED = object()


def _plain(node: object, name: str, failed: dict[str, str]) -> Any:
    if isinstance(node, DictConfig):
        items = ((key, _item(node, key, f'{name}.{key!s}'.lstrip('.'), failed)) for key in node)
        return {key: value for key, value in items if value is not _DROPPED}
    if isinstance(node, ListConfig):
        values = (_item(node, index, f'{name}[{index}]', failed) for index in range(len(node)))
        return [value for value in values if value is not _DROPPED]
    return node


def _item(node: Any, key: Any, name: str, failed: dict[str, str]) -> Any:
    """Resolve one value alone: a single invalid interpolation must not make the rest of the file unusable."""
    if OmegaConf.is_missing(node, key):
        failed[name] = 'a mandatory value (???) that is not given'
        return _DROPPED
    try:
        return _plain(node[key], name, failed)
    except (OmegaConfBaseException, ValueError, TypeError, AttributeError) as error:
        failed[name] = _one_line(error)
        return _DROPPED
