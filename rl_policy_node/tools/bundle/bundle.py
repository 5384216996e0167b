# SPDX-License-Identifier: Apache-2.0
"""`rl_policy bundle`: one folder with a parameter file and all files that its policy needs, for the robot."""

from collections.abc import Iterator, Mapping
import os
from pathlib import Path
import shutil

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.nodes.parameters.conversion import Value
from rl_policy_node.nodes.parameters.file_paths import NamedPath
from rl_policy_node.nodes.parameters.schema import BLANK
from rl_policy_node.nodes.simulator.isaaclab_run import MANIFEST
from rl_policy_node.policy.run.trained_run import TrainedRun
from rl_policy_node.policy.run.tree import composed_files
from rl_policy_node.resources import PREFIX, resolve
from rl_policy_node.tools.bundle.rewriting import rewritten
from rl_policy_node.tools.process.processes import private_domain

TRAIN, CHECKPOINT, PLUGINS = 'policy.train_config', 'policy.checkpoint', 'policy.plugins'


def bundle(file: str | Path, folder: str | Path, force: bool = False) -> list[str]:
    """Copy a parameter file and the files that its policy needs into a folder; return a line for each.

    The copy of the parameter file states paths from its folder; all else in it, comments too, is as it was. What ships
    with the package is not copied. force: write into a folder that has files. Raises ConfigurationError, also where
    the copies say something else than the run.
    """
    private_domain(chosen=False)
    from rl_policy_node.nodes.policy.dry_run import read_values

    source, target = Path(file), Path(folder)
    if target.resolve() == source.resolve().parent:
        raise ConfigurationError(f'{target} is the folder of {source.name} itself; name another one')
    if target.exists() and not force and (not target.is_dir() or any(target.iterdir())):
        raise ConfigurationError(f'{target} exists; --force writes into it')
    values = read_values(source)
    run = _run(values)
    copies, texts = _copies(run, values)
    text = rewritten(source, texts)
    for place, origin in copies.items():
        (target / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(origin, target / place)
    target.mkdir(parents=True, exist_ok=True)
    (target / source.name).write_text(text, encoding='utf-8')
    copied = _run(read_values(target / source.name))
    for part in ('params', 'task', 'environment'):
        if getattr(copied.config, part) != getattr(run.config, part):
            raise ConfigurationError(
                f'{run.config.path} is composed of files that {target} lacks: its {part} differ there; name the '
                "configuration that training wrote, a run's config.yaml or agent.yaml"
            )
    copied_files = [f'{target / place}  from {origin}' for place, origin in copies.items()]
    return [str(target / source.name), *copied_files, *(f'not in it: {each}' for each in _outside(values))]


def _run(values: Mapping[str, Value]) -> TrainedRun:
    """Return the run that parameters name, with its checkpoint."""
    train, checkpoint = str(values.get(TRAIN, BLANK)), str(values.get(CHECKPOINT, ''))
    if BLANK in (train, checkpoint):
        raise ConfigurationError(f'{TRAIN} and {CHECKPOINT} have to be stated before their files can be copied')
    run = TrainedRun.read(resolve(train), resolve(checkpoint), _listed(values.get('policy.overrides', ())))
    if run.checkpoint_choice[0] is None:
        raise ConfigurationError(f'no checkpoint: {run.checkpoint_choice[1]}')
    return run


def _copies(run: TrainedRun, values: Mapping[str, Value]) -> tuple[dict[str, Path], dict[str, list[str]]]:
    """Return place in the bundle → file, and parameter → its texts in the bundle."""
    copies: dict[str, Path] = {}
    texts: dict[str, list[str]] = {}
    assert run.config.run is not None  # it was read from files
    composed, folder = composed_files(run.config.path), run.config.run.folder.absolute()
    root = Path(os.path.commonpath([each.parent for each in composed])) if len(composed) > 1 else folder
    beside = [run.config.run.environment, folder / MANIFEST]
    if not str(values[TRAIN]).startswith(PREFIX):
        named = (*composed, *(each.absolute() for each in beside if each is not None and each.is_file()))
        copies |= {_place(each, root): each for each in named}
        texts[TRAIN] = [_place(composed[0], root)]
    checkpoint = run.checkpoint_choice[0]
    if checkpoint is not None and not str(values.get(CHECKPOINT, '')).startswith(PREFIX):
        texts[CHECKPOINT] = [_place(checkpoint.absolute(), root, 'nn/')]
        copies[texts[CHECKPOINT][0]] = checkpoint
    texts[PLUGINS] = _listed(values.get(PLUGINS, ()))
    for index, each in enumerate(texts[PLUGINS]):
        if each.endswith('.py'):
            place = f'plugins/{Path(each).name}'
            if place in copies:
                raise ConfigurationError(f'{PLUGINS} names two files {Path(each).name}; give one another name')
            copies[place], texts[PLUGINS][index] = Path(each), place
    return copies, texts


def _place(file: Path, root: Path, otherwise: str = '') -> str:
    """Return the path of a run's file in a bundle. otherwise: the folder for one that lies elsewhere."""
    inside = file.relative_to(root).as_posix() if file.is_relative_to(root) else f'{otherwise}{file.name}'
    return f'run/{inside}'


def _outside(values: Mapping[str, Value]) -> Iterator[str]:
    """Yield what a file names besides its run and plug-in files: modules of Python, and files of the simulator."""
    for name, value in sorted(values.items()):
        for text in _listed(value):
            code = name == PLUGINS or name.endswith(('.type', '.function')) and ':' in text
            if code and not text.endswith('.py'):
                yield f"the Python module of '{name}', {text}"
            elif name.startswith('sim.') and (NamedPath.of(name, text) or Path(text).is_absolute()):
                yield f"the path of '{name}', {text}"


def _listed(value: Value) -> list[str]:
    return [str(value)] if isinstance(value, (bool, int, float, str)) else list(map(str, value))
