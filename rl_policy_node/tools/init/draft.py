# SPDX-License-Identifier: Apache-2.0
"""Draft a parameter file for a run, as a tree: sources, terms and actions from its layout."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.policy import Spaces
from rl_policy_node.policy.layouts import (
    attributed,
    complete,
    complete_actions,
    complete_input,
    completed,
    Layout,
    LayoutAction,
    LayoutTerm,
    RobotJoints,
    Scene,
)
from rl_policy_node.tools.init.draft_actions import action_entry
from rl_policy_node.tools.init.draft_joints import group_joints, name_offsets
from rl_policy_node.tools.init.draft_sensors import simulated_parts
from rl_policy_node.tools.init.draft_sources import Entry, GOAL, POSE, Sources, TWIST, VELOCITY
from rl_policy_node.tools.init.draft_terms import term_entries
from rl_policy_node.tools.init.robot_description import STATED

# A person or a planner commands at its own rate: maximum age of a velocity command and of a goal, s.
_COMMAND_AGE, _GOAL_AGE = 0.5, 1.0
_COMMANDS = {'command', 'goal', 'target'}
_UNKNOWN = 'what the observation is made of is not known: each input is one array, in the trained order'
# Message type of a command or goal -> what its user may choose
_CHOICES = {
    TWIST: 'where it is stale, the fallback goes out; with stale: zero the policy goes on with zeros',
    POSE: 'of a goal that is published once: durability: transient_local, max_age: .inf',
}


@dataclass
class Draft:
    """The parts of the file, name → Entry each, in the order of writing; notes: one line each.

    sensors: source → which part of the simulator it measures, where that is known.
    joint_groups: group → joints; joint_values: name → joint → number.
    """

    sources: dict[str, Entry] = field(default_factory=dict)
    inputs: dict[str, Entry] = field(default_factory=dict)
    terms: dict[str, Entry] = field(default_factory=dict)
    actions: dict[str, Entry] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    sensors: dict[str, dict[str, str]] = field(default_factory=dict)
    joint_groups: dict[str, list[str]] = field(default_factory=dict)
    joint_values: dict[str, dict[str, float]] = field(default_factory=dict)


def draft(
    layout: Layout | None,
    spaces: Spaces,
    control_rate: float | None,
    joints: RobotJoints | None = None,
    scene: Scene | None = None,
) -> Draft:
    """Return the Draft for a policy's Spaces; layout: of the run's environment, or None.

    control_rate: Hz, None where it is not known. joints: of the robot where the user states them. scene: what the
    simulator says, which the layout has already. Where the run differs from the published layout, the input in
    question is one term, and so is the action; raises ConfigurationError instead if the user states joints, for which
    that may be.
    """
    made = Draft()
    fitted = _fitting(layout, spaces, made, joints)
    if fitted:
        made.notes += [*_heading(fitted), *fitted.notes]
    if joints:
        made.notes.append(_joints_note(joints))
    made.notes += scene.notes if scene else ()
    if fitted is None:
        bare = Layout('', {name: _unknown(name, shape) for name, shape in spaces.inputs.items()})
        full = completed(bare, scene) if scene and not spaces.discrete else None
        fits = scene and full and full.num_actions == spaces.num_actions
        fitted = attributed(bare, bare, full, scene.source, 'the run') if scene and full and fits else bare
    actions = fitted.actions or (LayoutAction('action', spaces.num_actions, law='not known'),)
    inputs = {name: _terms(made, fitted.inputs[name], name, shape) for name, shape in spaces.inputs.items()}
    sources = Sources(made.sources, [term for terms in inputs.values() for term in terms])
    for name, terms in inputs.items():
        _add_input(made, name, terms, sources, actions)
    for action in actions:
        if action.size == 0:
            made.notes.append(f'action {action.name} takes no number of the policy, it acts by itself: {action.law}')
        else:
            made.actions[action.name] = action_entry(action, sources, _bound(spaces), fitted)
    for name, entry in made.sources.items():
        _complete_source(name, entry, sources, control_rate)
    if scene:
        made.sensors = simulated_parts(made.sources, made.terms, sources, scene)
    made.joint_values = name_offsets([*made.terms.values(), *made.actions.values()])
    made.joint_groups = group_joints(made.terms, made.actions)
    return made


def _heading(layout: Layout) -> Iterator[str]:
    """Yield who states the terms and laws that fit the policy, or that nobody does."""
    if not layout.known:
        yield _UNKNOWN
        return
    terms = any(term.kind != 'unknown' for terms in layout.inputs.values() for term in terms)
    stated = [name for name, fits in (('terms', terms), ('laws', layout.actions)) if fits]
    if stated:
        source = layout.source or f'{layout.task} as published'
        yield f'{" and ".join(stated)} are those of {source}; look again where your task differs'


def _joints_note(joints: RobotJoints) -> str:
    """Return who says which joints there are, in which order, and where limits are from."""
    limited = [name for name in joints.names if name in joints.limits]
    if joints.source != STATED:
        return (
            f'joints, their order and their limits are those of {joints.source}; compare the order with that of the '
            "simulator, which may differ (env.scene['robot'].joint_names prints it), and numbers made of the limits "
            'with its soft_joint_pos_limits'
        )
    sources = ' and '.join(dict.fromkeys(joints.limits[name].source or '--urdf' for name in limited))
    limits = f'limits of joints are those of {sources}' if limited else ''
    doubt = 'compare numbers made of them with the simulator' if '--urdf' in sources else ''
    return '; '.join(filter(None, (f'joints and their order are those of {STATED}', limits, doubt)))


def _add_input(
    made: Draft, name: str, terms: Sequence[LayoutTerm], sources: Sources, actions: Sequence[LayoutAction]
) -> None:
    """Add the terms of an input; one of no numbers is a note."""
    made.inputs[name] = Entry({'terms': []})
    for term in terms:
        if term.size == 0:
            made.notes.append(f'term {term.name} has no number: {term.description}')
            continue
        known = len(terms) > 1 or term.kind != 'unknown'
        for stem, entry in term_entries(term, sources, actions, known):
            unique = stem if stem not in made.terms else f'{name}_{stem}'
            made.terms[unique] = entry
            made.inputs[name].values['terms'].append(unique)


def _unknown(name: str, shape: tuple[int, ...]) -> tuple[LayoutTerm, ...]:
    return (LayoutTerm(name, shape, kind='unknown'),)


def _terms(made: Draft, terms: tuple[LayoutTerm, ...], name: str, shape: tuple[int, ...]) -> tuple[LayoutTerm, ...]:
    """Return the terms of an input; a single array where all terms were joined first and then stacked over time."""
    if len(terms) == 1 or not any(term.history and term.shape and len(term.shape) > 1 for term in terms):
        return terms
    made.notes.append(
        f'input {name} is a history of all its terms together, sample by sample, oldest first '
        f'({", ".join(term.name for term in terms)}): publish it whole'
    )
    return _unknown(name, shape)


def _fitting(layout: Layout | None, spaces: Spaces, made: Draft, joints: RobotJoints | None) -> Layout | None:
    """Return the layout with all sizes filled in, or None where no input of it fits the policy.

    Inputs and action are judged one by one: what contradicts the policy is one term of unknown content.
    """
    if layout is None:
        made.notes.append(_UNKNOWN)
        return None
    published = f'the run is not {layout.task} as it was published'
    misfit = f'the policy does not fit {layout.source}' if layout.source else published
    if set(layout.inputs) != set(spaces.inputs):
        made.notes.append(f'{misfit}: its inputs are {sorted(spaces.inputs)}')
        return None
    count = None if spaces.discrete else spaces.num_actions
    if joints:
        return _with_joints(layout, spaces, count, joints)
    try:
        layout = complete_actions(layout, count)
    except ConfigurationError as error:
        made.notes.append(f'{misfit} ({error}): what the actions do is not known')
        layout = replace(layout, actions=())
    for name, shape in spaces.inputs.items():
        try:
            layout = complete_input(layout, name, shape, count)
        except ConfigurationError as error:
            made.notes.append(f'{misfit} ({error}): input {name} is one array')
            layout = replace(layout, inputs={**layout.inputs, name: _unknown(name, shape)})
    return layout


def _with_joints(layout: Layout, spaces: Spaces, actions: int | None, joints: RobotJoints) -> Layout:
    """Return the layout with all sizes filled in; what contradicts the policy may be the joints."""
    try:
        return complete(layout, spaces.inputs, actions)
    except ConfigurationError as error:
        raise ConfigurationError(
            f'{joints.source} has {len(joints.names)} joints, with which the run does not fit: {error}'
        ) from error


def _bound(spaces: Spaces) -> float:
    """Return the greatest number that an action of the policy can be."""
    return max(float(np.abs(np.asarray(bound)).max()) for bound in (spaces.action_low, spaces.action_high))


def _complete_source(name: str, entry: Entry, sources: Sources, control_rate: float | None) -> None:
    """Add the maximum age of a source, and what its user may choose where a person or a planner sends it."""
    kind, sender = entry.values['type'], sources.senders.get(name)
    if sender is None and (kind == TWIST or _COMMANDS & set(name.split('_'))):
        sender = GOAL if kind == POSE else VELOCITY
    elif sender in (VELOCITY, GOAL) and kind in _CHOICES:
        entry.comment = '; '.join(filter(None, (entry.comment, _CHOICES[kind])))
    # of a sensor three periods: one message may be lost and one late
    sensor = round(min(0.5, max(0.03, 3.0 / control_rate)), 3) if control_rate else 0.1
    entry.values['max_age'] = {VELOCITY: _COMMAND_AGE, GOAL: _GOAL_AGE}.get(sender or '', sensor)
