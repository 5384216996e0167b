# SPDX-License-Identifier: Apache-2.0
"""What the joints tell while one after another is moved: names, signs, limits, units, joints that move together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
import math
from typing import Final

import numpy as np

from rl_policy_node.control.specs import ActionSpec, ControlSpec
from rl_policy_node.nodes.doctor.exercise import Exercise
from rl_policy_node.nodes.topics.naming import named_for
from rl_policy_node.options import value_of
from rl_policy_node.tools.doctor.diagnosis import Diagnosis, FAULT, WARNING

BY_HAND: Final = 0.1  # rad or m by which a joint has to move to count as moved by hand
OF_ASKED: Final = 0.3  # share of a jog by which a joint has to move to count as moved
TOGETHER: Final = 0.5  # share of the largest movement by which another joint moves with it
GAIN: Final = 3.0  # ratio of seen to asked beyond which units differ


@dataclass(frozen=True)
class JointReport:
    """How a joint moved. moved: joint → rad or m, with sign, of those that moved. span: least and greatest position."""

    exercise: Exercise
    moved: dict[str, float]
    span: tuple[float, float]
    limits: tuple[float, float]
    scale: float


def joint_reports(exercises: Sequence[Exercise], control: ControlSpec) -> list[JointReport]:
    """Return how each joint moved."""
    reports = []
    for exercise in exercises:
        least = BY_HAND if math.isnan(exercise.asked) else OF_ASKED * abs(exercise.asked)
        moved = {name: way for name, way in exercise.excursion().items() if abs(way) >= least}
        own = exercise.moves().get(exercise.joint)
        span = (math.nan, math.nan) if own is None else (float(own.min()), float(own.max()))
        limits = _limits(control, exercise)
        reports.append(JointReport(exercise, moved, span, limits, _scale(control, exercise)))
    return reports


def joint_rules(reports: Sequence[JointReport]) -> Iterator[Diagnosis]:
    """Yield what is wrong with the joints; two that answer for each other are named as one verdict each."""
    for report in reports:
        exercise = report.exercise
        if exercise.asked == 0.0 and exercise.joint:
            yield from _left(report)
        elif exercise.ended:
            yield _verdict(
                WARNING, 'ended', report, exercise.ended, 'a whole way out and back', 'mend it, and start the jog again'
            )
        elif not exercise.times:
            yield _verdict(
                FAULT, 'silent', report, 'no message of its source', 'messages while it moves', 'see the topics above'
            )
        elif not report.moved:
            yield _verdict(
                WARNING,
                'not_moved',
                report,
                'no joint moved',
                'this joint to move',
                'by hand: again, further; by a jog: the controller ignores commands, or the drive is off',
            )
        else:
            yield from _moved(report)


def _left(report: JointReport) -> Iterator[Diagnosis]:
    way = report.exercise.excursion()[report.exercise.joint]
    yield _verdict(
        FAULT,
        'hold',
        report,
        f'it moved by {way:+.3g} when the robot was told to stay where it was measured; the jog ended there',
        'a robot that stays',
        'sign, order or unit of this joint differ between the driver that measures and the controller; move it by hand '
        '(--joints)',
    )


def _moved(report: JointReport) -> Iterator[Diagnosis]:
    exercise, moved = report.exercise, report.moved
    largest = max(moved, key=lambda name: abs(moved[name]))
    own = moved.get(exercise.joint, 0.0)
    if abs(own) < TOGETHER * abs(moved[largest]):
        yield _verdict(
            FAULT,
            'swapped',
            report,
            f"'{largest}' moved by {moved[largest]:+.3g}, and '{exercise.joint}' by {own:+.3g}",
            f"'{exercise.joint}' to move alone",
            "the names in the driver's messages, the order of the controller's joints, or the list in the file",
        )
        return
    others = [name for name in moved if name != exercise.joint and abs(moved[name]) > TOGETHER * abs(own)]
    if others:
        listed = ', '.join(f"'{name}' by {moved[name]:+.3g}" for name in others)
        yield _verdict(
            WARNING,
            'together',
            report,
            f"'{exercise.joint}' moved by {own:+.3g}, and {listed}",
            'one joint to move',
            'joints that are coupled, a driver that repeats one encoder; or hold the other joints',
        )
    yield from _direction(report, own)
    yield from _beyond(report)


def _direction(report: JointReport, own: float) -> Iterator[Diagnosis]:
    asked = report.exercise.asked
    if math.isnan(asked):
        if own < 0:
            yield _verdict(
                FAULT,
                'sign',
                report,
                f'moved by {own:+.3g}',
                'a positive way, as asked',
                'the sign of this joint in the driver: positive as in the model of training; or scale -1 of its term '
                'and action',
            )
    elif own * asked < 0:
        yield _verdict(
            FAULT,
            'sign',
            report,
            f'measured {own:+.3g} for a command of {asked:+.3g}',
            'the same sign',
            'driver and controller count this joint in opposite directions',
        )
    elif not 1.0 / GAIN < abs(own / asked) < GAIN:
        yield _verdict(
            FAULT,
            'units',
            report,
            f'measured {own:+.3g} for a command of {asked:+.3g}',
            'about the same',
            'degrees on one side (a ratio of 57), mm, or a gear ratio that is missing',
        )
    if report.scale < 0:
        yield _verdict(
            WARNING,
            'sign',
            report,
            f'the term turns its sign: it saw {np.sign(report.scale) * own:+.3g}',
            'the sign of the joint',
            'a negative scale of the term: is that meant?',
        )


def _beyond(report: JointReport) -> Iterator[Diagnosis]:
    (least, most), (lower, upper) = report.span, report.limits
    if least < lower or most > upper:
        yield _verdict(
            WARNING,
            'limits',
            report,
            f'was from {least:.3g} to {most:.3g}',
            f'within lower {lower:.3g} and upper {upper:.3g}',
            'the limits in the file are narrower than the joint: activation is refused where they are exceeded',
        )


def _verdict(level: str, check: str, report: JointReport, seen: str, expected: str, remedy: str) -> Diagnosis:
    exercise = report.exercise
    way = f'jogged by {exercise.asked:+.3g}' if exercise.asked else 'held'
    how = 'moved by hand' if math.isnan(exercise.asked) else way
    about = f"joint '{exercise.joint}', {how}" if exercise.joint else 'the jog'
    return Diagnosis(level, check, about, seen, expected, remedy, f'sources.{exercise.source}')


def _limits(control: ControlSpec, exercise: Exercise) -> tuple[float, float]:
    for action in control.actions:
        names = named_for(action.joints, control.robots[exercise.row])
        if action.source == exercise.source and exercise.joint in names:
            place = names.index(exercise.joint)
            return _bound(action, 'lower', place, -math.inf), _bound(action, 'upper', place, math.inf)
    return -math.inf, math.inf


def _bound(action: ActionSpec, name: str, place: int, otherwise: float) -> float:
    numbers = value_of(action.options, name, tuple[float, ...]())
    return float(numbers[place if len(numbers) > 1 else 0]) if numbers else otherwise


def _scale(control: ControlSpec, exercise: Exercise) -> float:
    """Return the factor of the joint in the term of its position, 1 if no term reads it."""
    for term in control.terms.values():
        joints = named_for(value_of(term.options, 'joints', tuple[str, ...]()), control.robots[exercise.row])
        if term.kind == 'field' and value_of(term.options, 'field', '') == 'position' and exercise.joint in joints:
            scale = term.scale or (1.0,)
            return float(scale[joints.index(exercise.joint) if len(scale) > 1 else 0])
    return 1.0
