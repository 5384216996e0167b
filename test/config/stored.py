# SPDX-License-Identifier: Apache-2.0
"""What the parameter files that ship say, once parsed: name → value, of all that is not a default.

PYTHONPATH=.:test python test/config/stored.py     # writes configurations.json anew, where a file was changed
"""

from collections.abc import Iterator
import dataclasses
import json
from pathlib import Path

import yaml

from rl_policy_node.nodes.parameters.parsing import configuration
from rl_policy_node.options import leaves, value_of

REPOSITORY = Path(__file__).resolve().parents[2]
STORED = Path(__file__).with_name('configurations.json')


def parsed(file: Path) -> dict[str, object]:
    """Return name → value of what a file says otherwise than the defaults."""
    tree = yaml.safe_load(file.read_text('utf-8'))['/**']['ros__parameters']
    made = dict(_named(configuration(dict(_flat(tree)))))
    return json.loads(json.dumps(made).replace(str(REPOSITORY), '…'))


def files() -> list[Path]:
    """Return the files that ship."""
    return sorted((REPOSITORY / 'config').glob('**/*.yaml'))


def _flat(tree: dict[str, object], prefix: str = '') -> Iterator[tuple[str, object]]:
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from _flat(value, f'{prefix}{name}.')
        else:
            yield prefix + name, value


def _named(value: object, prefix: str = '') -> Iterator[tuple[str, object]]:
    if dataclasses.is_dataclass(value):
        for name, leaf in leaves(type(value)).items():
            if value_of(value, name, None) != leaf.default:
                yield prefix + name, value_of(value, name, None)
        grouped = {leaf.path[0] for leaf in leaves(type(value)).values()} | {'name'}
        for field in dataclasses.fields(value):
            if field.name not in grouped:
                # options lie beside those of their owner
                below = prefix if field.name == 'options' else f'{prefix}{field.name}.'
                yield from _named(getattr(value, field.name), below)
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from _named(each, f'{prefix}{name}.')
    elif isinstance(value, tuple) and value and dataclasses.is_dataclass(value[0]):
        for each in value:
            yield from _named(each, f'{prefix}{each.name}.')
    else:
        yield prefix.rstrip('.'), value


if __name__ == '__main__':
    STORED.write_text(json.dumps({file.name: parsed(file) for file in files()}, indent=1) + '\n')
