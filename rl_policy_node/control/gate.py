# SPDX-License-Identifier: Apache-2.0
"""The gate: limits on each command of policy and fallback, from the last command sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from rl_policy_node.control.action_terms.action_options import ActionOptions
from rl_policy_node.control.action_terms.action_term import ActionTerm
from rl_policy_node.control.arrays import Axes, Command, Floats, Mask, Sources
from rl_policy_node.control.limits import finite_rows
from rl_policy_node.control.reductions import all_true, any_true


class Motion(NamedTuple):
    """The last command of a term, and the state that its limits continue from. Its arrays never change.

    sent: field → (rows, ...). speed: rate of change of `sent` (per s), for fields with a limit on acceleration.
    goal: the command that holds a stopped row, NaN for a row that still moves or acts; empty: no row is held.
    captured (rows,): whether the goal is a measurement.
    """

    sent: Command
    speed: Command
    goal: Command
    captured: Mask


class Sent(NamedTuple):
    """The last commands: action term → Motion, and `at` (rows,): s, steady, when each row was sent them; −inf: never.

    lost: rows (mask) whose position is unknown since a pause, which get no position commands; None: no row.
    """

    motions: Mapping[str, Motion]
    at: Floats
    lost: Mask | None = None

    @property
    def commands(self) -> dict[str, Command]:
        """Return action term → its command."""
        return {name: motion.sent for name, motion in self.motions.items()}


class Gate:
    """Applies the limits of one term: takes a Motion, returns the next. It has no memory; any thread may call it."""

    def __init__(self, term: ActionTerm[ActionOptions], rows: int) -> None:
        self._term, self._rows = term, rows
        self._none: Mask = np.zeros(rows, dtype=bool)
        self._none.flags.writeable = False

    def begin(self, sources: Sources) -> Motion:
        """Return the motion of rows at rest: at the measured position, at zero, or at the fallback's value."""
        # a pose that was never measured has no direction
        with np.errstate(invalid='ignore'):
            return self._at(self._term.fallback(sources, self._rows))

    def move(self, motion: Motion, target: Command, dt: Axes) -> Motion:
        """Return the limited command towards a target, dt s (a number or (rows, 1)) after the last one."""
        term = self._term
        return self._moved(motion, term.limit(term.aim(target), motion.sent, dt, motion.speed), dt)

    def brake(self, motion: Motion, dt: Axes) -> Motion:
        """Return the command of rows that decelerate to rest; without a limit on acceleration they stop at once."""
        return self._moved(motion, self._term.braked(motion.sent, motion.speed, dt), dt)

    def fallback(self, motion: Motion, sources: Sources, fresh: Mask, dt: Axes, last: bool = False) -> Motion:
        """Return the next command of the fallback.

        zero, value: approached within the limits; but a velocity or an effort goes on acting, so its `last` command is
        the whole fallback at once. hold, keep: decelerate to rest, then keep the command. hold: if the measurement is
        further from it than max_hold_error, the gate captures the measurement, once, and goes there within the limits.
        fresh (rows,): rows whose measurement may be used.
        """
        term = self._term
        if term.spec.fallback in ('zero', 'value'):
            target = term.fallback(sources, self._rows)
            return self._at(target) if last and term.acts_on else self._finite(self._toward(motion, target, dt), motion)
        braked = self.brake(motion, dt)
        goal, captured = motion.goal or _no_goal(motion.sent), motion.captured
        settled = _held(goal)
        stopped = ~settled & _still(motion.speed, self._rows)
        if any_true(stopped):
            goal, settled = merged(stopped, motion.sent, goal), settled | stopped
        if term.spec.fallback == 'hold' and any_true(fresh):
            beyond = settled & fresh & ~captured
            if any_true(beyond):
                with np.errstate(invalid='ignore'):
                    measured = term.measured(sources)
                beyond = beyond & term.apart(motion.sent, measured) & _finite_command(measured)
                if any_true(beyond):
                    goal, captured = merged(beyond, measured, goal), captured | beyond
        held = self._finite(self._toward(motion, merged(settled, goal, motion.sent), dt), motion)
        return Motion(
            merged(settled, held.sent, braked.sent), merged(settled, held.speed, braked.speed), goal, captured
        )

    def renewed(self, motion: Motion, sources: Sources, rows: Mask) -> Motion:
        """Return the motion after a pause: rows measured too far from their command begin from the measurement."""
        if not self._term.places:
            return motion
        with np.errstate(invalid='ignore'):
            return self.anew(motion, sources, rows & self._term.apart(motion.sent, self._term.measured(sources)))

    def anew(self, motion: Motion, sources: Sources, rows: Mask) -> Motion:
        """Return the motion with rows at rest, as at a start."""
        return mixed(rows, self.begin(sources), motion) if any_true(rows) else motion

    def _at(self, command: Command) -> Motion:
        still: Command = {field: np.zeros_like(command[field]) for field in self._term.speeds}
        return Motion(command, still, {}, self._none)

    def _toward(self, motion: Motion, target: Command, dt: Axes) -> Motion:
        return self._moved(motion, self._term.limit(target, motion.sent, dt, motion.speed), dt)

    def _moved(self, motion: Motion, sent: Command, dt: Axes) -> Motion:
        speed: Command = {}
        if motion.speed:
            speed = {field: (sent[field] - motion.sent[field]) / dt for field in motion.speed}
        return Motion(sent, speed, {}, self._none)

    def _finite(self, new: Motion, old: Motion) -> Motion:
        """Return the new motion; rows whose command is not finite keep the old one."""
        finite = _finite_command(new.sent)
        return new if all_true(finite) else mixed(finite, new, old)


def merged(rows: Mask, new: Command, old: Command) -> Command:
    """Return a command that is `new` for rows and `old` for the others."""
    if all_true(rows):
        return new
    return {field: np.where(rows[:, np.newaxis], value, old[field]) for field, value in new.items()}


def mixed(rows: Mask, new: Motion, old: Motion) -> Motion:
    """Return a motion that is `new` for rows and `old` for the others."""
    if all_true(rows):
        return new
    goal: Command = {}
    if new.goal or old.goal:
        goal = merged(rows, new.goal or _no_goal(new.sent), old.goal or _no_goal(old.sent))
    return Motion(
        merged(rows, new.sent, old.sent),
        merged(rows, new.speed, old.speed),
        goal,
        np.where(rows, new.captured, old.captured),
    )


def _finite_command(command: Command) -> Mask:
    """Return the rows (mask) whose numbers are all finite, even as float32."""
    most = np.finfo(np.float32).max
    finite: Mask = np.logical_and.reduce(
        [finite_rows(value) & (np.abs(value) <= most).all(axis=1) for value in command.values()]
    )
    return finite


def _no_goal(like: Command) -> Command:
    return {field: np.full_like(value, np.nan) for field, value in like.items()}


def _held(goal: Command) -> Mask:
    held: Mask = np.logical_and.reduce([~np.isnan(value).any(axis=1) for value in goal.values()])
    return held


def _still(speed: Command, rows: int) -> Mask:
    still: Mask = np.ones(rows, dtype=bool)
    for value in speed.values():
        still = still & (value == 0.0).all(axis=1)
    return still
