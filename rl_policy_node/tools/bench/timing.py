# SPDX-License-Identifier: Apache-2.0
"""Times calls in turn, so that other load on the machine slows all of them alike."""

from collections.abc import Callable, Mapping
import time
from typing import TypeAlias, TypeVar

import numpy as np

LEAST = 3  # calls of a block

# the call to be timed; its result is ignored
Call: TypeAlias = Callable[[], object]
Name = TypeVar('Name', bound=str | int)


def interleaved(calls: Mapping[Name, Call], runs: int, seconds: float) -> dict[Name, float]:
    """Return name → median over runs of a block's median, s.

    In each run every call gets a block of `seconds`, one after the other.
    """
    found: dict[Name, list[float]] = {name: [] for name in calls}
    for _ in range(runs):
        for name, call in calls.items():
            found[name].append(float(np.median(block(call, seconds))))
    return {name: float(np.median(values)) for name, values in found.items()}


def block(call: Call, seconds: float) -> list[float]:
    """Return the time of each call of a block, s, without the first tenth, which warms up caches and threads."""
    _repeat(call, seconds / 10, 1)
    return _repeat(call, seconds, LEAST)


def _repeat(call: Call, seconds: float, least: int) -> list[float]:
    times: list[float] = []
    end = time.perf_counter() + seconds
    while len(times) < least or time.perf_counter() < end:
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return times
