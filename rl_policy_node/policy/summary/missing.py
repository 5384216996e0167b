# SPDX-License-Identifier: Apache-2.0
"""Information that a deployment needs and that the run does not state."""

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from rl_policy_node.policy.contract.facts import Fact
from rl_policy_node.policy.layouts import LayoutAction
from rl_policy_node.policy.shared_types import Shape
from rl_policy_node.policy.summary.reading import Reading
from rl_policy_node.policy.summary.record import Actions, Missing, Observation

# (what, why) of a Missing
Gaps: TypeAlias = Iterator[tuple[str, str]]

_KNOWN = {'joint_position', 'joint_velocity', 'joint_effort'}
# Kind of action → what keeps it in bounds, by which parameters
_LIMITS = {
    'joint_position': ('joint limits', 'lower, upper and max_velocity'),
    'joint_delta': ('joint limits', 'lower, upper and max_velocity'),
    'joint_velocity': ('joint limits', 'max_velocity and max_acceleration'),
    'effort': ('joint limits', 'max_effort'),
    'gripper': ('joint limits', 'max_velocity'),
    'twist': ('limits', 'max_velocity and max_acceleration'),
    'wrench': ('limits', 'max_force and max_torque'),
    'raw': ('limits', 'lower and upper'),
    'discrete': ('limits', 'table'),
}


def missing(
    reading: Reading, observations: Sequence[Observation], actions: Actions, control_rate: Fact | None
) -> tuple[Missing, ...]:
    """Return everything that the user still has to state, most basic first."""
    return tuple(
        Missing(what, why)
        for what, why in (
            *_files(reading),
            *_make_up(reading, observations),
            *_terms(observations),
            *_rate(control_rate, observations),
            *_commands(actions),
        )
    )


def _files(reading: Reading) -> Gaps:
    none = reading.run.checkpoint is None
    if none:
        yield 'checkpoint', reading.run.checkpoint_choice[1]
    if reading.spaces is None:
        yield 'sizes', reading.open_sizes + ('; a checkpoint tells most of them' if none else '')


def _make_up(reading: Reading, observations: Sequence[Observation]) -> Gaps:
    """Yield the inputs whose composition no file states."""
    if reading.layout_problem:
        yield 'layout', f'what is known of the environment is not used: {reading.layout_problem}'
    unknown = [
        f'{observation.name} ({_size(observation.shape.value)})'
        for observation in observations
        if not observation.terms or any(term.kind == 'unknown' for term in observation.terms)
    ]
    if unknown:
        yield 'terms', f'what these are made of, in the trained order, with scales and offsets: {", ".join(unknown)}'


def _size(shape: Shape | None) -> str:
    return 'size not known' if shape is None else '×'.join(map(str, shape))


def _terms(observations: Sequence[Observation]) -> Gaps:
    terms = [
        term
        for observation in observations
        for term in observation.terms
        if term.kind == 'field' and term.quantity != 'zeros'
    ]
    subjects = dict.fromkeys(term.subject or term.name for term in terms)
    names = [*subjects, *(observation.name for observation in observations if not observation.terms)]
    if names:
        yield 'topics', f'a topic and a message type for: {", ".join(names)}'
    unnamed = [term.name for term in terms if term.quantity in _KNOWN and not term.joints]
    if unnamed:
        yield 'joint names', f'in the trained order, for the observations {", ".join(unnamed)}'
    for name in ('offset', 'scale'):
        blank = [term.name for term in terms if getattr(term, name) is None]
        if blank:
            yield name, f'of {", ".join(blank)}: the run does not hold it (see what the term is)'
    other = [term.name for term in terms if term.quantity == 'other']
    if other:
        yield 'numbers', f'to be computed on your side, as their description says: {", ".join(other)}'


def _rate(control_rate: Fact | None, observations: Sequence[Observation]) -> Gaps:
    if control_rate is None:
        yield 'control_rate', 'Hz at which the policy was trained to act'
    if any(observation.clip is None for observation in observations):
        yield 'clip_observations', 'whether the environment clipped its observations, and at what'


def _commands(actions: Actions) -> Gaps:
    yield 'command topic', 'where the commands go, and its message type'
    if not actions.terms:
        yield (
            'action',
            (
                'what an action means: joints or pose, scale, offset'
                if actions.kind == 'continuous'
                else 'what each of the choices does'
            ),
        )
    for term in actions.terms:
        yield from _command(term)


def _command(term: LayoutAction) -> Gaps:
    if term.kind == 'other':
        yield 'action', f'{term.name} is none of the kinds that the node has: {term.law}'
    elif term.kind == 'pose_delta':
        yield 'workspace', f'lower and upper of the box (m) that no target of {term.name} leaves'
        if not term.position_scale or not term.rotation_scale:
            yield 'scale', f'position_scale (m) and rotation_scale (rad) per unit of {term.name}'
    else:
        yield from _numbers(term)
        yield _LIMITS[term.kind][0], f"{_LIMITS[term.kind][1]} of {term.name}: no file of the run holds the robot's"


def _numbers(term: LayoutAction) -> Gaps:
    if term.kind.startswith(('joint_', 'effort', 'gripper')) and not term.joints:
        yield 'joint names', f'in the order of the actions of {term.name}'
    for name in ('offset', 'scale'):
        if getattr(term, name) is None:
            yield name, f'of the action {term.name}: the run does not hold it'
