# SPDX-License-Identifier: Apache-2.0
"""What the policy wants of a robot at rest: where it pulls, how fast, and whether its commands chatter."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from rl_policy_node.control.action_terms.action_options import ActionOptions
from rl_policy_node.control.action_terms.action_term import ActionTerm
from rl_policy_node.control.arrays import Floats
from rl_policy_node.nodes.doctor.heard import Heard
from rl_policy_node.nodes.doctor.watched import Wish
from rl_policy_node.nodes.topics.row_names import called
from rl_policy_node.options import value_of
from rl_policy_node.tools.doctor.diagnosis import Diagnosis, FAULT, WARNING

AT_REST: Final = 0.3  # rad or m: how far a policy may want to move a robot at rest
MOVING: Final = 0.02  # rad or m by which a robot at rest may drift while it is looked at
CHATTER: Final = 0.05  # rad or m by which a target may change from step to step
TURNING: Final = 0.6  # share of changes that reverse the one before: chatter, and no motion
FEW: Final = 5  # steps below which nothing is said
# kinds whose command is a distance to go at once; of the others it goes on for as long as it is repeated
_POSES: Final = ('joint_position',)
_STEPS: Final = ('joint_delta', 'pose_delta')
_SPEEDS: Final = ('joint_velocity', 'twist')


@dataclass(frozen=True)
class Rest:
    """What the policy wants of one action term of one robot: arrays (steps, n), as in Wish."""

    term: ActionTerm[ActionOptions]
    robot: str
    base: Floats
    target: Floats
    sent: Floats
    rate: float

    @property
    def name(self) -> str:
        """What it is called in a report."""
        return f'actions.{self.term.spec.name}' + (f' ({self.robot})' if self.robot else '')

    @property
    def kind(self) -> str:
        """Its law."""
        return self.term.spec.kind

    @property
    def moves(self) -> bool:
        """Whether the robot moved while it was looked at."""
        return bool(self.term.places and np.ptp(self.base, axis=0).max() > MOVING)

    def label(self, axis: int) -> str:
        """Return what a number is called."""
        names = self.term.axis_names
        return f"'{names[axis]}'" if len(names) == self.target.shape[1] else f'number {axis}'

    def pull(self) -> Floats | None:
        """Return how far each number goes (n,), rad or m: to its target, or within a second; None: no distance."""
        away = np.median(self.target - self.base, axis=0)
        if self.kind in _POSES:
            return away
        if self.kind in _STEPS:
            return away[:3] * self.rate if self.kind == 'pose_delta' else away * self.rate
        return np.median(self.target, axis=0) if self.kind in _SPEEDS else None


def rests(heard: Heard) -> Iterator[Rest]:
    """Yield what the policy wants of each action term and robot, where it acted for some steps."""
    assert heard.watched is not None  # the doctor has listened
    control, watched = heard.control, heard.watched
    for name, wishes in watched.wishes.items():
        for row in range(control.rows):
            mine = [wish for wish, acted in zip(wishes, watched.acted) if acted[row]]
            if len(mine) >= FEW:
                robot = called(control, row) if control.rows > 1 else ''
                base, target, sent = (np.stack([getattr(w, field)[row] for w in mine]) for field in Wish._fields)
                yield Rest(watched.laws[name][0], robot, base, target, sent, control.rate)


def rest_rules(heard: Heard, at_rest: float = AT_REST) -> Iterator[Diagnosis]:
    """Yield what the policy wants and should not. at_rest: rad or m that it may want to move."""
    yield from _outside(heard)
    for rest in rests(heard):
        if not rest.moves:
            yield from _pull(rest, at_rest)
            yield from _beyond(rest)
        yield from _chatter(rest)


def _pull(rest: Rest, most: float) -> Iterator[Diagnosis]:
    pull = rest.pull()
    if pull is None or np.abs(pull).max() <= most:
        return
    axis = int(np.abs(pull).argmax())
    far = int((np.abs(pull) > most).sum())
    how = 'from where it is' if rest.kind in _POSES else 'within a second'
    step = np.abs(rest.sent - rest.base).max() if rest.term.places else np.abs(rest.sent).max() / rest.rate
    yield Diagnosis(
        WARNING,
        'pull',
        rest.name,
        f'the policy wants {rest.label(axis)} to move by {pull[axis]:+.3g} {how} ({far} of {len(pull)} numbers go '
        f'further than {most:g}); the limits let it take {step:.3g} in the first period',
        f'at most {most:g} rad or m at rest, where it should not move',
        'the terms above first; then offset, scale and order of the action. If it shall move here: --at-rest',
        f'actions.{rest.term.spec.name}',
    )


def _beyond(rest: Rest) -> Iterator[Diagnosis]:
    """Yield targets that lie beyond the limits in most steps."""
    options = rest.term.options
    lower, upper = (
        np.asarray(value_of(options, name, ()) or (bound,)) for name, bound in (('lower', -np.inf), ('upper', np.inf))
    )
    if max(len(lower), len(upper)) not in (1, rest.target.shape[1]):
        return
    past = (rest.target < lower - 1e-6) | (rest.target > upper + 1e-6)
    beyond = past.mean(axis=0) > 0.5
    if beyond.any() and rest.kind not in _STEPS:
        axis = int(np.nonzero(beyond)[0][0])
        yield Diagnosis(
            WARNING,
            'limits',
            rest.name,
            f'the target of {rest.label(axis)}, {np.median(rest.target[:, axis]):.3g}, lies beyond its limits in most '
            f'steps ({int(beyond.sum())} of {len(beyond)} numbers do)',
            'targets within lower and upper',
            'offset, scale and order of the action, or limits that are too narrow',
            f'actions.{rest.term.spec.name}.lower',
        )


def _chatter(rest: Rest) -> Iterator[Diagnosis]:
    if rest.kind not in (*_POSES, *_STEPS) or len(rest.target) < 2 * FEW:
        return
    change = np.diff(rest.target, axis=0)
    size = np.median(np.abs(change), axis=0)
    reversals = (change[1:] * change[:-1] < 0).mean(axis=0)
    wild = (size > CHATTER) & (reversals > TURNING)
    if wild.any():
        axis = int(np.where(wild, size, 0.0).argmax())
        yield Diagnosis(
            WARNING,
            'chatter',
            rest.name,
            f'the target of {rest.label(axis)} jumps by {size[axis]:.3g} from step to step, and back',
            f'less than {CHATTER:g} rad or m at rest',
            'noise or delay of a sensor, a wrong rate, or deterministic: false; smoothing damps it',
            f'actions.{rest.term.spec.name}',
        )


def _outside(heard: Heard) -> Iterator[Diagnosis]:
    """Yield robots that are measured beyond the limits of their actions: activation refuses them."""
    assert heard.watched is not None  # the doctor has listened
    watched = heard.watched
    for name, wishes in watched.wishes.items():
        term = watched.laws[name][0]
        buffers = {traffic.source.spec.name: traffic.source.buffer for traffic in heard.traffic}
        for row, reason in (term.outside(buffers) if wishes else {}).items():
            yield Diagnosis(
                FAULT,
                'limits',
                f'actions.{name}',
                f'{called(heard.control, row)}: {reason}',
                'a robot within its limits',
                'move it, or state the limits of its data sheet',
                f'actions.{name}.lower',
            )
