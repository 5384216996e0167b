# SPDX-License-Identifier: Apache-2.0
"""Definitions of message types as text, and their hashes, from the type information of the message classes.

A class knows its fields, but not the type of its constants, nor the defaults of its fields: the text lacks both. No
reader needs them to decode a message.
"""

from __future__ import annotations

from collections.abc import Iterator
import hashlib
import json
from typing import Any, Final, NamedTuple

from rosidl_parser.definition import (
    AbstractNestedType,
    AbstractString,
    AbstractType,
    Array,
    BasicType,
    BoundedSequence,
    BoundedString,
    BoundedWString,
    NamespacedType,
)

from rl_policy_node.adapters.adapter import message_class

_RULE: Final = '=' * 80
# type of IDL → (name in a .msg file, number in type_description_interfaces/msg/FieldType)
_BASIC: Final = {
    'int8': ('int8', 2),
    'uint8': ('uint8', 3),
    'int16': ('int16', 4),
    'uint16': ('uint16', 5),
    'int32': ('int32', 6),
    'uint32': ('uint32', 7),
    'int64': ('int64', 8),
    'uint64': ('uint64', 9),
    'float': ('float32', 10),
    'double': ('float64', 11),
    'char': ('char', 13),
    'boolean': ('bool', 15),
    'octet': ('byte', 16),
}
_NESTED: Final = 1
_STRING, _WSTRING, _BOUNDED_STRING, _BOUNDED_WSTRING = 17, 18, 21, 22
_ARRAY, _BOUNDED_SEQUENCE, _SEQUENCE = 48, 96, 144


def type_name(kind: type) -> str:
    """Return the name of a message class, such as std_msgs/msg/String."""
    return f'{kind.__module__.partition(".")[0]}/msg/{kind.__name__}'


def definition(kind: type) -> str:
    """Return the .msg text of a message class (ros2msg), followed by those of the types that it contains."""
    parts = [
        ('' if name == type_name(kind) else f'{_RULE}\nMSG: {name.replace("/msg/", "/")}\n')
        + ''.join(f'{field.text} {field.name}\n' for field in fields)
        for name, fields in _collected(kind).items()
    ]
    return ''.join(parts)


def digest(kind: type) -> str:
    """Return the hash of a message class in ROS' own form, RIHS01."""
    described = {name: _described(name, fields) for name, fields in _collected(kind).items()}
    whole = {
        'type_description': described.pop(type_name(kind)),
        'referenced_type_descriptions': [described[name] for name in sorted(described)],
    }
    return f'RIHS01_{hashlib.sha256(json.dumps(whole).encode()).hexdigest()}'


class _Field(NamedTuple):
    """A field: its type as a .msg file has it, and the four numbers and names by which ROS describes that."""

    name: str
    text: str
    number: int
    capacity: int
    string_capacity: int
    nested: str


def _collected(kind: type) -> dict[str, list[_Field]]:
    """Return type → fields of a message class and the types that it contains, depth first."""
    found: dict[str, list[_Field]] = {}
    waiting = [type_name(kind)]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = list(_fields(message_class(name)))
            waiting += [field.nested for field in reversed(found[name]) if field.nested]
    return found


def _fields(kind: Any) -> Iterator[_Field]:
    for name, slot in zip(kind.get_fields_and_field_types(), kind.SLOT_TYPES):
        element = slot.value_type if isinstance(slot, AbstractNestedType) else slot
        text, number, string_capacity, nested = _element(element)
        if isinstance(slot, Array):
            yield _Field(name, f'{text}[{slot.size}]', number + _ARRAY, slot.size, string_capacity, nested)
        elif isinstance(slot, BoundedSequence):
            most = slot.maximum_size
            yield _Field(name, f'{text}[<={most}]', number + _BOUNDED_SEQUENCE, most, string_capacity, nested)
        elif isinstance(slot, AbstractNestedType):
            yield _Field(name, f'{text}[]', number + _SEQUENCE, 0, string_capacity, nested)
        else:
            yield _Field(name, text, number, 0, string_capacity, nested)


def _element(slot: AbstractType) -> tuple[str, int, int, str]:
    """Return the text, the number, the capacity of a string and the nested type of a field that is no list."""
    if isinstance(slot, NamespacedType):
        name = '/'.join(slot.namespaced_name())
        return name.replace('/msg/', '/'), _NESTED, 0, name
    if isinstance(slot, BasicType):
        return *_BASIC[slot.typename], 0, ''
    if isinstance(slot, (BoundedString, BoundedWString)):
        wide = isinstance(slot, BoundedWString)
        text = f'{"wstring" if wide else "string"}<={slot.maximum_size}'
        return text, _BOUNDED_WSTRING if wide else _BOUNDED_STRING, slot.maximum_size, ''
    return ('string', _STRING, 0, '') if isinstance(slot, AbstractString) else ('wstring', _WSTRING, 0, '')


def _described(name: str, fields: list[_Field]) -> dict[str, object]:
    """Return a type as ROS hashes it; ROS gives an empty one a field, which no message has."""
    given = fields or [_Field('structure_needs_at_least_one_member', 'uint8', _BASIC['uint8'][1], 0, 0, '')]
    return {
        'type_name': name,
        'fields': [
            {
                'name': field.name,
                'type': {
                    'type_id': field.number,
                    'capacity': field.capacity,
                    'string_capacity': field.string_capacity,
                    'nested_type_name': field.nested,
                },
            }
            for field in given
        ],
    }
