# SPDX-License-Identifier: Apache-2.0
"""Find the configuration and the checkpoint of a training run."""

from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
import re

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.policy import formats
from rl_policy_node.policy.run.yaml_file import read_yaml

BEST, NEWEST = 'best', 'newest'
_EPOCH = re.compile(r'_ep_?(\d+)')
_SUFFIXES = ('.pth', '.pt')


@dataclass(frozen=True)
class Run:
    """The places of a run's files.

    config: the train YAML, a run's config.yaml or Isaac Lab's agent.yaml. environment: the file beside it with the
    environment's part, such as Isaac Lab's env.yaml, or None. folder: searched for checkpoints.
    """

    config: Path
    environment: Path | None
    folder: Path


def find_run(path: str | Path) -> Run:
    """Return the Run at a path: a run directory, a folder inside of one, a configuration file, or a checkpoint.

    Raises ConfigurationError, which names the searched files, if there is none or more than one.
    """
    path = Path(path)
    if is_checkpoint(path):
        return _run_around(path)
    if not path.is_dir():
        return _run_of(path)
    config = _config(path)
    if path.name == 'nn' or path.name in _folders() and config is None:
        path = path.resolve().parent
        config = _config(path)
    return _run_of(config) if config else _only_run(path)


def is_checkpoint(path: str | Path) -> bool:
    """Return whether a path is, by its name, that of a checkpoint rather than of a configuration or a folder."""
    return Path(path).suffix in _SUFFIXES and not Path(path).is_dir()


def _run_around(checkpoint: Path) -> Run:
    """Return the Run that a checkpoint lies in, at the top or in its nn/."""
    folder = checkpoint.parent
    if folder.name == '' and folder.resolve().name == 'nn':
        folder = folder.resolve()
    try:
        return find_run(folder)
    except ConfigurationError as error:
        raise ConfigurationError(
            f'checkpoint {checkpoint}: its configuration is not found ({error}). Name the configuration first '
            "(the train YAML, the run's config.yaml or params/agent.yaml), and this file after it"
        ) from error


def _config(folder: Path) -> Path | None:
    found = (form.find(folder) for form in formats.FORMATS)
    return next((config for config in found if config is not None), None)


def _places() -> list[str]:
    """Return the paths of frameworks' configurations, relative to the run directory."""
    return [name for form in formats.FORMATS for name in form.configs]


def _folders() -> set[str]:
    """Return the folders of a run directory that may hold its configuration."""
    return {Path(name).parent.name for name in _places()} - {''}


def _run_of(config: Path) -> Run:
    beside = (config.parent / form.environment for form in formats.FORMATS if form.environment)
    inside = config.parent.name in _folders()
    return Run(
        config=config,
        environment=next((file for file in beside if file.is_file() and file != config), None),
        folder=config.parent.parent if inside else config.parent,
    )


def _only_run(folder: Path) -> Run:
    """Return the Run of a folder by the one train config in it, or by the one beside it that names its checkpoints."""
    found = _train_configs(folder)
    if len(found) == 1:
        return _run_of(found[0])
    if found:
        raise ConfigurationError(
            f'run {folder}: it holds {len(found)} train configs '
            f'({", ".join(file.name for file in found)}); name one of them'
        )
    runs = sorted({file.relative_to(folder).parts[0] for name in _places() for file in folder.glob(f'*/{name}')})
    if runs:
        raise ConfigurationError(f'run {folder}: it is a folder of runs ({", ".join(runs[:8])}); name one of them')
    return _run_beside(folder)


def _run_beside(folder: Path) -> Run:
    """Return the Run of a folder that rl_games' own runner wrote: it holds checkpoints and no configuration."""
    checkpoints = _checkpoints(folder)
    beside = _train_configs(folder.parent if folder.name else folder.resolve().parent) if checkpoints else []
    # rl_games names checkpoints `name`, `name_ep_…` or `last_name_ep_…`
    patterns = [(config, rf'(last_)?{re.escape(_name(config))}(_ep_?\d.*)?') for config in beside]
    named = [config for config, names in patterns if any(re.fullmatch(names, file.stem) for file in checkpoints)]
    if len(named) == 1:
        return replace(_run_of(named[0]), folder=folder)
    text = f'run {folder}: no configuration in it; looked for {", ".join(_places())} and any other YAML file with '
    text += '`params:` or `train:`'
    if beside:
        text += (
            f'; beside it lie train configs ({", ".join(config.name for config in beside[:8])}), '
            f'{"several" if named else "none"} of which bear the name of {checkpoints[0].name} '
            f'(params.config.name): name the one of this run, and {checkpoints[0]} after it'
        )
    raise ConfigurationError(text)


def _train_configs(folder: Path) -> list[Path]:
    found = []
    for file in sorted([*folder.glob('*.yaml'), *folder.glob('*.yml')]):
        with suppress(ConfigurationError):
            if {'params', 'train'} & set(read_yaml(file, 'train config')):
                found.append(file)
    return found


def _name(config: Path) -> str:
    """Return the name that a train config gives to its checkpoints, as it stands there."""
    content = read_yaml(config, 'train config')
    node: object = content.get('train', content)
    for part in ('params', 'config', 'name'):
        node = node.get(part) if isinstance(node, dict) else None
    return node if isinstance(node, str) else ''


def find_checkpoint(run: Run, name: str, wanted: str = BEST) -> tuple[Path, str]:
    """Return the path of a run's checkpoint and, in a few words, why this one.

    name: `params.config.name`, the name of rl_games' best checkpoint. wanted: 'best' (the newest if there is none),
    'newest', or '' for best. Raises ConfigurationError if there is no file, or if the files beside the configuration
    may belong to another run.
    """
    found = _checkpoints(run.folder)
    if not found:
        raise ConfigurationError(f'run {run.folder}: no checkpoint (*.pth) in it or in its nn/')
    files = [file for file in found if name in file.stem or file.parent.name == 'nn'] or found
    if len(files) > 1 and files is found:
        raise ConfigurationError(
            f'run {run.folder}: none of its checkpoints bears the name {name} '
            f'({", ".join(file.name for file in found[:8])}); name one of them'
        )
    best = next((file for file in files if file.name == f'{name}.pth'), None)
    if wanted in ('', BEST) and best is not None:
        return best, f'the best by reward: rl_games names it {best.name}'
    newest = max(files, key=_age)
    return newest, f'the newest of {len(files)}' + ('' if wanted == NEWEST else f'; there is no {name}.pth')


def _checkpoints(folder: Path) -> list[Path]:
    """Return the checkpoints of a run directory; those in its nn/ come first."""
    return [file for place in (folder / 'nn', folder) if place.is_dir() for file in sorted(place.glob('*.pth'))]


def _age(file: Path) -> tuple[int, float, str]:
    """Return the key that sorts checkpoints by age: first the epoch in the name, since copies have other file times."""
    epoch = _EPOCH.search(file.stem)
    return (int(epoch[1]) if epoch else -1, file.stat().st_mtime, file.name)
