# SPDX-License-Identifier: Apache-2.0
"""Hydra's configuration trees: a primary `config.yaml` above the folders of its config groups."""

from contextlib import suppress
from pathlib import Path

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.policy.run.yaml_file import read_yaml
from rl_policy_node.policy.shared_types import YamlTree

# folders between a config and the primary above it: `train/GROUP/PPO.yaml` lies two below
_DEPTH = 4


class Tree:
    """A configuration tree around one config of it.

    primary: the config.yaml at its top. group: the config group of this config, such as `train`. choice: the name of
    this config in its group, such as `AntPPO`, or `GROUP/PPO` where the group has folders of its own.
    """

    def __init__(self, primary: Path, group: str, choice: str, choices: YamlTree) -> None:
        self.primary, self.group, self.choice, self._choices = primary, group, choice, choices

    @classmethod
    def around(cls, path: Path) -> 'Tree | None':
        """Return the Tree that a train YAML lies in, or None; the nearest primary that names its group counts."""
        file = path.resolve()
        for folder in file.parents[1 : 1 + _DEPTH]:
            choices: YamlTree = {}
            with suppress(ConfigurationError):
                choices = defaults(read_yaml(folder / 'config.yaml', 'configuration'))
            parts = file.relative_to(folder).with_suffix('').parts
            for depth in range(1, len(parts)):
                group = '/'.join(parts[:depth])
                if group in choices:
                    return cls(folder / 'config.yaml', group, '/'.join(parts[depth:]), choices)
        return None

    def tasks(self) -> list[str]:
        """Return the task configs for which the tree chooses this train config, or that bear its name."""
        pattern, default = str(self._choices[self.group]), self._choices.get('task')
        folder = self.primary.parent / 'task'
        names = sorted(file.relative_to(folder).with_suffix('').as_posix() for file in folder.rglob('*.yaml'))
        return [
            name
            for name in names
            if name == self.choice
            or '${task}' in pattern
            and self.choice == pattern.replace('${task}', name)
            or pattern == self.choice
            and default == name
        ]


def defaults(content: YamlTree) -> YamlTree:
    """Return group → choice of a config's defaults list, {} without one."""
    items = content.get('defaults')
    return {
        name: choice
        for item in (items if isinstance(items, list) else [])
        if isinstance(item, dict)
        for name, choice in item.items()
    }


def check_groups(path: Path, content: YamlTree) -> None:
    """Raise ConfigurationError for the primary of a tree whose groups are not beside it: it holds no configuration."""
    chosen = {name: choice for name, choice in defaults(content).items() if name in ('task', 'train')}
    absent = [name for name in chosen if name not in content and not (path.resolve().parent / name).is_dir()]
    if 'train' not in absent:
        return
    named = ' and '.join(f'{name}: {choice}' for name, choice in chosen.items())
    folders = ' and '.join(f'{name}/' for name in absent)
    raise ConfigurationError(
        f'train config {path}: this is the root of a Hydra tree and no run of its own: its defaults list names '
        f'{named}, but {folders} {"does" if len(absent) == 1 else "do"} not lie beside it. Name what training wrote: a '
        "run's config.yaml with `train:` and `task:` (of Hydra: .hydra/config.yaml), or the train YAML that was used "
        '(in its tree, if it has one), and the checkpoint after it'
    )


def composed_files(path: Path) -> tuple[Path, ...]:
    """Return the files that a configuration is composed from, itself first: alone, or with the tree that it names."""
    content = read_yaml(path, 'train config')
    tree = None if 'train' in content or 'train' in defaults(content) else Tree.around(path)
    primary = tree.primary if tree else path.absolute()
    groups = defaults(read_yaml(primary, 'configuration'))
    parts = sorted(file for group in groups for file in (primary.parent / group).rglob('*.yaml'))
    return tuple(dict.fromkeys((path.resolve() if tree else primary, primary, *parts)))
