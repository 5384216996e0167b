# SPDX-License-Identifier: Apache-2.0
"""The line of a parameter file on which a parameter stands."""

from __future__ import annotations

from pathlib import Path

import yaml

_MARK = 'ros__parameters'


class FileLines:
    """The lines of the parameters in a file."""

    def __init__(self, path: str | Path) -> None:
        self._path, self._lines = Path(path), dict[str, int]()
        with open(path, encoding='utf-8') as file:
            root = yaml.compose(file, Loader=yaml.SafeLoader)
        if isinstance(root, yaml.MappingNode):
            self._walk(root, '', inside=False)

    def place(self, parameter: str) -> str:
        """Return 'file:line' of a parameter, or of the nearest group above it; '' if the file has none of them."""
        while parameter:
            if parameter in self._lines:
                return f'{self._path.name}:{self._lines[parameter]}'
            parameter = parameter.rpartition('.')[0]
        return ''

    def _walk(self, node: yaml.MappingNode, prefix: str, inside: bool) -> None:
        """Note the lines of a mapping's keys. inside: below `ros__parameters`."""
        for key, value in node.value:
            name = f'{prefix}.{key.value}' if prefix else str(key.value)
            if inside:
                self._lines.setdefault(name, key.start_mark.line + 1)
            if isinstance(value, yaml.MappingNode):
                begins = key.value == _MARK
                self._walk(value, '' if begins or not inside else name, inside or begins)
