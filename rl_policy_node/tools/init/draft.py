# SPDX-License-Identifier: Apache-2.0
"""Draft a parameter file for a run, as a tree: sources, terms and actions from its layout."""

from dataclasses import dataclass, field

import numpy as np

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.policy import Spaces
from rl_policy_node.policy.layouts import complete, Layout, LayoutAction, LayoutTerm
from rl_policy_node.tools.init.draft_actions import action_entry
from rl_policy_node.tools.init.draft_sources import Entry, POSE, Sources, TWIST
from rl_policy_node.tools.init.draft_terms import term_entries

# A person or a planner commands at its own rate: maximum age of a velocity command and of a goal, s.
_COMMAND_AGE, _GOAL_AGE = 0.5, 1.0
_COMMANDS = {'command', 'goal', 'target'}
_UNKNOWN = 'what the observation is made of is not known: each input is one array, in the trained order'


@dataclass
class Draft:
    """The parts of the file, name → Entry each, in the order of writing; notes: one line each."""

    sources: dict[str, Entry] = field(default_factory=dict)
    inputs: dict[str, Entry] = field(default_factory=dict)
    terms: dict[str, Entry] = field(default_factory=dict)
    actions: dict[str, Entry] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def draft(layout: Layout | None, spaces: Spaces, control_rate: float | None) -> Draft:
    """Return the Draft for a policy's Spaces; layout: of the run's environment, or None.

    control_rate: Hz, None where it is not known. Where the run differs from the published layout, each input
    is one term.
    """
    made = Draft()
    layout = _fitting(layout, spaces, made)
    if layout:
        made.notes += [_heading(layout), *layout.notes]
    inputs = {name: _terms(made, layout, name, shape) for name, shape in spaces.inputs.items()}
    actions = layout.actions if layout else (LayoutAction('action', spaces.num_actions, law='not known'),)
    sources = Sources(made.sources, [term for terms in inputs.values() for term in terms])
    for name, terms in inputs.items():
        made.inputs[name] = Entry({'terms': []})
        for term in terms:
            for stem, entry in term_entries(term, sources, actions, layout is not None):
                unique = stem if stem not in made.terms else f'{name}_{stem}'
                made.terms[unique] = entry
                made.inputs[name].values['terms'].append(unique)
    for action in actions:
        made.actions[action.name] = action_entry(action, sources, _bound(spaces))
    for name, entry in made.sources.items():
        entry.values['max_age'] = _max_age(name, entry.values['type'], control_rate)
    return made


def _heading(layout: Layout) -> str:
    """Return who states the terms and laws of a draft, or that nobody does."""
    if not layout.known:
        return _UNKNOWN
    source = layout.source or f'{layout.task} as published'
    return f'terms and laws are those of {source}; look again where your task differs'


def _terms(made: Draft, layout: Layout | None, name: str, shape: tuple[int, ...]) -> tuple[LayoutTerm, ...]:
    """Return the terms of an input; a single array where all terms were joined first and then stacked over time."""
    terms: tuple[LayoutTerm, ...] = layout.inputs[name] if layout else (LayoutTerm(name, shape, kind='unknown'),)
    if len(terms) == 1 or not any(term.history and term.shape and len(term.shape) > 1 for term in terms):
        return terms
    made.notes.append(
        f'input {name} is a history of all its terms together, sample by sample, oldest first '
        f'({", ".join(term.name for term in terms)}): publish it whole'
    )
    return (LayoutTerm(name, shape, kind='unknown'),)


def _fitting(layout: Layout | None, spaces: Spaces, made: Draft) -> Layout | None:
    """Return the layout with all sizes filled in, or None where it does not fit the spaces of the policy."""
    if layout is None:
        made.notes.append(_UNKNOWN)
        return None
    try:
        completed: Layout = complete(layout, spaces.observation, None if spaces.discrete else spaces.num_actions)
    except ConfigurationError as error:
        made.notes.append(f'the run is not {layout.task} as it was published ({error}): each input is one array')
        return None
    if set(completed.inputs) != set(spaces.inputs):
        made.notes.append(f'the run is not {layout.task} as it was published: its inputs are {sorted(spaces.inputs)}')
        return None
    return completed


def _bound(spaces: Spaces) -> float:
    """Return the greatest number that an action of the policy can be."""
    return max(float(np.abs(np.asarray(bound)).max()) for bound in (spaces.action_low, spaces.action_high))


def _max_age(name: str, kind: str, control_rate: float | None) -> float:
    """Return the maximum age of a source, s: three periods of a sensor; one message may be lost and one late."""
    if kind == TWIST or _COMMANDS & set(name.split('_')):
        return _GOAL_AGE if kind == POSE else _COMMAND_AGE
    return round(min(0.5, max(0.03, 3.0 / control_rate)), 3) if control_rate else 0.1
