# SPDX-License-Identifier: Apache-2.0
"""Options: fields of frozen dataclasses that say themselves what they mean, so that parameters follow from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, Field, field, fields, replace
import math
from operator import attrgetter
from types import UnionType
from typing import Any, Final, get_args, get_type_hints, NamedTuple, TypeVar

T = TypeVar('T')

_OPTION, _GROUP = 'option', 'group'
TO_JOINTS, TO_PATHS = 'joints', 'paths'
_TYPES: Final[dict[object, str]] = {
    bool: 'bool',
    int: 'integer',
    float: 'double',
    str: 'string',
    tuple[bool, ...]: 'bool[]',
    tuple[int, ...]: 'integer[]',
    tuple[float, ...]: 'double[]',
    tuple[str, ...]: 'string[]',
}

_KNOWN: Final[dict[type, Mapping[str, Leaf]]] = {}


@dataclass(frozen=True)
class Option:
    """The meaning of a field.

    low, high: bounds of a number. required: a kind that has it needs it stated. live: it may change while the policy
    acts. per_axis: one number for all axes, or one each. only_with: the field that makes it count, and that field's
    value. absent: the value of the parameter that stands for None; in a list, that all its numbers have. from_run: None
    means as in the run. name: of the parameter, where it is not the field's. refers_to: what its texts name,
    TO_JOINTS, TO_PATHS or ''.
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
    absent: float | str | None = None
    name: str = ''
    from_run: bool = False
    refers_to: str = ''


class Leaf(NamedTuple):
    """An option by name. type: of its parameter. default: MISSING where there is none. path: of fields down to it."""

    type: str
    default: object
    option: Option
    path: tuple[str, ...]

    def is_default(self, value: object) -> bool:
        """Return whether a value of the parameter says what its absence says."""
        return _meant(self, value) == self.default


def option(
    default: T,
    description: str,
    unit: str = '',
    low: float = -math.inf,
    high: float = math.inf,
    choices: tuple[str, ...] = (),
    *,
    required: bool = False,
    live: bool = False,
    per_axis: bool = False,
    only_with: tuple[str, str] | None = None,
    absent: float | str | None = None,
    name: str = '',
    from_run: bool = False,
    refers_to: str = '',
) -> T:
    """Return a dataclass field that is an Option."""
    meaning = Option(
        description, unit, low, high, choices, required, live, per_axis, only_with, absent, name, from_run, refers_to
    )
    made: T = field(default=default, metadata={_OPTION: meaning})
    return made


def mandatory(_kind: type[T], description: str, choices: tuple[str, ...] = (), refers_to: str = '') -> T:
    """Return a dataclass field that is an Option without a default."""
    made: T = field(metadata={_OPTION: Option(description, choices=choices, refers_to=refers_to)})
    return made


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


def build(options: type[T], values: Mapping[str, object], /, **others: object) -> T:
    """Return a dataclass of name → value of its leaves; defaults stand for what is left out.

    Lists become tuples, as one number does that stands for a list, and values that mean absence None or an empty tuple.
    others: the fields that are no options.
    """
    known: list[Field[Any]] = list(fields(options))  # type: ignore[arg-type]  # a dataclass
    given = dict(others)
    for each in known:
        if _GROUP in each.metadata:
            given[each.name] = build(each.metadata[_GROUP], values)
        elif _OPTION in each.metadata and each.name not in given:
            name = each.metadata[_OPTION].name or each.name
            if name in values:
                given[each.name] = _meant(leaves(options)[name], values[name])
    return options(**given)


def _meant(leaf: Leaf, value: object) -> object:
    absent = leaf.option.absent
    if not leaf.type.endswith('[]'):
        return None if absent is not None and (value == absent or value != value and absent != absent) else value
    listed = tuple(value) if isinstance(value, (list, tuple)) else (value,)
    return () if absent is not None and all(each == absent for each in listed) else listed


def value_of(options: object, name: str, otherwise: T) -> T:
    """Return the value of a leaf; otherwise: of one that these options do not have."""
    known = leaves(type(options))
    value: T = attrgetter('.'.join(known[name].path))(options) if name in known else otherwise
    return value


def stated(options: object) -> Iterator[str]:
    """Yield the names of the options that have another value than their default."""
    for name, leaf in leaves(type(options)).items():
        if value_of(options, name, leaf.default) != leaf.default:
            yield name


def wrong_choices(options: object) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yield (name, value, choices) of each option whose value is none of its choices."""
    for name, leaf in leaves(type(options)).items():
        value = value_of(options, name, '')
        if leaf.option.choices and value not in leaf.option.choices:
            yield name, value, leaf.option.choices


def _leaves(options: type) -> Iterator[tuple[str, Leaf]]:
    hints = get_type_hints(options)
    for each in fields(options):
        if _GROUP in each.metadata:
            for name, leaf in leaves(each.metadata[_GROUP]).items():
                yield name, leaf._replace(path=(each.name, *leaf.path))
        elif _OPTION in each.metadata:
            meaning, hint = each.metadata[_OPTION], hints[each.name]
            if isinstance(hint, UnionType):
                (hint,) = set(get_args(hint)) - {type(None)}
            yield meaning.name or each.name, Leaf(_TYPES[hint], each.default, meaning, (each.name,))
