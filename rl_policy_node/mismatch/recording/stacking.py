# SPDX-License-Identifier: Apache-2.0
"""Arrays of single steps as arrays of all steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
Tree: TypeAlias = 'Array | Mapping[str, Tree]'


def by_row(tree: Mapping[str, Mapping[str, Array]], rows: int) -> dict[str, dict[str, Array]]:
    """Return copies of name → field → (rows, …) as (rows, n), float32."""
    return {
        name: {field: value.reshape(rows, -1).astype(np.float32) for field, value in part.items()}
        for name, part in tree.items()
    }


def stacked(steps: Sequence[Tree]) -> Tree:
    """Return a tree of arrays (steps, …) of the same tree of each step."""
    if isinstance(steps[0], Mapping):
        trees = cast(Sequence[Mapping[str, Tree]], steps)
        return {name: stacked([tree[name] for tree in trees]) for name in steps[0]}
    return np.stack(cast(Sequence[Array], steps))
