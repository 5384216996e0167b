# SPDX-License-Identifier: Apache-2.0
"""Adds the names of parameters to rclpy's error about parameters without a value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import yaml

from rl_policy_node.errors import ConfigurationError


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
        for option, path in zip(arguments, arguments[1:]):
            if option != '--params-file':
                continue
            with open(path) as file:
                names = list(_valueless(yaml.safe_load(file)))
            if names:
                raise ConfigurationError(
                    f'parameter file {path}: no value for {", ".join(names)}; expected one, or to leave the parameter '
                    'out ([] and {} are none to ROS)'
                ) from error
        raise


def _valueless(tree: object, name: str = '') -> Iterator[str]:
    if isinstance(tree, Mapping):
        for key, value in tree.items():
            # names of parameters begin below this key
            yield from _valueless(value, '' if key == 'ros__parameters' else f'{name}.{key}'.lstrip('.'))
    if _empty(tree):
        yield f"'{name}'"


def _empty(value: object) -> bool:
    return value is None or value == {} or isinstance(value, list) and all(map(_empty, value))
