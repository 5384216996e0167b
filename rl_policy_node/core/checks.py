# SPDX-License-Identifier: Apache-2.0
"""Which rows may act, and why the others may not."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import cast, ParamSpec, TypeAlias

import numpy as np

from rl_policy_node.control.action_manager import ActionManager, Commands
from rl_policy_node.control.arrays import Array, Mask, Values
from rl_policy_node.control.limits import finite_commands, finite_rows, is_finite
from rl_policy_node.control.observation_manager import ObservationManager
from rl_policy_node.control.source_buffer import SourceBuffer
from rl_policy_node.control.state import State
from rl_policy_node.control.supervisor import Supervisor
from rl_policy_node.core.frame import Frame

# row → why it may not act; empty where every row may
Refusals: TypeAlias = Mapping[int, str]

NONE: Refusals = {}
P = ParamSpec('P')


class Check:
    """Refuses rows that must not act, at three moments of a step. It refuses none unless a subclass says so.

    A row that is refused gets the fallback in the same step. What a check remembers belongs in `feed`, which is called
    once for each step; `arrived` may be called at any time, by any thread, and changes nothing.
    delays_activation: whether activation waits until it refuses no row by what arrived. is_fault: whether a row that
    it refuses by what arrived lacks something that it needs; otherwise it goes on by itself. latches: whether a row
    that it refuses by what arrived stays refused until ~/resume.
    """

    delays_activation = True
    is_fault = True
    latches = False

    def start(self) -> None:
        """Forget what was fed before this activation."""

    def state(self) -> State:
        """Return a copy of what it remembers."""
        return {}

    def restore(self, state: State) -> None:
        """Go on from a state of a check made alike."""

    def feed(self, frame: Frame, rows: Mask) -> None:
        """Take in what a step shows of the rows (mask) that may act so far."""

    def arrived(self, frame: Frame) -> Refusals:
        """Refuse rows by what arrived."""
        return NONE

    def noticed(self, frame: Frame) -> Refusals:
        """Return row → what is not well, though that alone stops nothing; asked at the end of each step."""
        return NONE

    def seen(self, inputs: Values, rows: Mask) -> Refusals:
        """Refuse some of the rows (mask) by what the policy would see of them: input → (rows, ...)."""
        return NONE

    def commanded(self, actions: Array, commands: Commands, rows: Mask) -> Refusals:
        """Refuse some of the rows (mask) by the action (rows, n) and the limited commands that it makes."""
        return NONE


class Hooks:
    """What several checks do at each moment of a step, without those that do nothing then.

    arrived: (arrived, feed or None, is_fault, latches) of each; awaited: `arrived` of those that delay the activation.
    """

    def __init__(self, checks: Sequence[Check]) -> None:
        self.arrived = [(check.arrived, check.feed if _does(check, 'feed') else None, check.is_fault,
                         check.latches)
                        for check in checks
                        if _does(check, 'arrived') or _does(check, 'feed')]
        self.awaited = [check.arrived for check in checks if check.delays_activation]
        self.noticed = [check.noticed for check in checks if _does(check, 'noticed')]
        self.seen = [check.seen for check in checks if _does(check, 'seen')]
        self.commanded = [check.commanded for check in checks if _does(check, 'commanded')]
        self._checks = checks

    def start(self) -> None:
        """Have each forget what it was fed before."""
        for check in self._checks:
            check.start()

    def state(self) -> State:
        """Return what each remembers, by its place."""
        return {str(place): check.state() for place, check in enumerate(self._checks)}

    def restore(self, state: State) -> None:
        """Go on from a state of the same checks."""
        for place, check in enumerate(self._checks):
            check.restore(cast(State, state[str(place)]))


def _does(check: Check, hook: str) -> bool:
    return getattr(type(check), hook) is not getattr(Check, hook)


def refused(hooks: Iterable[Callable[P, Refusals]], *arguments: P.args, **options: P.kwargs) -> Refusals:
    """Return what several checks refuse; of a row's reasons the first counts."""
    found: Refusals = NONE
    for hook in hooks:
        more = hook(*arguments, **options)
        if more:
            found = {**more, **found}
    return found


class Sources(Check):
    """Every source has sent, is young enough, and was not refused."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor

    def arrived(self, frame: Frame) -> Refusals:
        return self._supervisor.assess(frame.sources, frame.steady, frame.ros)[1]


class StaleCommands(Check):
    """Commands of people that are stale read as zero, and stop nothing. names: of their sources."""

    delays_activation = False
    is_fault = False

    def __init__(self, supervisor: Supervisor, names: Sequence[str]) -> None:
        self._supervisor, self._names = supervisor, names
        self.start()

    def start(self) -> None:
        self._told: Refusals = NONE

    def feed(self, frame: Frame, rows: Mask) -> None:
        self._told = NONE
        for name in self._names:
            found = self._supervisor.zero_stale(name, frame.sources[name], frame.steady, frame.ros)
            self._told = {**found, **self._told} if found else self._told

    def noticed(self, frame: Frame) -> Refusals:
        return self._told


class Enable(Check):
    """Somebody says again and again that the robots may move. timeout: s for which that holds; topic: where."""

    def __init__(self, timeout: float, topic: str, rows: int) -> None:
        self._timeout = timeout
        self._refusals: Refusals = dict.fromkeys(range(rows), f'not enabled: no true on {topic} for {timeout:g} s, or '
                                                              'false since')

    def arrived(self, frame: Frame) -> Refusals:
        return NONE if frame.steady - frame.enabled <= self._timeout else self._refusals


class Attention(Check):
    """Callbacks run: where they lag, as in a flood of messages, nobody's stop would be heard. limit: s."""

    delays_activation = False
    latches = True

    def __init__(self, rows: int, limit: float) -> None:
        self._rows, self._limit = range(rows), limit

    def arrived(self, frame: Frame) -> Refusals:
        if frame.steady - frame.heard <= self._limit:
            return NONE
        return dict.fromkeys(self._rows, f'callbacks have lagged for {frame.steady - frame.heard:.3f} s: a stop would '
                                         'not be heard')


class RobotStates(Check):
    """The driver of each robot says that the robot may move. timeout: s for which a message holds; topic: where."""

    latches = True

    def __init__(self, timeout: float, topic: str, rows: int) -> None:
        self._timeout, self._topic, self._rows = timeout, topic, range(rows)

    def arrived(self, frame: Frame) -> Refusals:
        found: dict[int, str] = {}
        for row in self._rows:
            state = frame.robot_states.get(row)
            if state is None:
                found[row] = f'no message yet on {self._topic}'
            elif state.refusal:
                found[row] = state.refusal
            elif frame.steady - state.received > self._timeout:
                found[row] = (f'{self._topic}: nothing for {frame.steady - state.received:.3f} s; robot_state.timeout '
                              f'is {self._timeout:g} s')
        return found


class Tares(Check):
    """Tactile terms have their zero; it is taken after activation, of rows that may act otherwise."""

    delays_activation = False
    is_fault = False

    def __init__(self, observations: ObservationManager) -> None:
        self._observations = observations

    def feed(self, frame: Frame, rows: Mask) -> None:
        self._observations.feed_tare(frame.sources, rows)

    def arrived(self, frame: Frame) -> Refusals:
        return self._observations.untared()


class TrackingErrors(Check):
    """Robots are within max_tracking_error of where they were sent; a stale measurement tells nothing."""

    delays_activation = False
    is_fault = False
    latches = True

    def __init__(self, actions: ActionManager) -> None:
        self._actions = actions

    def arrived(self, frame: Frame) -> Refusals:
        sent, tracking = self._actions.sent(), self._actions.tracking
        told = frame.steady - sent.at <= self._actions.pause
        fresh = {name: rows & told for name, rows in frame.fresh(tracking.sources).items()}
        return tracking.beyond(sent.commands, frame.sources, fresh)


class FiniteInputs(Check):
    """The policy sees numbers: one row that is none can fail the whole batch."""

    def seen(self, inputs: Values, rows: Mask) -> Refusals:
        if all(map(is_finite, inputs.values())):
            return NONE
        finite: Mask = np.logical_and.reduce([finite_rows(value) for value in inputs.values()])
        return _told(rows & ~finite, 'what the policy would see is not finite')


class FiniteCommands(Check):
    """Actions and commands are numbers."""

    def commanded(self, actions: Array, commands: Commands, rows: Mask) -> Refusals:
        finite = finite_commands(actions, commands, rows)
        return NONE if finite is rows else _told(rows & ~finite, 'the policy gave a command that is not finite')


def built_in(supervisor: Supervisor, observations: ObservationManager, actions: ActionManager,
             buffers: Mapping[str, SourceBuffer], lockstep: bool) -> list[Check]:
    """Return the checks that every policy has, in the order in which their reasons count."""
    commands = [name for name, source in buffers.items() if supervisor.reads_as_zero(source)]
    zeros = [StaleCommands(supervisor, commands)] if commands else []
    tares = [Tares(observations)] if observations.tares else []
    tracking = [TrackingErrors(actions)] if actions.tracking.watched and not lockstep else []
    return [*zeros, Sources(supervisor), *tares, *tracking, FiniteInputs(), FiniteCommands()]


def _told(rows: Mask, reason: str) -> Refusals:
    return dict.fromkeys(np.nonzero(rows)[0].tolist(), reason)
