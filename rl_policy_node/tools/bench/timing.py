# SPDX-License-Identifier: Apache-2.0
"""Calls in turn, so that whatever else the machine does hits all of them alike."""
import time

import numpy as np

LEAST = 3       # calls of a block


def interleaved(calls, runs, seconds):
    """Return name → median over runs of a block's median, s.

    calls: name → call. In each run every one of them gets a block of `seconds`, one after the other.
    """
    found = {name: [] for name in calls}
    for _ in range(runs):
        for name, call in calls.items():
            found[name].append(float(np.median(block(call, seconds))))
    return {name: float(np.median(values)) for name, values in found.items()}


def block(call, seconds):
    """Return what each call of a block took, s; the first tenth warms caches and threads up and is left out."""
    _repeat(call, seconds / 10, 1)
    return _repeat(call, seconds, LEAST)


def _repeat(call, seconds, least):
    times, end = [], time.perf_counter() + seconds
    while len(times) < least or time.perf_counter() < end:
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return times
