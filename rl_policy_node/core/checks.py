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
    """Refuses rows that must not act, at three moments of a step. By default it refuses none.

    A refused row gets the fallback in the same step. `feed` runs once for each step and updates the memory of the
    check; any thread may call `arrived` at any time, so it changes nothing.
    Three flags concern rows that `arrived` refuses. delays_activation: activation waits until there are none. is_fault:
    such a row lacks something that it needs; otherwise it goes on by itself. latches: it stays refused until ~/resume.
    """

    delays_activation = True
    is_fault = True
    latches = False

    def start(self) -> None:
        """Forget everything from before this activation."""

    def state(self) -> State:
        """Return a copy of its memory."""
        return {}

    def restore(self, state: State) -> None:
        """Continue from a state of an identical check."""

    def feed(self, frame: Frame, rows: Mask) -> None:
        """Update the memory with the frame of a step. rows: mask of those that may act so far."""

    def arrived(self, frame: Frame) -> Refusals:
        """Refuse rows because of the data that arrived."""
        return NONE

    def noticed(self, frame: Frame) -> Refusals:
        """Return row → a warning, which stops nothing; called at the end of each step."""
        return NONE

    def seen(self, inputs: Values, rows: Mask) -> Refusals:
        """Refuse some of the rows (mask) because of the policy's inputs: input → (rows, ...)."""
        return NONE

    def commanded(self, actions: Array, commands: Commands, rows: Mask) -> Refusals:
        """Refuse some of the rows (mask) because of their actions (rows, n) or the limited commands."""
        return NONE


class Hooks:
    """The methods of several checks, grouped by moment of a step; only those that a check overrides.

    arrived: (arrived, feed or None, is_fault, latches) of each; awaited: `arrived` of those that delay activation.
    """

    def __init__(self, checks: Sequence[Check]) -> None:
        self.arrived = [
            (check.arrived, check.feed if _does(check, 'feed') else None, check.is_fault, check.latches)
            for check in checks
            if _does(check, 'arrived') or _does(check, 'feed')
        ]
        self.awaited = [check.arrived for check in checks if check.delays_activation]
        self.noticed = [check.noticed for check in checks if _does(check, 'noticed')]
        self.seen = [check.seen for check in checks if _does(check, 'seen')]
        self.commanded = [check.commanded for check in checks if _does(check, 'commanded')]
        self._checks = checks

    def start(self) -> None:
        """Start each check."""
        for check in self._checks:
            check.start()

    def state(self) -> State:
        """Return the state of each check by its place."""
        return {str(place): check.state() for place, check in enumerate(self._checks)}

    def restore(self, state: State) -> None:
        """Continue from a state of the same checks."""
        for place, check in enumerate(self._checks):
            check.restore(cast(State, state[str(place)]))


def _does(check: Check, hook: str) -> bool:
    return getattr(type(check), hook) is not getattr(Check, hook)


def refused(hooks: Iterable[Callable[P, Refusals]], *arguments: P.args, **options: P.kwargs) -> Refusals:
    """Return the rows that any of the checks refuses; the first reason counts."""
    found: Refusals = NONE
    for hook in hooks:
        more = hook(*arguments, **options)
        if more:
            found = {**more, **found}
    return found


class Sources(Check):
    """Every source has sent a message that is young enough, and its latest message was not refused."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor

    def arrived(self, frame: Frame) -> Refusals:
        return self._supervisor.assess(frame.sources, frame.steady, frame.ros)[1]


class StaleCommands(Check):
    """Stale commands of a person read as zero, and stop nothing. names: the sources of such commands."""

    delays_activation = False
    is_fault = False

    def __init__(self, supervisor: Supervisor, names: Sequence[str]) -> None:
        self._supervisor, self._names = supervisor, names
        self.start()

    def start(self) -> None:
        self._warnings: Refusals = NONE

    def feed(self, frame: Frame, rows: Mask) -> None:
        self._warnings = NONE
        for name in self._names:
            found = self._supervisor.zero_stale(name, frame.sources[name], frame.steady, frame.ros)
            self._warnings = {**found, **self._warnings} if found else self._warnings

    def noticed(self, frame: Frame) -> Refusals:
        return self._warnings


class Enable(Check):
    """A person keeps enabling the robots. timeout: s for which one message holds; topic: of these messages."""

    def __init__(self, timeout: float, topic: str, rows: int) -> None:
        self._timeout = timeout
        self._refusals: Refusals = dict.fromkeys(
            range(rows), f'not enabled: no true on {topic} for {timeout:g} s, or false since'
        )

    def arrived(self, frame: Frame) -> Refusals:
        return NONE if frame.steady - frame.enabled <= self._timeout else self._refusals


class Attention(Check):
    """Callbacks run in time; while they lag, as in a flood of messages, a stop would come late. limit: s of lag."""

    delays_activation = False
    latches = True

    def __init__(self, rows: int, limit: float) -> None:
        self._rows, self._limit = range(rows), limit

    def arrived(self, frame: Frame) -> Refusals:
        if frame.steady - frame.heard <= self._limit:
            return NONE
        return dict.fromkeys(
            self._rows, f'callbacks have lagged for {frame.steady - frame.heard:.3f} s: a stop would not be heard'
        )


class RobotStates(Check):
    """The driver of each robot permits motion. timeout: s for which one message holds; topic: of these messages."""

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
                found[row] = (
                    f'{self._topic}: nothing for {frame.steady - state.received:.3f} s; robot_state.timeout '
                    f'is {self._timeout:g} s'
                )
        return found


class Tares(Check):
    """Tactile terms have their zero, which is taken after activation, once nothing else refuses the row."""

    delays_activation = False
    is_fault = False

    def __init__(self, observations: ObservationManager) -> None:
        self._observations = observations

    def feed(self, frame: Frame, rows: Mask) -> None:
        self._observations.feed_tare(frame.sources, rows)

    def arrived(self, frame: Frame) -> Refusals:
        return self._observations.untared()


class TrackingErrors(Check):
    """Robots are within max_tracking_error of their last command; stale measurements do not count."""

    delays_activation = False
    is_fault = False
    latches = True

    def __init__(self, actions: ActionManager) -> None:
        self._actions = actions

    def arrived(self, frame: Frame) -> Refusals:
        sent, tracking = self._actions.sent(), self._actions.tracking
        recent = frame.steady - sent.at <= self._actions.pause
        fresh = {name: rows & recent for name, rows in frame.fresh(tracking.sources).items()}
        return tracking.beyond(sent.commands, frame.sources, fresh)


class FiniteInputs(Check):
    """The inputs of the policy are finite: NaN in one row can fail the whole batch."""

    def seen(self, inputs: Values, rows: Mask) -> Refusals:
        if all(map(is_finite, inputs.values())):
            return NONE
        finite: Mask = np.logical_and.reduce([finite_rows(value) for value in inputs.values()])
        return _refuse(rows & ~finite, 'what the policy would see is not finite')


class FiniteCommands(Check):
    """Actions and commands are finite."""

    def commanded(self, actions: Array, commands: Commands, rows: Mask) -> Refusals:
        finite = finite_commands(actions, commands, rows)
        return NONE if finite is rows else _refuse(rows & ~finite, 'the policy gave a command that is not finite')


def built_in(
    supervisor: Supervisor,
    observations: ObservationManager,
    actions: ActionManager,
    buffers: Mapping[str, SourceBuffer],
    lockstep: bool,
) -> list[Check]:
    """Return the checks that every policy has, in the order in which their reasons count."""
    commands = [name for name, source in buffers.items() if supervisor.reads_as_zero(source)]
    zeros = [StaleCommands(supervisor, commands)] if commands else []
    tares = [Tares(observations)] if observations.tares else []
    tracking = [TrackingErrors(actions)] if actions.tracking.watched and not lockstep else []
    return [*zeros, Sources(supervisor), *tares, *tracking, FiniteInputs(), FiniteCommands()]


def _refuse(rows: Mask, reason: str) -> Refusals:
    return dict.fromkeys(np.nonzero(rows)[0].tolist(), reason)
