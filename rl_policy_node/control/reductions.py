# SPDX-License-Identifier: Apache-2.0
"""Reductions (any, all, min, max) that are fast for small arrays."""

import numpy as np

from rl_policy_node.control.arrays import Array, Axes, Mask, Rows

# For few numbers numpy's reductions are slower than Python's, most of all after a pause.
_FEW, _SOME = 128, 4096
_SMALL = 1e15


def any_true(mask: Mask) -> bool:
    """Return whether any of a mask is True."""
    # numpy keeps True as the byte 1 and False as 0; searching bytes beats a reduction at any size
    return 1 in mask.tobytes()


def all_true(mask: Mask) -> bool:
    """Return whether all of a mask is True."""
    return 0 not in mask.tobytes()


def least(values: Array) -> float:
    """Return the lowest of numbers (n,), n > 0, none of them NaN."""
    least: float
    if values.size == 1:
        least = values.item()
    else:
        least = min(values.tolist()) if values.size <= _FEW else values.min().item()
    return least


def greatest(values: Array) -> float:
    """Return the highest of numbers (n,), n > 0, none of them NaN."""
    most: float
    if values.size == 1:
        most = values.item()
    else:
        most = max(values.tolist()) if values.size <= _FEW else values.max().item()
    return most


def between(lower: Axes | None, values: Array, upper: Axes | None) -> bool:
    """Return whether values lie strictly between two bounds (None: no bound); False if the check is costly.

    With NaN the answer may be either: limits keep NaN. For many numbers, or one bound per axis, the answer is False:
    applying the limit then costs less than this check.
    """
    if lower is None and upper is None:
        return True
    if values.size > _FEW or isinstance(lower, np.ndarray) or isinstance(upper, np.ndarray):
        return False
    numbers = values.ravel().tolist()
    return (lower is None or lower < min(numbers)) and (upper is None or max(numbers) < upper)


def surely_small(values: Array) -> bool:
    """Return whether all floating-point numbers are finite and below 1e15 in size; False if the check is costly.

    NaN and infinity make a sum NaN or infinite, and a bounded sum, of values without sign or of squares, bounds every
    number. For many numbers the answer is False: min and max are faster then.
    """
    if values.size > _SOME:
        return False
    if values.size > _FEW:
        flat = values.reshape(-1)
        with np.errstate(over='ignore'):
            return bool(flat.dot(flat) < _SMALL * _SMALL)
    return bool(sum(map(abs, values.ravel().tolist())) < _SMALL)


def including(mask: Mask, rows: Rows) -> Mask:
    """Return a copy of a mask with rows set, too; a frame that holds the old mask does not change."""
    more: Mask = mask.copy()
    more[rows] = True
    return more
