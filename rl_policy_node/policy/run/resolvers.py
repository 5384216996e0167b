# SPDX-License-Identifier: Apache-2.0
"""The OmegaConf resolvers that IsaacGymEnvs' configurations use, registered only while they are needed."""

import ast
from collections.abc import Callable, Iterator
import contextlib
import operator
from typing import Any

from omegaconf import OmegaConf
from omegaconf.basecontainer import BaseContainer

_OPERATORS: dict[type, Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Not: operator.not_,
    ast.And: all,
    ast.Or: any,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


def _arithmetic(text: object) -> float:
    """Return the value of an expression of numbers, truth values, comparisons and + - * / // %.

    TacSL writes `${eval:'${.a} + ${.b}'}` and means Python's eval, which would run whatever a stranger's
    configuration says. Anything but arithmetic raises ValueError.
    """
    try:
        value: float = _value(ast.parse(str(text).strip(), mode='eval').body)
    except (SyntaxError, KeyError, TypeError, ZeroDivisionError, RecursionError, MemoryError, ValueError) as error:
        raise ValueError(f"'{text}' is not arithmetic, and nothing else is evaluated") from error
    return value


def _value(node: ast.expr) -> Any:
    if isinstance(node, ast.Constant) and isinstance(node.value, (bool, int, float)):
        return node.value
    if isinstance(node, ast.UnaryOp):
        return _OPERATORS[type(node.op)](_value(node.operand))
    if isinstance(node, ast.BinOp):
        return _OPERATORS[type(node.op)](_value(node.left), _value(node.right))
    if isinstance(node, ast.BoolOp):
        return _OPERATORS[type(node.op)](_value(value) for value in node.values)
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        return _OPERATORS[type(node.ops[0])](_value(node.left), _value(node.comparators[0]))
    raise TypeError(ast.dump(node))


RESOLVERS: dict[str, Callable[..., object]] = {
    'eq': lambda a, b: str(a).lower() == str(b).lower(),
    'contains': lambda part, whole: str(part).lower() in str(whole).lower(),
    'if': lambda condition, yes, no: yes if condition else no,
    'resolve_default': lambda default, value: default if value == '' else value,
    'eval': _arithmetic,
}


@contextlib.contextmanager
def registered() -> Iterator[None]:
    """Register the resolvers within the block; afterwards earlier ones of the same names are back."""
    before = dict(BaseContainer._resolvers)
    for name, function in RESOLVERS.items():
        OmegaConf.register_new_resolver(name, function, replace=True)
    try:
        yield
    finally:
        BaseContainer._resolvers.clear()
        BaseContainer._resolvers.update(before)
