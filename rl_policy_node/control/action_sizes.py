# SPDX-License-Identifier: Apache-2.0
"""Assigns the columns of the policy's action to the terms, and checks that they add up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from rl_policy_node.control.action_terms.action_options import ActionOptions
from rl_policy_node.control.action_terms.action_term import ActionTerm
from rl_policy_node.errors import ConfigurationError

# number of continuous actions of the policy, or its choices: {'discrete': n}, {'multi_discrete': [n, …]}
ActionSize: TypeAlias = int | Mapping[str, 'int | Sequence[int]']


def columns_of(terms: Iterable[ActionTerm[ActionOptions]]) -> Iterator[slice]:
    """Yield the columns of the action that belong to each term."""
    start = 0
    for term in terms:
        yield slice(start, start + term.size)
        start += term.size


def check_sizes(terms: Mapping[str, ActionTerm[ActionOptions]], actions: ActionSize, size: int) -> None:
    """Raise ConfigurationError if the terms do not take as many numbers, or choices, as the policy gives."""
    discrete = isinstance(actions, Mapping)
    for name, term in terms.items():
        if term.chooses != discrete:
            given = f'chooses ({actions})' if discrete else f'gives {actions} continuous numbers'
            wanted = 'a choice' if term.chooses else 'continuous numbers'
            raise ConfigurationError(f'actions.{name}: kind {term.spec.kind} takes {wanted}; the policy {given}')
    choices = _choices(actions)
    numbers = actions if not isinstance(actions, Mapping) else len(choices)
    if size != numbers:
        listed = ', '.join(f'{name} {term.size}' for name, term in terms.items())
        raise ConfigurationError(f'actions.terms take {size} numbers ({listed}); the policy gives {numbers}')
    for term, count in zip(terms.values(), choices):
        term.check_choices(count)


def _choices(actions: ActionSize) -> list[int]:
    """Return the number of choices of each discrete action; [] for continuous actions."""
    if not isinstance(actions, Mapping):
        return []
    counts = actions['discrete'] if 'discrete' in actions else actions['multi_discrete']
    return [counts] if isinstance(counts, int) else list(counts)
