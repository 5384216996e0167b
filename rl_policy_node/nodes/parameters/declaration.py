# SPDX-License-Identifier: Apache-2.0
"""The declaration of one parameter."""
from dataclasses import dataclass, MISSING
import math
from typing import Final

from rl_policy_node.options import Leaf

REQUIRED: Final = object()
INF: Final = math.inf
FROM_RUN: Final = float()       # noqa: UP018 - an object of its own, unlike any other zero: 'as in the run'
BLANK: Final = '???'            # left by a generated file for its user to fill in


@dataclass(frozen=True)
class Parameter:
    """One declaration. type: string, bool, integer, double, or a list of one of them with []."""

    name: str
    type: str
    default: object
    description: str
    unit: str = ''
    low: float = -INF
    high: float = INF
    choices: tuple[str, ...] = ()
    live: bool = False

    @classmethod
    def of(cls, name: str, leaf: Leaf) -> 'Parameter':
        """Return the declaration of an option."""
        default, meaning = leaf.default, leaf.option
        if default is MISSING:
            default = REQUIRED
        elif default is None:
            default = meaning.absent
        elif isinstance(default, tuple):
            default = list(default)
        return cls(name, leaf.type, default, meaning.description, meaning.unit, meaning.low, meaning.high,
                   meaning.choices, meaning.live)
