# SPDX-License-Identifier: Apache-2.0
"""Compares a robot's recording with a simulator's, of other episodes, and finds what explains the difference."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.mismatch.recording import Recording
from rl_policy_node.mismatch.unpaired.account import Account, EXPLAINED, Finding, HEALTHY, UNEXPLAINED
from rl_policy_node.mismatch.unpaired.account_wording import label_of, words
from rl_policy_node.mismatch.unpaired.fault import Undoing
from rl_policy_node.mismatch.unpaired.faults import FAULTS
from rl_policy_node.mismatch.unpaired.judge_steps import Judge
from rl_policy_node.mismatch.unpaired.leaps import missing_resets
from rl_policy_node.mismatch.unpaired.physics import Physics
from rl_policy_node.mismatch.unpaired.recording_facts import Fact, facts, noises
from rl_policy_node.mismatch.unpaired.recording_figures import commands_of, terms_of
from rl_policy_node.mismatch.unpaired.view import View

LEAST = 20.0  # nats: healthy robots gain less by any correction
_OF_DIFFERENCE = 0.05  # share of the difference that a fault must explain
_EACH, _MOST = 0.02, 0.2  # share of its gain that each free number costs, and the most: what is freer explains more
_MAIN = 0.25  # share of the difference beyond which a correction comes before noise, and before missing resets
_RIVAL = 0.93  # of the best one's gain: the data do not tell faults that are so near
_ODD = 4.0  # usual differences beyond which a difference without explanation is told
_LEAST_RESETS = 0.04  # share of resets that must be missing
_MUCH = 0.25  # size beyond which a fact is no consequence of another fault


def explain(robot: Recording, simulation: Recording, on_step: Callable[[str], object] = lambda name: None) -> Account:
    """Return what explains the difference of two recordings, best first.

    on_step(kind): called before each kind of fault is tried. Raises ConfigurationError where their terms differ.
    """
    came, ours = View.of(robot), View.of(simulation)
    _check(came, ours)
    # what a sensor catches up with after it stood still may look like a leap: that comes last
    seen = [*facts(robot, simulation, came, ours), *missing_resets(robot, came, ours, Physics.of(ours))]
    noise = sorted(noises(came, ours), key=lambda each: -each.size)
    judge, findings = _tried(came, ours, seen, noise, on_step)
    usual = _usual(ours)
    if not findings:
        # small faults lead nobody astray: then whole episodes count
        judge, findings = _tried(came.whole(), ours.whole(), seen, noise, on_step)
        usual = _usual(ours.whole())
    difference = judge.deficit
    verdict = EXPLAINED if findings else UNEXPLAINED if difference > _ODD * usual else HEALTHY
    return Account(
        verdict, findings, tuple(terms_of(robot, simulation)), tuple(commands_of(robot, simulation)), difference, usual
    )


def _tried(
    came: View, ours: View, seen: Sequence[Fact], noise: Sequence[Fact], on_step: Callable[[str], object]
) -> tuple[Judge, tuple[Finding, ...]]:
    """Return the judge of a robot's view, and the findings of all kinds of faults."""
    judge = Judge.of(Physics.of(ours), came)
    undoings: list[Undoing] = []
    for name, fault in FAULTS.items():
        on_step(name)
        undoings += fault.undoings(judge)
    return judge, _ranked(judge, undoings, seen, noise)


def _check(came: View, ours: View) -> None:
    sides = [{part.name: part.size for part in view.parts} for view in (came, ours)]
    if sides[0] != sides[1]:
        raise ConfigurationError(
            f'the robot recorded the terms {sides[0]}, simulation {sides[1]}; expected two recordings of the same file'
        )
    if not came.steps.any() or not ours.steps.any():
        side = 'robot' if not came.steps.any() else 'simulation'
        raise ConfigurationError(
            f'the recording of the {side} has no two steps that follow one another and were acted on'
        )


def _usual(ours: View) -> float:
    """Return the difference of half of a simulator's robots from the others."""
    rows = ours.x.shape[1]
    if rows < 4:
        return 100.0
    halves = [np.arange(rows) % 2 == half for half in (0, 1)]
    judges = [Judge.of(Physics.of(ours.of_rows(a)), ours.of_rows(b)) for a, b in (halves, halves[::-1])]
    return max(judge.deficit for judge in judges)


def worth(undoing: Undoing) -> float:
    """Return the gain of a correction, less what its freedom would gain anyway."""
    return undoing.gain * (1 - min(_MOST, _EACH * undoing.numbers))


def _ranked(
    judge: Judge, undoings: Sequence[Undoing], seen: Sequence[Fact], noise: Sequence[Fact]
) -> tuple[Finding, ...]:
    """Return the findings, best first: what is seen directly, then corrections by their worth."""
    difference = max(judge.deficit, 1e-9)
    least = max(LEAST, _OF_DIFFERENCE * difference)
    good = sorted((each for each in undoings if worth(each) > least), key=lambda each: -worth(each))
    main = bool(good) and worth(good[0]) > _MAIN * difference
    resets = [each for each in seen if each.kind == 'reset' and each.size >= _LEAST_RESETS]
    told = [each for each in seen if each.kind != 'reset']
    # a robot led astray by another fault may rest, touch a bound, or leap for a while
    sure = [each for each in told if not main or _certain(each)]
    first: list[Undoing | Fact] = [*sure, *(() if main else noise[:1])]
    first += [] if first or main else resets
    rest = [each for each in (*noise[:1], *resets, *told) if each not in first]
    order: list[Undoing | Fact] = [*first, *good, *rest]
    kept = {(each.kind, each.where): each for each in reversed(order)}
    return tuple(_finding(each, judge, good, difference) for each in order if kept[each.kind, each.where] is each)


def _certain(fact: Fact) -> bool:
    """Return whether a fact is no consequence of another fault."""
    return fact.kind == 'rate' or fact.value[:1] == ('steps',) or fact.size >= _MUCH


def _finding(found: Undoing | Fact, judge: Judge, good: Sequence[Undoing], difference: float) -> Finding:
    said = words(found, judge.view)
    if isinstance(found, Fact):
        return Finding(found.kind, found.where, float('nan'), said.sentence, said.remedy)
    rivals = [
        label_of(each)
        for each in good
        if (each.kind, each.where) != (found.kind, found.where) and _RIVAL < worth(each) / worth(found) < 1 / _RIVAL
    ]
    share = min(1.0, found.gain / difference)
    return Finding(found.kind, found.where, share, said.sentence, said.remedy, tuple(dict.fromkeys(rivals)))
