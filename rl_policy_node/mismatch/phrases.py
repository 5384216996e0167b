# SPDX-License-Identifier: Apache-2.0
"""Numbers and lists as remedies and sentences show them."""

from collections.abc import Mapping, Sequence

import numpy as np

from rl_policy_node.mismatch.series import Floats

_MOST = 4  # things that a sentence lists


def number(value: float) -> str:
    """Return a number with six digits, as YAML reads it."""
    return f'{value + 0.0:.6g}'


def numbers(values: Floats) -> str:
    """Return numbers as an option: one for all where they are alike, else a list."""
    texts = [number(value) for value in values]
    return texts[0] if len(set(texts)) == 1 else f'[{", ".join(texts)}]'


def several(things: Sequence[str]) -> str:
    """Return a list as a sentence has it: the first few, and how many more."""
    more = len(things) - _MOST
    return ', '.join(things) if more <= 0 else f'{", ".join(things[:_MOST])} and {more} more'


def steps(count: int) -> str:
    """Return a number of steps in words."""
    return f'{count} step' if count == 1 else f'{count} steps'


def named(values: Floats, constants: Mapping[str, Floats], tolerance: float) -> str:
    """Return ' (name)' of the constants that `values` (n,) are equal to, or nothing."""
    names = [
        name
        for name, constant in constants.items()
        if np.size(constant) in (1, len(values)) and np.allclose(values, constant, rtol=tolerance, atol=10 * tolerance)
    ]
    return f' ({", ".join(names)})' if names else ''
