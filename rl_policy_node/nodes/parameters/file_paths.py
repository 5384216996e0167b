# SPDX-License-Identifier: Apache-2.0
"""Finds the files that parameters name: beside the parameter file that states them, else in the working directory."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
import re
from typing import Final, NamedTuple

import yaml

from rl_policy_node.errors import shown, unfit
from rl_policy_node.nodes.parameters import schema
from rl_policy_node.nodes.parameters.conversion import Value
from rl_policy_node.nodes.parameters.parameter_files import content, is_overridden, named_files
from rl_policy_node.options import TO_PATHS
from rl_policy_node.policy.run.files import BEST, NEWEST
from rl_policy_node.resources import PREFIX

# these name a path whatever their value; others may name a module, a simulator or a program instead
_ALWAYS_PATHS: Final = ('policy.train_config', 'policy.checkpoint', 'sim.config', 'sim.python_path')
# values that name no file
_WORDS: Final = ('', schema.BLANK, BEST, NEWEST)
# what `ros2 launch` calls the files in which it passes on values of launch files and of its own arguments
_OF_LAUNCH: Final = 'launch_params_'
# a Python file, and perhaps a name in it
_PYTHON_FILE: Final = re.compile(r'(.*\.py)(:\w+)?')


class NamedPath(NamedTuple):
    """A relative path as a parameter states it. name: of what is meant in the file at this path, such as ':create'."""

    path: str
    name: str = ''

    @classmethod
    def of(cls, parameter: str, value: object) -> 'NamedPath | None':
        """Return the relative path that a text of a parameter names, None if it names none."""
        declaration, text = schema.find(parameter), str(value)
        if declaration is None or declaration.refers_to != TO_PATHS or text in _WORDS:
            return None
        found = _PYTHON_FILE.fullmatch(text)
        path, name = (found[1], found[2] or '') if found and parameter not in _ALWAYS_PATHS else (text, '')
        named = found or '/' in text or parameter in _ALWAYS_PATHS
        elsewhere = text.startswith(('~', PREFIX)) or Path(path).is_absolute()
        return cls(path, name) if named and not elsewhere else None


def located(values: Mapping[str, Value], arguments: Sequence[str], needed: str) -> dict[str, Value]:
    """Return the parameters, with the absolute paths of files that lie beside the parameter file that names them.

    Other relative paths stay as they are: they begin at the working directory. arguments: ROS arguments, which name
    the parameter files. needed: prefix of parameters whose files must exist; raises ConfigurationError, which names
    both places, for one of them that a parameter file states and that exists in neither.
    """
    files: list[tuple[Path, list[tuple[str, object]]]] = []
    for named in named_files(arguments):
        with suppress(OSError, yaml.YAMLError):  # rcl has read it
            files.insert(0, (Path(named).absolute(), list(content(named))))
    found = dict(values)
    for name, value in values.items():
        listed = list(value) if isinstance(value, (list, tuple)) else None
        texts = [value] if listed is None else listed
        if is_overridden(name, arguments) or not any(NamedPath.of(name, text) for text in texts):
            continue
        # of several files the last one that states this value
        file = next((path for path, stated in files if (name, listed or value) in stated), None)
        if file is not None and not file.name.startswith(_OF_LAUNCH):
            placed = [_placed(file.parent, name, text, name.startswith(needed)) for text in texts]
            found[name] = placed[0] if listed is None else placed
    return found


def _placed(folder: Path, parameter: str, text: object, needed: bool) -> str:
    """Return the text of a parameter, with the absolute path of what lies in the folder."""
    named = NamedPath.of(parameter, text)
    if named is None:
        return str(text)
    if (folder / named.path).exists():
        return f'{folder / named.path}{named.name}'
    if needed and not Path(named.path).exists():
        places = f'the folder of the parameter file, {folder}, or to the working directory, {Path.cwd()}'
        raise unfit(f"parameter '{parameter}'", shown(text), f'a path that exists, relative to {places}')
    return str(text)
