# SPDX-License-Identifier: Apache-2.0
"""Checks that the numbers of a message fit a buffer: their shape, and that they are finite in float32."""

from __future__ import annotations

import numpy as np

from rl_policy_node.control.arrays import Array, Mask, Shape
from rl_policy_node.errors import ContractError

_MOST = float(np.finfo(np.float32).max)


def fitting(field: str, array: Array | None, count: int, shape: Shape) -> Array:
    """Return the numbers of a field as (count, *shape); raises ContractError if they do not fit."""
    if array is None:
        raise ContractError(f'{field} is missing from the message')
    if array.ndim < 1 + bool(shape) or len(array) != count:
        raise ContractError(f'{field} has the shape {array.shape}; expected {count} rows in its first dimension')
    if array.shape[1:] == shape:
        return array
    if array.ndim > 2 or array.size != count * int(np.prod(shape)):
        row = f'a row of {field}' if count > 1 else field
        raise ContractError(f'{row} has the shape {array.shape[1:]}; expected {shape}')
    return array.reshape(count, *shape)


def is_finite(array: Array) -> bool:
    """Return whether all numbers are finite in the policy's float32; NaN compares as False."""
    # beyond ±3.4e38 a float64 would become infinite
    return array.dtype.kind != 'f' or not array.size or bool(array.max() <= _MOST and array.min() >= -_MOST)


def finite_rows(array: Array) -> Mask:
    """Return the mask (n,) of the rows of (n, ...) that are finite in float32."""
    finite: Mask = np.logical_and.reduce(np.abs(array.reshape(len(array), -1)) <= _MOST, axis=1)
    return finite


def not_finite(field: str) -> str:
    """Return the reason for refusing a message whose field is not finite."""
    return f'{field} has a value that is not finite'
