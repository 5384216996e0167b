# SPDX-License-Identifier: Apache-2.0
"""Indices of elements that are picked by name or position."""

from collections.abc import Sequence

import numpy as np

from rl_policy_node.control.arrays import Indices
from rl_policy_node.errors import ConfigurationError


def as_slice(index: Indices) -> slice | None:
    """Return the slice that picks the same as an index array, None if its indices are not consecutive."""
    first = int(index[0]) if len(index) else 0
    return slice(first, first + len(index)) if np.array_equal(index, np.arange(first, first + len(index))) else None


def index_of(names: Sequence[str], wanted: Sequence[str], where: str) -> Indices:
    """Return the positions of `wanted` among `names`; raises ConfigurationError that lists missing names."""
    missing = [name for name in wanted if name not in names]
    if missing:
        raise ConfigurationError(f'{where}: no joint {missing}; there are {list(names)}')
    return np.array([names.index(name) for name in wanted], dtype=np.intp)
