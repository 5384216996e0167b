# SPDX-License-Identifier: Apache-2.0
"""Find the configuration and the checkpoint of a training run."""

from dataclasses import dataclass
from pathlib import Path
import re

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.policy import formats
from rl_policy_node.policy.run.yaml_file import read_yaml

BEST, NEWEST = 'best', 'newest'
_EPOCH = re.compile(r'_ep_?(\d+)')


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
    """Return the Run at a path: a run directory, a folder inside of one, or a configuration file.

    Raises ConfigurationError, which names the searched files, if there is none or more than one.
    """
    path = Path(path)
    if not path.is_dir():
        return _run_of(path)
    config = _config(path)
    if path.name == 'nn' or path.name in _folders() and config is None:
        path = path.resolve().parent
        config = _config(path)
    return _run_of(config or _only_config(path))


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


def _only_config(folder: Path) -> Path:
    found = [file for file in sorted([*folder.glob('*.yaml'), *folder.glob('*.yml')]) if _is_train_config(file)]
    if len(found) == 1:
        return found[0]
    if found:
        raise ConfigurationError(
            f'run {folder}: it holds {len(found)} train configs '
            f'({", ".join(file.name for file in found)}); name one of them'
        )
    runs = sorted({file.relative_to(folder).parts[0] for name in _places() for file in folder.glob(f'*/{name}')})
    if runs:
        raise ConfigurationError(f'run {folder}: it is a folder of runs ({", ".join(runs[:8])}); name one of them')
    raise ConfigurationError(
        f'run {folder}: no configuration in it; looked for {", ".join(_places())} and any '
        'other YAML file with `params:` or `train:`'
    )


def _is_train_config(file: Path) -> bool:
    try:
        content = read_yaml(file, 'train config')
    except ConfigurationError:
        return False
    return 'params' in content or 'train' in content


def find_checkpoint(run: Run, name: str, wanted: str = BEST) -> tuple[Path, str]:
    """Return the path of a run's checkpoint and, in a few words, why this one.

    name: `params.config.name`, the name of rl_games' best checkpoint. wanted: 'best' (the newest if there is none),
    'newest', or '' for best. Raises ConfigurationError if there is no file, or if the files beside the configuration
    may belong to another run.
    """
    folders = [run.folder / 'nn', run.folder]
    found = [file for folder in folders if folder.is_dir() for file in sorted(folder.glob('*.pth'))]
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


def _age(file: Path) -> tuple[int, float, str]:
    """Return the key that sorts checkpoints by age: first the epoch in the name, since copies have other file times."""
    epoch = _EPOCH.search(file.stem)
    return (int(epoch[1]) if epoch else -1, file.stat().st_mtime, file.name)
