# SPDX-License-Identifier: Apache-2.0
"""Episodes of a simulator and their figures."""

from collections.abc import Iterable, Mapping
import json
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rl_policy_node.control.arrays import Array
from rl_policy_node.nodes.policy.diagnostics import percentiles

COLUMNS = ('row', 'index', 'return', 'length', 'success')  # of an ended episode
# the values of an episode; success is 1.0, 0.0, or NaN: unknown
Episode: TypeAlias = tuple[int, int, float, int, float]


class Episodes:
    """Counts returns, lengths and successes per row; `finished` holds (row, index, return, length, success).

    keep: number of episodes to keep, the first ones; None: all. Thousands of rows end thousands of episodes a minute.
    """

    def __init__(self, rows: int, keep: int | None = None) -> None:
        self._return, self._length = np.zeros(rows), np.zeros(rows, dtype=np.int64)
        self._index = np.zeros(rows, dtype=np.int64)
        self._keep, self._count, self._totals = keep, 0, np.zeros(2)
        self.finished: list[Episode] = []

    def add(self, rewards: Array, dones: NDArray[np.bool_], successes: NDArray[np.bool_] | None) -> list[Episode]:
        """Count one step; return the episodes that ended with it."""
        self._return += rewards
        self._length += 1
        rows = np.nonzero(dones)[0]
        if not rows.size:
            return []
        outcomes = np.full(rows.size, np.nan) if successes is None else successes[rows].astype(np.float64)
        columns = rows, self._index[rows], self._return[rows], self._length[rows], outcomes
        ended: list[Episode] = list(zip(*(column.tolist() for column in columns)))
        self._count += rows.size
        self._totals += self._return[rows].sum(), outcomes.sum()
        self._index[rows] += 1
        self.restart(rows)
        self.finished += ended if self._keep is None else ended[: max(self._keep - len(self.finished), 0)]
        return ended

    def restart(self, rows: slice | NDArray[np.intp] = slice(None)) -> None:
        """Forget the episodes under way."""
        self._return[rows] = 0.0
        self._length[rows] = 0

    def summary(self, limit: int | None) -> dict[str, int | float]:
        """Return episodes, success_rate and return_mean, of the first `limit` kept episodes, or (None) of all."""
        count, totals = self._count, self._totals
        if limit:
            table = np.array([[entry[2], entry[4]] for entry in self.finished[:limit]]).reshape(-1, 2)
            count, totals = len(table), table.sum(axis=0)
        mean = totals / count if count else np.full(2, np.nan)
        return {'episodes': count, 'success_rate': float(mean[1]), 'return_mean': float(mean[0])}

    def columns(self, limit: int | None = None) -> dict[str, list[float | None]]:
        """Return each of COLUMNS as a list over the first `limit` episodes (None: all), in the order of their ends.

        Episodes that ended in the same step are in the order of their rows. success is 0, 1, or None: unknown.
        """
        counted = self.finished[:limit]
        columns: dict[str, list[float | None]] = {
            name: [entry[place] for entry in counted] for place, name in enumerate(COLUMNS)
        }
        columns['success'] = [None if np.isnan(entry[-1]) else int(entry[-1]) for entry in counted]
        return columns


def write_summary(path: str, summary: Mapping[str, object]) -> None:
    """Write the figures of a run as JSON, one to a line; NaN and infinity become null."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    clean = {
        key: None if isinstance(value, float) and not np.isfinite(value) else value for key, value in summary.items()
    }
    Path(path).write_text(in_lines(clean))


def in_lines(content: Mapping[str, object]) -> str:
    """Return a dict as JSON with one line for each entry, even for a list of thousands of episodes."""
    lines = [f'  {json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}' for name, value in content.items()]
    return '{\n' + ',\n'.join(lines) + '\n}\n'


def latency_ms(latencies: Iterable[float]) -> dict[str, float]:
    """Return p50, p99 and max, ms, rounded to a microsecond."""
    return {name: round(value, 3) for name, value in percentiles(latencies).items()}
