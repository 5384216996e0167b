# SPDX-License-Identifier: Apache-2.0
"""Perfect matchings: which number goes to which place."""

import numpy as np

from rl_policy_node.mismatch.case import Indices
from rl_policy_node.mismatch.series import Mask

_MOST_TRIALS = 10_000


def matchings(allowed: Mask, most: int) -> list[Indices]:
    """Return up to `most` ways to give each line of `allowed` (n, n) a column of its own; its own number first."""
    choices = [
        [*([own] if line[own] else []), *(column for column in np.flatnonzero(line).tolist() if column != own)]
        for own, line in enumerate(allowed)
    ]
    order = sorted(range(len(choices)), key=lambda line: len(choices[line]))
    found: list[Indices] = []
    taken: dict[int, int] = {}
    trials = 0

    def search(depth: int) -> None:
        nonlocal trials
        trials += 1
        if depth == len(order):
            found.append(np.array([taken[line] for line in range(len(order))], dtype=np.intp))
            return
        for column in choices[order[depth]]:
            if len(found) < most and trials < _MOST_TRIALS and column not in taken.values():
                taken[order[depth]] = column
                search(depth + 1)
                del taken[order[depth]]

    search(0)
    return found
