# SPDX-License-Identifier: Apache-2.0
"""Arrays that lie in one block of memory, which one copy duplicates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import DTypeLike

from rl_policy_node.control.arrays import Array, Shape


def block_of(
    layout: Mapping[tuple[str, str], tuple[Shape, DTypeLike]],
) -> tuple[bytearray, dict[tuple[str, str], Array]]:
    """Return a bytearray of zeros, and name → array on its memory. layout: name → (shape, dtype)."""
    counts = [int(np.prod(shape)) for shape, _ in layout.values()]
    # aligned for numbers of any type
    sizes = [-(-count * np.dtype(dtype).itemsize // 16) * 16 for count, (_, dtype) in zip(counts, layout.values())]
    block = bytearray(sum(sizes))
    starts: Iterator[int] = (sum(sizes[:index]) for index in range(len(sizes)))
    return block, {
        name: np.frombuffer(block, dtype, count, start).reshape(shape)
        for (name, (shape, dtype)), count, start in zip(layout.items(), counts, starts)
    }
