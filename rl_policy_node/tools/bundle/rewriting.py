# SPDX-License-Identifier: Apache-2.0
"""Change values in the text of a parameter file, and nothing else of it."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import yaml

from rl_policy_node.errors import ConfigurationError, shown
from rl_policy_node.tools.init.init import flow


def rewritten(file: Path, texts: Mapping[str, Sequence[str]]) -> str:
    """Return the text of a parameter file with other values for some parameters, and comments as they were.

    texts: parameter → its values in their order.
    """
    text = file.read_text(encoding='utf-8')
    found = [(name, node) for name, node in _scalars(yaml.compose(text, Loader=yaml.SafeLoader)) if name in texts]
    changes: list[tuple[int, int, str]] = []
    for name, values in texts.items():
        nodes = [node for each, node in found if each == name]
        if len(nodes) > len(values):
            stated = [node.value for node in nodes]
            raise ConfigurationError(f"{file} states '{name}' for several nodes: {shown(stated)}; expected one")
        changes += [(node.start_mark.index, node.end_mark.index, flow(value)) for node, value in zip(nodes, values)]
    for start, end, value in sorted(changes, reverse=True):
        text = text[:start] + value + text[end:]
    return text


def _scalars(node: yaml.Node | None, name: str = '') -> Iterator[tuple[str, yaml.ScalarNode]]:
    """Yield (parameter, node) of every scalar; of a list each has its parameter's name."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            # names of parameters begin below this key
            yield from _scalars(value, '' if key.value == 'ros__parameters' else f'{name}.{key.value}'.lstrip('.'))
    elif isinstance(node, yaml.SequenceNode):
        for each in node.value:
            yield from _scalars(each, name)
    elif isinstance(node, yaml.ScalarNode):
        yield name, node
