# SPDX-License-Identifier: Apache-2.0
"""Fill in sizes that a run's files leave open, from the sizes of the policy."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
import math
from typing import TypeAlias

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.policy.layouts.layout import Layout, LayoutAction, LayoutTerm
from rl_policy_node.policy.shared_types import Shape

# size or shape of an observation, None where not known
PolicyShape: TypeAlias = int | Shape | None
# name of a count, such as joints → how many
Counts: TypeAlias = Mapping[str, int | None]
# how the count of an action whose law is not known begins
OF_ACTION = 'actions of '


def complete(layout: Layout, observation: PolicyShape | Mapping[str, PolicyShape], actions: int | None) -> Layout:
    """Return the layout with every size filled in that follows from those of the policy.

    observation: size or shape of a flat policy's observation, or input → shape. actions: number of actions.
    Either may be None, for not known. Ambiguous sizes stay open. Raises ConfigurationError if the sizes contradict
    the layout.
    """
    shapes = observation if isinstance(observation, Mapping) else {'obs': observation}
    layout = complete_actions(layout, actions)
    for name in layout.inputs:
        layout = complete_input(layout, name, shapes.get(name), actions)
    return layout


def complete_actions(layout: Layout, actions: int | None) -> Layout:
    """Return the layout with the sizes of its actions filled in, and of the terms that observe them.

    actions: number of actions, None for not known. An action whose law is not known may have none of them.
    Raises ConfigurationError if the number contradicts the layout.
    """
    counts = _solve(layout.actions, actions, {'actions': actions}, 'the actions')
    counted = tuple(_counted(action, counts) for action in layout.actions)
    counts = {**counts, **{f'{OF_ACTION}{action.name}': action.size for action in counted}}
    return replace(layout, actions=counted, inputs=_filled(layout.inputs, counts))


def complete_input(layout: Layout, name: str, shape: PolicyShape, actions: int | None) -> Layout:
    """Return the layout with the sizes of the terms of an input filled in, and all sizes that follow from them.

    shape: of the input, None for not known. actions: number of actions, None for not known. Raises ConfigurationError
    if the shape contradicts the layout.
    """
    counts = _solve(layout.inputs[name], _size(shape), {**_counts(layout), 'actions': actions}, f'input {name}')
    inputs = _filled(layout.inputs, counts)
    return replace(
        layout,
        actions=tuple(_counted(action, counts) for action in layout.actions),
        inputs={**inputs, name: _shaped(inputs[name], shape)},
    )


def _counts(layout: Layout) -> dict[str, int | None]:
    """Return how many of each count there are, by the pieces whose size is known."""
    terms = [term for terms in layout.inputs.values() for term in terms]
    return {
        **{term.count: term.size // max(1, term.history) for term in terms if term.count and term.size is not None},
        **{action.count: action.size for action in layout.actions if action.count and action.size is not None},
    }


def _solve(pieces: Sequence[LayoutTerm | LayoutAction], total: int | None, counts: Counts, where: str) -> Counts:
    """Return `counts` with the one missing count, for which the sizes of the pieces sum up to `total`."""
    if total is None:
        return counts
    unknown, rest = Counter[str](), total
    for piece in pieces:
        times = max(1, getattr(piece, 'history', 0))
        count_each = counts.get(piece.count)
        size = piece.size
        if size is None and count_each is not None:
            size = count_each * times
        rest -= size or 0
        if size is None:
            unknown[piece.count] += times
    if rest < 0 or (not unknown and rest):
        known = {piece.name: piece.size for piece in pieces}
        raise ConfigurationError(
            f'{where}: the policy has {total} numbers, its environment as published has {total - rest} or more: {known}'
        )
    if not rest and all(count.startswith(OF_ACTION) for count in unknown):
        return {**counts, **dict.fromkeys(unknown, 0)}
    if len(unknown) != 1 or '' in unknown:
        return counts
    count, times = unknown.popitem()
    if rest % times or not rest:
        raise ConfigurationError(
            f'{where}: {rest} of the {total} numbers are left for {times} pieces with one number for each of {count}'
        )
    return {**counts, count: rest // times}


def _filled(inputs: Mapping[str, tuple[LayoutTerm, ...]], counts: Counts) -> dict[str, tuple[LayoutTerm, ...]]:
    return {name: tuple(_sized(term, counts) for term in terms) for name, terms in inputs.items()}


def _sized(term: LayoutTerm, counts: Counts) -> LayoutTerm:
    count = counts.get(term.count)
    if term.shape is not None or count is None:
        return term
    return replace(term, shape=(count * max(1, term.history),))


def _counted(action: LayoutAction, counts: Counts) -> LayoutAction:
    if action.size is not None or counts.get(action.count) is None:
        return action
    return replace(action, size=counts[action.count])


def _shaped(terms: tuple[LayoutTerm, ...], shape: PolicyShape) -> tuple[LayoutTerm, ...]:
    """Return the terms; the only one of unknown size gets the rest of the shape."""
    if shape is None:
        return terms
    if len(terms) == 1 and terms[0].shape is None:
        return (replace(terms[0], shape=_tuple(shape)),)
    unknown = [term for term in terms if term.size is None]
    if len(unknown) != 1:
        return terms
    rest = math.prod(_tuple(shape)) - sum(term.size for term in terms if term.size is not None)
    legal = rest >= 0 if unknown[0].kind == 'unknown' else rest > 0
    return tuple(replace(term, shape=(rest,)) if term is unknown[0] and legal else term for term in terms)


def _tuple(shape: int | Shape) -> Shape:
    return (shape,) if isinstance(shape, int) else tuple(shape)


def _size(shape: PolicyShape) -> int | None:
    return None if shape is None else math.prod(_tuple(shape))
