# SPDX-License-Identifier: Apache-2.0
"""A user's own observation: a Python function of fields."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
import importlib
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from rl_policy_node.control.arrays import Array, Floats, Shape, Sources
from rl_policy_node.control.context import Context
from rl_policy_node.control.terms.kind import Kind, Reader, Setting
from rl_policy_node.control.terms.term_options import FIELD, JOINTS, Read, SHAPE, SOURCE, TermOptions
from rl_policy_node.errors import ConfigurationError, unfit
from rl_policy_node.options import option

# ({'source.field': (rows, …)}, context) → (rows, …)
_Function: TypeAlias = Callable[[dict[str, Array], Context], ArrayLike]


@dataclass(frozen=True, kw_only=True)
class FunctionOptions(TermOptions):
    """The function and its fields."""

    function: str = option('', 'function: package.module:function', required=True)
    source: str = option('', SOURCE)
    field: str = option('', FIELD)
    fields: tuple[str, ...] = option((), 'function: its fields, source.field each')
    joints: tuple[str, ...] = option((), **JOINTS)
    shape: tuple[int, ...] = option((), SHAPE, low=1)

    def check(self, where: str) -> None:
        odd = [field for field in self.fields if not all(field.partition('.'))]
        if odd:
            raise ConfigurationError(f'{where}.fields names {odd}; expected source.field')

    def reads(self) -> tuple[Read, ...]:
        named = [field.partition('.')[::2] for field in self.fields]
        named = [(self.source, self.field)] * bool(self.source) + named
        return tuple(Read(source, field, self.joints if source == self.source else ()) for source, field in named)


class Function(Kind[FunctionOptions]):
    """`function(arrays, context)` → (rows, ...) of a user's module.

    arrays: 'source.field' → (rows, ...), for `source` and `field` and for each of `fields`, with joints of `source`
    picked by name; the function must not modify them. It is called once at configuration to learn its shape, on zeros
    (on unit quaternions x, y, z, w for fields of four numbers).
    """

    option_class = FunctionOptions
    description = (
        "`package.module:function` of your own, called with ({'source.field': (rows, …)}, context); returns (rows, …)"
    )
    timed = True

    def __init__(self, options: FunctionOptions, setting: Setting, where: str) -> None:
        self._where = where
        self._name, self._rows = options.function, setting.rows
        self._function = self._found(options.function)
        self._readers = {str(read): Reader(read, self._where, setting) for read in options.reads()}
        zeros = {name: _still(setting.rows, reader.shape) for name, reader in self._readers.items()}
        self.shape = self._shape(options.shape, self._call(zeros, Context.at_reset(setting.rows, setting.num_actions)))

    def _found(self, name: str) -> _Function:
        module, _, attribute = name.partition(':')
        if not (module and attribute):
            raise unfit(f'{self._where}.function', f"'{name}'", 'package.module:function')
        try:
            found: _Function = getattr(importlib.import_module(module), attribute)
        except Exception as error:  # a module of the user may raise anything
            raise ConfigurationError(f"{self._where}.function '{name}': {type(error).__name__}: {error}") from error
        if not callable(found):
            raise unfit(f"{self._where}.function '{name}'", repr(found), 'a function')
        return found

    def _call(self, arrays: dict[str, Array], context: Context) -> Array:
        try:
            return np.asarray(self._function(arrays, context))
        except Exception as error:  # a function of the user may raise anything
            raise ConfigurationError(
                f"{self._where}: function '{self._name}' raised {type(error).__name__}: {error}"
            ) from error

    def _shape(self, stated: Shape, value: Array) -> Shape:
        shape = value.shape[1:]
        fits = value.ndim >= 2 and len(value) == self._rows and value.dtype.kind in 'fiub'
        if not fits or (stated and tuple(stated) != shape):
            wanted = ', '.join(map(str, stated)) if stated else '…'
            raise ConfigurationError(
                f"{self._where}: function '{self._name}' returned {value.dtype} of the shape "
                f'{value.shape}; expected numbers of the shape ({self._rows}, {wanted})'
            )
        return shape

    def compute(self, sources: Sources, context: Context) -> Array:
        value = self._call({name: reader(sources) for name, reader in self._readers.items()}, context)
        if value.shape != (self._rows, *self.shape):
            self._shape(self.shape, value)
        return value


def _still(rows: int, shape: Shape) -> Floats:
    value = np.zeros((rows, *shape))
    if shape == (4,):
        value[:, 3] = 1.0
    return value
