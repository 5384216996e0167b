# SPDX-License-Identifier: Apache-2.0
"""Adapters by message type, and the lookup of a user's own."""

import difflib
import importlib
import inspect
from types import ModuleType
from typing import NamedTuple

from rl_policy_node.adapters.adapter import Adapter, one_line, Options
from rl_policy_node.adapters.compressed_image import CompressedImageAdapter
from rl_policy_node.adapters.image import ImageAdapter
from rl_policy_node.adapters.joint_messages import JOINT_ADAPTERS
from rl_policy_node.adapters.standard import STANDARD_ADAPTERS
from rl_policy_node.adapters.vectors import VECTOR_ADAPTERS
from rl_policy_node.errors import ConfigurationError, unknown

_ALL: list[type[Adapter]] = [
    *VECTOR_ADAPTERS,
    ImageAdapter,
    CompressedImageAdapter,
    *JOINT_ADAPTERS,
    *STANDARD_ADAPTERS,
]
ADAPTERS = {adapter.type_name: adapter for adapter in sorted(_ALL, key=lambda adapter: adapter.type_name)}


class FieldEntry(NamedTuple):
    """A field in the documentation. shape: a description if each message has its own."""

    name: str
    shape: str
    unit: str


class TypeEntry(NamedTuple):
    """A message type in the documentation."""

    type_name: str
    fields: tuple[FieldEntry, ...]
    note: str


def create_adapter(type_name: str, where: str = '', **options: str | float) -> Adapter:
    """Return the adapter for `package/msg/Type`, or for a user's own `package.module:Class`.

    where: the parameter that names the type, for errors. options: those of `Options`.
    Raises ConfigurationError if the type is unknown, is not installed, or fails.
    """
    adapter_class = _own(type_name, where) if ':' in type_name else _known(type_name, where)
    try:
        adapter = adapter_class(Options(**options))  # type: ignore[arg-type]  # each has its own type
        adapter.message_type  # noqa: B018 - an absent package must fail here, not at the first message
    except ConfigurationError as error:
        raise ConfigurationError(f'{where}: {error}' if where else str(error)) from error
    except Exception as error:  # a stranger's class may raise anything
        if type_name in ADAPTERS:
            raise
        raise _failed(type_name, where, one_line(error)) from error
    return adapter


def reference() -> list[TypeEntry]:
    """Return a TypeEntry for each message type, for the documentation."""
    entries = []
    for name, adapter in ADAPTERS.items():
        fields = (
            FieldEntry(field, adapter.open_shape if shape is None else str(shape), adapter.units.get(field, ''))
            for field, shape in adapter.fields.items()
        )
        entries.append(TypeEntry(name, tuple(fields), adapter.note))
    return entries


def _known(type_name: str, where: str) -> type[Adapter]:
    if type_name in ADAPTERS:
        return ADAPTERS[type_name]
    # closest by its name without the package
    by_name = {name.split('/')[-1].lower(): name for name in ADAPTERS}
    close = difflib.get_close_matches(type_name.split('/')[-1].lower(), by_name, n=1, cutoff=0.7)
    hint = f'; did you mean {by_name[close[0]]!r}?' if close else ''
    raise ConfigurationError(f'{unknown("message type", type_name, ADAPTERS, where)}, or package.module:Class{hint}')


def _own(type_name: str, where: str) -> type[Adapter]:
    """Return the class that `package.module:Class` names."""
    module, _, name = type_name.partition(':')
    found = getattr(_module(module, type_name, where), name, None)
    if not (inspect.isclass(found) and issubclass(found, Adapter)):
        raise _failed(
            type_name,
            where,
            f"'{name}' is {'not there' if found is None else repr(found)}; expected "
            'a subclass of rl_policy_node.adapters.Adapter',
        )
    lacking = [*sorted(found.__abstractmethods__), *(part for part in ('fields',) if not getattr(found, part))]
    if lacking:
        raise _failed(type_name, where, f'{name} lacks {", ".join(lacking)}')
    return found


def _module(name: str, type_name: str, where: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:  # a stranger's module may raise anything
        raise _failed(type_name, where, one_line(error)) from error


def _failed(type_name: str, where: str, reason: str) -> ConfigurationError:
    return ConfigurationError(f"adapter '{type_name}'{f' in {where}' if where else ''}: {reason}")
