"""The train config of a run: rl_games' YAML, read without side effects."""
from dataclasses import dataclass
from pathlib import Path

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
import yaml

from rl_policy_node.errors import ConfigurationError


@dataclass(frozen=True)
class TrainConfig:
    """The `params` of an rl_games run, interpolations resolved, and where they came from."""

    params: dict
    path: Path

    @classmethod
    def read(cls, path, overrides=()):
        """Read a train YAML, or the `train` half of a run's config.yaml.

        overrides: Hydra's dotted form, `params.config.normalize_input=true`; `+name=value` adds a
        name that the file lacks, `~name` takes one away.
        """
        path = Path(path)
        config = _load(path)
        for override in overrides:
            _apply(config, override, path)
        if 'params' not in config and OmegaConf.is_dict(config.get('train')):
            config = config.train       # the other half is the task's, and need not resolve here
        try:
            tree = OmegaConf.to_container(config, resolve=True)
        except OmegaConfBaseException as error:
            raise ConfigurationError(f'train config {path}: {str(error).splitlines()[0]}') from error
        return cls(params=_checked(tree, path), path=path)

    @property
    def network(self):
        """Name of the network."""
        return self.params['network']['name']

    @property
    def normalize_input(self):
        """Whether the observations were normalised by running statistics."""
        return bool(self.params['config'].get('normalize_input', False))


def _load(path):
    if not path.is_file():
        raise ConfigurationError(f'train config {path}: no such file')
    try:
        config = OmegaConf.load(path)
    except (yaml.YAMLError, UnicodeDecodeError, OmegaConfBaseException) as error:
        raise ConfigurationError(f'train config {path}: not a YAML file ({str(error).splitlines()[0]})') from error
    if not OmegaConf.is_dict(config):
        raise ConfigurationError(f'train config {path}: expected a mapping with `params`, got {type(config).__name__}')
    return config


def _apply(config, override, path):
    name, sign, _ = override.partition('=')
    plain = name.lstrip('+~')
    if not name.startswith('+') and not _has(config, plain):
        raise ConfigurationError(f"override '{override}': {path} has no '{plain}'; write +{plain}=… to add it")
    if name.startswith('~'):
        parent, _, leaf = plain.rpartition('.')
        del (OmegaConf.select(config, parent) if parent else config)[leaf]
    elif not sign:
        raise ConfigurationError(f"override '{override}': expected name=value, +name=value or ~name")
    else:
        try:
            value = OmegaConf.from_dotlist([override.lstrip('+')])
        except yaml.YAMLError as error:
            raise ConfigurationError(f"override '{override}': its value is not YAML") from error
        OmegaConf.update(config, plain, OmegaConf.select(value, plain), force_add=True)


def _has(config, name):
    parent, _, leaf = name.rpartition('.')
    node = OmegaConf.select(config, parent, throw_on_resolution_failure=False) if parent else config
    return OmegaConf.is_dict(node) and leaf in node


def _checked(tree, path):
    params = tree.get('params')
    if not isinstance(params, dict):
        raise ConfigurationError(f'train config {path}: no `params`; it has {sorted(map(str, tree))}. '
                                 'Expected an rl_games train YAML (params: algo, model, network, config)')
    for name in ('algo', 'model', 'network', 'config'):
        if not isinstance(params.get(name), dict):
            raise ConfigurationError(f'train config {path}: params.{name} is missing; params has {sorted(params)}')
    for name in ('algo', 'model', 'network'):
        if 'name' not in params[name]:
            raise ConfigurationError(f'train config {path}: params.{name}.name is missing')
    return params
