# SPDX-License-Identifier: Apache-2.0
"""Typed, validated configuration of an observation term."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
import math
from typing import Final

from rl_policy_node.control.arrays import Shape
from rl_policy_node.control.terms.kinds import KINDS
from rl_policy_node.control.terms.term_options import Read, TermOptions
from rl_policy_node.errors import ConfigurationError, unfit, unknown
from rl_policy_node.options import build, Leaf, leaves, merged, option, value_of, wrong_choices

TERM_KINDS: Final = tuple(KINDS)


@dataclass(frozen=True, kw_only=True)
class TermSpec:
    """One named piece of an input: its kind's value, − offset → clip → × scale → history. `term_spec` makes it."""

    name: str
    kind: str = option('field', 'what the term computes', choices=TERM_KINDS)
    options: TermOptions
    offset: tuple[float, ...] = option((), 'subtracted from the value, one for all or one each', per_axis=True)
    clip: float = option(math.inf, 'bound ± on value − offset', low=0.0)
    clip_range: tuple[float, ...] = option((), 'bounds [least, greatest] on value − offset, instead of clip')
    scale: tuple[float, ...] = option((), 'multiplied after the clip, one for all or one each', per_axis=True)
    history: int = option(
        1,
        'samples of the term, oldest first, flattened; the first one after a reset fills all '
        '(Isaac Lab: `history_length`)',
        low=1,
        high=1000,
    )
    history_stride: int = option(1, 'steps between two samples of the history', unit='steps', low=1, high=1000)

    def __post_init__(self) -> None:
        where = f'terms.{self.name}'
        for wrong in wrong_choices(self.options):
            raise unknown(*wrong, where)
        for name in ('history', 'history_stride'):
            if getattr(self, name) < 1:
                raise unfit(f'{where}.{name}', getattr(self, name), '1 or more')
        joints = value_of(self.options, 'joints', tuple[str, ...]())
        if len(set(joints)) != len(joints):
            raise ConfigurationError(f'{where}.joints names a joint twice: {list(joints)}')
        self.options.check(where)
        if self.clip_range and not (len(self.clip_range) == 2 and self.clip_range[0] < self.clip_range[1]):
            raise unfit(f'{where}.clip_range', list(self.clip_range), '[least, greatest]')
        if self.clip_range and math.isfinite(self.clip):
            raise ConfigurationError(f'{where}: clip and clip_range are both stated; one of them is to be')

    @property
    def reads(self) -> tuple[Read, ...]:
        """The Reads of this term: the fields that its sources must have."""
        return self.options.reads()

    def sent_shape(self, trained: Shape) -> Shape | None:
        """Return the shape of the field in the source, for the only term of an input that has a `trained` shape.

        None if it does not follow: the term must then state its shape.
        """
        return self.options.sent_shape(trained, self.history)


TERM_PARAMETERS: Final[Mapping[str, Leaf]] = merged(TermSpec, *(kind.option_class for kind in KINDS.values()))


def term_spec(name: str, kind: str = 'field', **values: object) -> TermSpec:
    """Return the TermSpec of a kind; values: parameter → value, of the kind's options and of those of every term.

    Raises ConfigurationError if an option that the kind needs is missing, or if the kind does not have one.
    """
    where = f'terms.{name}'
    if kind not in KINDS:
        raise unknown('kind', kind, KINDS, where)
    own, common = leaves(KINDS[kind].option_class), leaves(TermSpec)
    needed = [option for option, leaf in own.items() if leaf.option.required]
    if not all(values.get(option) for option in needed):
        raise ConfigurationError(f'{where}: kind {kind} needs {" and ".join(needed)}')
    for option_name, value in values.items():
        if (
            option_name not in own
            and option_name not in common
            and (option_name not in TERM_PARAMETERS or not TERM_PARAMETERS[option_name].is_default(value))
        ):
            raise unknown(
                'option', option_name, [*(each for each in common if each != 'kind'), *own], f'{where} (kind {kind})'
            )
    return build(TermSpec, values, name=name, kind=kind, options=build(KINDS[kind].option_class, values))
