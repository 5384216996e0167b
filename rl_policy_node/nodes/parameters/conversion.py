# SPDX-License-Identifier: Apache-2.0
"""One parameter's value, checked against its declaration."""

import array
from collections.abc import Iterable
import difflib
import math
from typing import Final, TypeAlias

from rl_policy_node.errors import ConfigurationError, shown, unfit, unknown
from rl_policy_node.nodes.parameters import schema

# the value of a parameter: one of these, or a list of them
Scalar: TypeAlias = bool | int | float | str
Value: TypeAlias = Scalar | Iterable[Scalar]

LIVE: Final = ', '.join(parameter.name for parameter in schema.PARAMETERS if parameter.live)


def is_live(name: str) -> bool:
    """Return whether a parameter may change while the node acts."""
    declaration = schema.find(name)
    return declaration is not None and declaration.live


def converted(name: str, value: Value) -> Scalar | tuple[Scalar, ...]:
    """Return the value of a parameter, checked against its declaration; raises ConfigurationError."""
    declaration = schema.find(name)
    if declaration is None:
        groups = sorted({p.name.split('.')[0] for p in schema.PARAMETERS})
        parts = name.split('.')
        generic = [p.name.replace('*', parts[1]) if len(parts) > 1 else p.name for p in schema.PARAMETERS]
        near = difflib.get_close_matches(name, generic, n=1)
        hint = f"; did you mean '{near[0]}'?" if near else f'; parameters start with {groups}'
        raise ConfigurationError(f"unknown parameter '{name}'{hint}")
    kind, is_list = declaration.type.removesuffix('[]'), declaration.type.endswith('[]')
    if not is_list:
        return _scalar(name, value, kind, declaration)
    # an empty YAML list arrives as an array of bytes; a single number may replace a list of one
    items = list(value) if isinstance(value, (list, tuple, array.array)) else [value]
    return tuple(_scalar(name, item, kind, declaration) for item in items)


def _scalar(name: str, value: object, kind: str, declaration: schema.Parameter) -> Scalar:
    if kind == 'bool' and isinstance(value, bool):
        return value
    if kind == 'string' and isinstance(value, str):
        if declaration.choices and value not in declaration.choices:
            raise unknown('value', value, declaration.choices, f"parameter '{name}'")
        return value
    if kind == 'integer' and isinstance(value, int) and not isinstance(value, bool):
        return _bounded(name, value, declaration)
    if kind == 'double' and isinstance(value, (int, float)) and not isinstance(value, bool):
        return _bounded(name, float(value), declaration)
    raise unfit(f"parameter '{name}'", shown(value), declaration.type)


def _bounded(name: str, value: int | float, declaration: schema.Parameter) -> int | float:
    """Return a number that lies within its declaration's bounds; NaN passes if it is the default."""
    if math.isnan(value) and isinstance(declaration.default, float) and math.isnan(declaration.default):
        return value
    if not declaration.low <= value <= declaration.high:
        unit = f' {declaration.unit}' if declaration.unit else ''
        raise unfit(f"parameter '{name}'", f'{value:g}{unit}', f'{declaration.low:g} to {declaration.high:g}{unit}')
    return value
