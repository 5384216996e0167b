# SPDX-License-Identifier: Apache-2.0
"""Adds the names of parameters to ROS' errors about parameter files: of a list of several types, of no value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
import re

import yaml

from rl_policy_node.errors import ConfigurationError, shown

_ONE_TYPE = 'Sequence should be of same type'
_DECIMAL = re.compile(r'[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+')


def unreadable(error: Exception, arguments: Sequence[str]) -> str:
    """Return rcl's error about ROS arguments as one line that begins with the file that `--params-file` names.

    Of a list of several types it names the parameter and the cure, which rcl does not; of an @ without quotes the line.
    """
    text, files = ' '.join(str(error).split()), list(named_files(arguments))
    for path in files:
        try:
            content(path)
        except yaml.scanner.ScannerError as fault:
            if fault.problem_mark and "'@'" in str(fault.problem):
                line = fault.problem_mark.line + 1
                return f"parameter file {path}: line {line}: a value that begins with @ needs quotes: '@legs'"
        except (OSError, yaml.YAMLError):
            pass
    for path in files if _ONE_TYPE in text else ():
        for name, value in _mixed(path):
            cure = 'expected numbers alone, or texts alone'
            if set(map(_kind, value)) == {int, float}:
                whole = next(number for number in value if _kind(number) is int)
                cure = f'write {whole}.0 for {whole}, since it stands among decimals'
            return f"parameter file {path}: '{name}' is {shown(value)}; ROS reads lists of one type: {cure}"
    return f'parameter file {files[0]}: {text}' if files else text


def _mixed(path: str) -> Iterator[tuple[str, list[object]]]:
    """Yield the lists of several types in a file, by name."""
    with suppress(OSError, yaml.YAMLError):
        for name, value in content(path):
            if isinstance(value, list) and len(set(map(_kind, value))) > 1:
                yield name, value


@contextmanager
def named_where_valueless(arguments: Sequence[str]) -> Iterator[None]:
    """Turn a ValueError of rclpy into a ConfigurationError that names the parameters without a value.

    It looks in the files that `--params-file` names. To ROS an empty list or mapping is no value, and rclpy declares no
    parameter without one.
    """
    try:
        yield
    except ConfigurationError:
        raise
    except ValueError as error:
        for path in named_files(arguments):
            names = [f"'{name}'" for name, value in content(path) if _empty(value)]
            if names:
                raise ConfigurationError(
                    f'parameter file {path}: no value for {", ".join(names)}; expected one, or to leave the parameter '
                    'out ([] and {} are none to ROS)'
                ) from error
        raise


def named_files(arguments: Sequence[str]) -> Iterator[str]:
    """Yield the parameter files that ROS arguments name."""
    return (path for option, path in zip(arguments, arguments[1:]) if option == '--params-file')


def is_overridden(name: str, arguments: Sequence[str]) -> bool:
    """Return whether ROS arguments state a parameter themselves (`-p name:=value`, `-p node:name:=value`)."""
    rule = re.compile(rf'([^:]*:)?{re.escape(name)}:=.*', re.DOTALL)
    return any(flag in ('-p', '--param') and rule.fullmatch(text) for flag, text in zip(arguments, arguments[1:]))


def content(path: str) -> list[tuple[str, object]]:
    """Return (name, value) of every parameter in a file; raises OSError and yaml.YAMLError."""
    with open(path, encoding='utf-8') as file:
        try:
            return list(_leaves(yaml.safe_load(file)))
        except (ValueError, RecursionError) as error:  # bytes that are no text, dates that are none, deep nesting
            raise yaml.YAMLError(str(error)) from error


def _leaves(tree: object, name: str = '') -> Iterator[tuple[str, object]]:
    """Yield (name, value) of every leaf; an empty mapping is one."""
    if isinstance(tree, Mapping) and tree:
        for key, value in tree.items():
            # names of parameters begin below this key
            yield from _leaves(value, '' if key == 'ros__parameters' else f'{name}.{key}'.lstrip('.'))
    else:
        yield name, tree


def _empty(value: object) -> bool:
    return value is None or value == {} or isinstance(value, list) and all(map(_empty, value))


def _kind(value: object) -> type:
    """Return the type that ROS sees in YAML; PyYAML takes 1e-6 for a text."""
    return float if isinstance(value, str) and _DECIMAL.fullmatch(value) else type(value)
