# SPDX-License-Identifier: Apache-2.0
"""What the nodes say of themselves alike: versions, the computer, JSON of numbers that JSON lacks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from importlib import metadata as distributions
import json
import math
import os
import platform
from typing import Final

import numpy as np

_PACKAGES: Final = ('rl_policy_node', 'torch', 'rl-games', 'numpy')


def versions(*more: str) -> dict[str, str]:
    """Return the versions of Python, ROS (the name of its distribution) and of packages, as far as they are there."""
    return dict(_versions((*_PACKAGES, *more)))


def machine() -> dict[str, str]:
    """Return name, type and system of the computer."""
    return {'name': platform.node(), 'type': platform.machine(), 'system': platform.platform()}


def as_json(content: object) -> str:
    """Return content as JSON text; numbers that JSON lacks are the texts inf, -inf and nan."""
    return json.dumps(_plain(content), allow_nan=False, ensure_ascii=False, separators=(',', ':'))


def _versions(packages: Iterable[str]) -> Iterator[tuple[str, str]]:
    yield from (('python', platform.python_version()), ('ros', os.environ.get('ROS_DISTRO', '')))
    for name in packages:
        try:
            yield name, distributions.version(name)
        except distributions.PackageNotFoundError:
            continue


def _plain(value: object) -> object:
    """Return a value in the types of JSON."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, (np.ndarray, np.generic)):
        return _plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if value is None or isinstance(value, (bool, int, str)):
        return value
    return [_plain(each) for each in value] if isinstance(value, Iterable) else str(value)
