# SPDX-License-Identifier: Apache-2.0
"""The declaration of one parameter."""

from dataclasses import dataclass, MISSING
import math
from typing import Final

from rl_policy_node.options import Leaf

REQUIRED: Final = object()
BLANK: Final = '???'  # a blank in a generated file, which its user must fill in


@dataclass(frozen=True)
class Parameter:
    """One declaration. type: string, bool, integer, double, or a list of one of them with [].

    default: REQUIRED if there is none. from_run: the default stands for the value of the run. refers_to: see Option.
    by_joint: a list of numbers that may be stated joint by joint, below its name.
    """

    name: str
    type: str
    default: object
    description: str
    unit: str = ''
    low: float = -math.inf
    high: float = math.inf
    choices: tuple[str, ...] = ()
    live: bool = False
    from_run: bool = False
    refers_to: str = ''
    by_joint: bool = False

    @classmethod
    def of(cls, name: str, leaf: Leaf, needed: bool = False, by_joint: bool = False) -> 'Parameter':
        """Return the declaration of an option. needed: a required option gets no default."""
        default, meaning = leaf.default, leaf.option
        if default is MISSING or needed and meaning.required:
            default = REQUIRED
        elif default is None:
            default = meaning.absent
        elif isinstance(default, tuple):
            default = list(default)
        return cls(
            name,
            leaf.type,
            default,
            meaning.description,
            meaning.unit,
            meaning.low,
            meaning.high,
            meaning.choices,
            meaning.live,
            meaning.from_run,
            meaning.refers_to,
            by_joint,
        )
