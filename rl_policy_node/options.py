# SPDX-License-Identifier: Apache-2.0
"""Options: fields of frozen dataclasses that say themselves what they mean, so that parameters follow from them."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, Field, field, fields, MISSING, replace
import math
from operator import attrgetter
from types import UnionType
from typing import Any, Final, get_args, get_type_hints, NamedTuple, TypeVar, Union

from rl_policy_node.errors import unknown

T = TypeVar('T')

_OPTION, _GROUP = 'option', 'group'
_TYPES: Final[dict[object, str]] = {
    bool: 'bool', int: 'integer', float: 'double', str: 'string', tuple[bool, ...]: 'bool[]',
    tuple[int, ...]: 'integer[]', tuple[float, ...]: 'double[]', tuple[str, ...]: 'string[]'}

_KNOWN: Final[dict[type, Mapping[str, Leaf]]] = {}


@dataclass(frozen=True)
class Option:
    """The meaning of a field.

    low, high: bounds of a number. required: a kind that has it needs it stated. live: it may change while the policy
    acts. per_axis: one number for all axes, or one each. only_with: the field that makes it count, and that field's
    value. absent: the value of the parameter that stands for None.
    """

    description: str
    unit: str = ''
    low: float = -math.inf
    high: float = math.inf
    choices: tuple[str, ...] = ()
    required: bool = False
    live: bool = False
    per_axis: bool = False
    only_with: tuple[str, str] | None = None
    absent: object = None


class Leaf(NamedTuple):
    """An option by name. type: of its parameter. default: MISSING where there is none. path: of fields down to it."""

    type: str
    default: object
    option: Option
    path: tuple[str, ...]


def option(default: Any = MISSING, description: str = '', **meaning: Any) -> Any:
    """Return a dataclass field with an Option; MISSING: it has no default."""
    return field(default=default, metadata={_OPTION: Option(description, **meaning)})


def group(options: type[T]) -> T:
    """Return a dataclass field that holds further options; their parameters lie beside those of its owner."""
    made: T = field(default=options(), metadata={_GROUP: options})
    return made


def leaves(options: type) -> Mapping[str, Leaf]:
    """Return name → Leaf of the options of a dataclass and of its groups, in the order of its fields."""
    if options not in _KNOWN:
        _KNOWN[options] = dict(_leaves(options))
    return _KNOWN[options]


def merged(*options: type) -> dict[str, Leaf]:
    """Return name → Leaf of several dataclasses: an option that several have has the choices of all."""
    result: dict[str, Leaf] = {}
    for each in options:
        for name, leaf in leaves(each).items():
            known = result.setdefault(name, leaf)
            if known.option.choices != leaf.option.choices:
                choices = tuple(dict.fromkeys((*known.option.choices, *leaf.option.choices)))
                result[name] = known._replace(option=replace(known.option, choices=choices))
    return result


def build(options: type[T], values: Mapping[str, Any], /, **others: Any) -> T:
    """Return a dataclass of name → value of its leaves; defaults stand for what is left out. Lists become tuples.

    others: the fields that are no options.
    """
    known: list[Field[Any]] = list(fields(options))     # type: ignore[arg-type]  # a dataclass
    given = dict(others)
    for each in known:
        if _GROUP in each.metadata:
            given[each.name] = build(each.metadata[_GROUP], values)
        elif each.name in values and each.name not in given:
            value = values[each.name]
            given[each.name] = tuple(value) if isinstance(value, list) else value
    return options(**given)


def value_of(options: object, name: str, otherwise: Any = None) -> Any:
    """Return the value of a leaf; otherwise: of one that these options do not have."""
    known = leaves(type(options))
    return attrgetter('.'.join(known[name].path))(options) if name in known else otherwise


def check_choices(options: object, where: str) -> None:
    """Raise ConfigurationError where a value is none of its choices."""
    for name, leaf in leaves(type(options)).items():
        if leaf.option.choices and value_of(options, name) not in leaf.option.choices:
            raise unknown(name, value_of(options, name), leaf.option.choices, where)


def _leaves(options: type) -> Iterator[tuple[str, Leaf]]:
    hints = get_type_hints(options)
    for each in fields(options):
        if _GROUP in each.metadata:
            for name, leaf in leaves(each.metadata[_GROUP]).items():
                yield name, leaf._replace(path=(each.name, *leaf.path))
        elif _OPTION in each.metadata:
            yield each.name, Leaf(_type(hints[each.name]), each.default, each.metadata[_OPTION], (each.name,))


def _type(hint: Any) -> str:
    if isinstance(hint, UnionType) or getattr(hint, '__origin__', None) is Union:
        hint = next(each for each in get_args(hint) if each is not type(None))
    return _TYPES[hint]
