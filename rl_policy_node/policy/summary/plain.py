# SPDX-License-Identifier: Apache-2.0
"""Converts a summary to plain data, as for JSON."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
import math

import numpy as np


def as_plain(value: object) -> object:
    """Return dataclasses as dicts, tuples as lists, paths as texts; None for numbers that are not finite."""
    if is_dataclass(value):
        return {field.name: as_plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): as_plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [as_plain(item) for item in value]
    return _scalar(value)


def _scalar(value: object) -> object:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, (bool, int, str)) else str(value)
