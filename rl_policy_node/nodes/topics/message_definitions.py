# SPDX-License-Identifier: Apache-2.0
"""The definition of a message type as text, as tools outside of ROS need it to read serialized messages."""

from __future__ import annotations

from collections.abc import Iterator
import re
from typing import Final

from rl_policy_node.adapters.adapter import message_class

# names of rosidl that .msg files spell otherwise
_NAMES: Final = {'float': 'float32', 'double': 'float64', 'boolean': 'bool', 'octet': 'byte'}
_FIELD: Final = re.compile(
    r'(?:sequence<)?(?P<kind>[\w/]+)(?:<(?P<most>\d+)>)?(?:, (?P<bound>\d+))?>?(?P<size>\[\d+\])?'
)


def type_name(kind: type) -> str:
    """Return the name of a message class, such as std_msgs/msg/String."""
    return f'{kind.__module__.partition(".")[0]}/msg/{kind.__name__}'


def definition(kind: type) -> str:
    """Return the .msg text of a message class, followed by those of the types that it contains."""
    parts, waiting = [_own(kind)], list(_nested(kind))
    for name in waiting:
        inner = message_class(name.replace('/', '/msg/'))
        waiting += [each for each in _nested(inner) if each not in waiting]
        parts.append(f'{"=" * 80}\nMSG: {name}\n{_own(inner)}')
    return '\n'.join(parts)


def _own(kind: type) -> str:
    return ''.join(f'{_spelt(field)} {name}\n' for name, field in _fields(kind))


def _fields(kind: type) -> Iterator[tuple[str, str]]:
    yield from kind.get_fields_and_field_types().items()  # type: ignore[attr-defined]  # every message class has it


def _nested(kind: type) -> Iterator[str]:
    """Yield the message types of fields, such as std_msgs/Header."""
    for _, field in _fields(kind):
        name = _parsed(field)['kind']
        if '/' in name:
            yield name


def _spelt(field: str) -> str:
    """Return the type of a field as .msg files spell it: float64[] for sequence<double>."""
    found = _parsed(field)
    kind = _NAMES.get(found['kind'], found['kind'])
    most, bound = (f'<={number}' if number else '' for number in (found['most'], found['bound']))
    return kind + most + (f'[{bound}]' if field.startswith('sequence<') else found['size'] or '')


def _parsed(field: str) -> re.Match[str]:
    found = _FIELD.fullmatch(field)
    assert found is not None, field
    return found
