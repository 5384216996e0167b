# SPDX-License-Identifier: Apache-2.0
"""What a run left behind, step by step, and its episodes: the one place that knows in which form it is stored.

A record holds T steps of N rows under flat keys: `obs/<key>` (T, N, ...), `actions` (T, N, ...), and where they are
known `rewards` (T, N), `dones` (T, N), 1 at the last step of an episode, `successes` (T, N) after the step, `latency`
(T,), s, NaN where it was not measured, and for the insertion task `qpos` (T, N, 12) before the step. Where steps are
missing, `step` (T,) has the numbers of those that are there; an episode that lacks some is left out.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass
import math
from pathlib import Path
from typing import TypeAlias

import numpy as np

from rl_policy_node.control.arrays import Array
from rl_policy_node.nodes.policy.record.record_options import METADATA
from rl_policy_node.tools.bag.bag import open_bag
from rl_policy_node.tools.bag.run_arrays import newest_run, run_arrays, STEP

# the arrays of a record by their keys
Record: TypeAlias = Mapping[str, Array]


@dataclass(frozen=True)
class Episode:
    """Steps start ≤ t < stop of one row; `ended` is False if the record stops before the episode ends.

    episode_return: NaN where the record has no rewards; success: None where it does not tell.
    """

    row: int
    start: int
    stop: int
    episode_return: float
    success: bool | None
    ended: bool

    @property
    def length(self) -> int:
        return self.stop - self.start

    @property
    def rank(self) -> tuple[bool, float, int]:
        """Return what orders episodes from the worst to the best: success, return, and the sooner the better."""
        total = -math.inf if math.isnan(self.episode_return) else self.episode_return
        return bool(self.success), total, -self.length


def load_record(path: Path, only: Container[str] | None = None) -> dict[str, Array]:
    """Return the arrays of a bag of the simulator bridge, or of the newest one in a folder of bags, by their keys.

    only: the keys that are wanted; None: all. Raises ConfigurationError if there is none.
    """
    is_bag = path.is_file() or (path / METADATA).is_file()
    return run_arrays(open_bag(path if is_bag else newest_run(path)), only)


def size_of(record: Record) -> tuple[int, int]:
    """Return the numbers of steps and rows."""
    steps, rows = next(value.shape[:2] for value in record.values() if value.ndim > 1)
    return steps, rows


def find_episodes(record: Record) -> list[Episode]:
    """Return the whole episodes in the order in which they ended; unfinished ones only if none ended."""
    steps, rows = size_of(record)
    dones = record['dones'].astype(bool) if 'dones' in record else np.zeros((steps, rows), dtype=bool)
    numbers = record.get(STEP, np.arange(steps))
    found = []
    for row in range(rows):
        stops = np.nonzero(dones[:, row])[0] + 1
        starts = np.concatenate([[0], stops])
        for start, stop in zip(starts, [*stops, steps]):
            before = numbers[start - 1] if start else -1
            if stop > start and numbers[stop - 1] - before == stop - start:
                success = bool(record['successes'][stop - 1, row]) if 'successes' in record else None
                total = (
                    float(record['rewards'][start:stop, row].sum(dtype=np.float64)) if 'rewards' in record else math.nan
                )
                found.append(Episode(row, int(start), int(stop), total, success, bool(dones[stop - 1, row])))
    found.sort(key=lambda episode: (episode.stop, episode.row))
    return [episode for episode in found if episode.ended] or found
