# SPDX-License-Identifier: Apache-2.0
"""One step of the policy: a frame in, commands out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np

from rl_policy_node.control.action_manager import ActionManager, Commands, Fresh
from rl_policy_node.control.arrays import Array, Floats, Mask, Values
from rl_policy_node.control.context import Context
from rl_policy_node.control.distribution import Piece
from rl_policy_node.control.observation_manager import ObservationManager
from rl_policy_node.control.reductions import all_true, any_true, greatest, least
from rl_policy_node.control.specs import ControlSpec
from rl_policy_node.control.state import State, Stateful
from rl_policy_node.control.supervisor import without
from rl_policy_node.core.checks import Check, Hooks, Refusals, refused
from rl_policy_node.core.frame import Change, Frame
from rl_policy_node.core.latch import Latch
from rl_policy_node.core.outcome import Outcome, RowChange
from rl_policy_node.core.protocols import Observations, Policy
from rl_policy_node.core.rows import RowStates

WARM_UP = 5  # steps; the first is twenty times slower than the others


class Stepper:
    """Runs the policy and the control terms for all rows; equal frames give bit-identical outcomes.

    It has no thread, lock, clock, logger or publisher, and owns its parts. `state()` returns its memory: histories and
    tares, recurrent states and the random stream, the last values of limits and blending, and which rows act.
    """

    def __init__(
        self,
        control: ControlSpec,
        policy: Policy,
        observations: ObservationManager,
        actions: ActionManager,
        checks: Sequence[Check],
        latch: Latch,
    ) -> None:
        self._policy, self._observations, self._actions, self._hooks = policy, observations, actions, Hooks(checks)
        self.rows, self.latch = RowStates(control.rows), latch
        self._episodes = bool(control.timing.episode_topic)
        self._patience = control.timing.lockstep_timeout if control.lockstep else None
        self._once = tuple(name for name, source in control.sources.items() if source.alignment == 'drop')
        # terms are float32; images of bytes go to the policy as bytes, which it divides by 255
        types = {name: np.dtype(cast(str, policy.spaces.dtype_of(name))) for name in control.inputs}
        self._types = {name: dtype for name, dtype in types.items() if dtype != np.float32}
        self._named = policy.spaces.is_dict
        bound = control.clips.clip_actions
        # a discrete choice is not clipped
        self._clip = None if policy.spaces.discrete or bound is None or not np.isfinite(bound) else bound
        self._context = Context.at_reset(control.rows, policy.spaces.num_actions)
        self._reset_at: Floats = np.zeros(control.rows)  # s, on the clock of Frame.time
        self._all: Mask = np.ones(control.rows, dtype=bool)
        self._none: Mask = np.zeros(control.rows, dtype=bool)
        self._all.flags.writeable = self._none.flags.writeable = False

    def warm_up(self) -> None:
        """Step the policy on zeros, then reset it."""
        for _ in range(WARM_UP):
            self._policy.act(
                self._shaped(
                    {
                        name: np.zeros((len(self._all), *shape), np.float32)
                        for name, shape in self._policy.spaces.inputs.items()
                    }
                )
            )
        self._policy.reset(self._all)

    def start(self, frame: Frame) -> None:
        """Begin from the measured state, every row healthy; terms with tare_on_activate take their tare."""
        self._follow(frame)
        self.rows.restart(frame.steady)
        self.latch.start()
        self._hooks.start()
        self._observations.tare(self._all, activating=True)
        self._actions.start(frame.sources, frame.steady, self._fresh(frame))

    def refusals(self, frame: Frame, outside: bool = True) -> Refusals:
        """Return row → why activation has to wait for it; changes nothing.

        outside: whether to refuse a robot beyond its position limits, too.
        """
        found = refused(self._hooks.awaited, frame)
        return {**self._actions.tracking.outside(frame.sources), **found} if outside else found

    def step(self, frame: Frame) -> Outcome:
        """Run one step; it gives a command to every row except those that still wait for their sensors."""
        self._follow(frame)
        if self._observations.tares and any_true(frame.tare):
            self._observations.tare(frame.tare)
        healthy, reasons = self._judge(frame, feed=True)
        changes: list[RowChange] = []
        reset = self._none
        if any_true(frame.reset) or reasons or not all_true(self.rows.healthy):
            # after a gap the recurrent state is outdated
            reset = frame.reset | (healthy & ~self.rows.healthy)
            self._clear(reset, frame.time)
            self._note(frame, healthy, reasons, changes)
        known = self._actions.renew(frame.sources, lambda: self._fresh(frame), frame.steady)
        acting, accepted = self._complete(frame, healthy), self._none
        if known is not None:
            acting = acting & known if self._actions.lost is None else acting & known & ~self._actions.lost
        waiting = self._none
        if frame.news is not None:
            # as with a single robot: between observations a row gets no command, and its state does not change
            waiting, acting = self.rows.healthy & ~frame.news, acting & frame.news
        inputs = actions = None
        if acting is self._all or any_true(acting):
            # the context reuses the arrays of the last step
            if self._observations.timed:
                np.subtract(frame.time, self._reset_at, out=self._context.elapsed)
            self._context.acting[:] = acting
            inputs = self._observations.compute(frame.sources, self._context)
            found = refused(self._hooks.seen, inputs, acting)
            if found:
                acting = self._refuse(frame, acting, changes, found)
            actions, accepted = self._act(frame, inputs, acting, changes)
        if accepted is not self._all and not all_true(accepted):
            self._actions.idle(self.rows.healthy & ~accepted & ~waiting, self._actions.elapsed(frame.steady, frame.dt))
            if not all_true(self.rows.healthy):
                self._actions.take_fallback(
                    frame.sources, self._fresh(frame), frame.steady, ~self.rows.healthy, frame.dt
                )
        send = known
        if frame.news is not None:
            send = ~waiting if known is None else known & ~waiting
        self._actions.note(send, frame.steady)
        return Outcome(
            self._actions.commands(),
            self._all if send is None else send,
            self.rows.healthy,
            accepted,
            reset,
            tuple(changes),
            self.rows.reasons,
            True,
            inputs,
            actions,
            self._actions.sent(),
            refused(self._hooks.noticed, frame),
        )

    def look(self, frame: Frame) -> Outcome | None:
        """Apply the fallback to rows that may no longer act, while no step is due; return None if all rows act.

        A row that may act again has to wait for a step, which resets it.
        """
        self._follow(frame)
        healthy, reasons = self._judge(frame)
        if all_true(healthy) and all_true(self.rows.healthy) and frame.overruled is None:
            return None
        changes: list[RowChange] = []
        self._note(frame, healthy & self.rows.healthy, reasons, changes)
        send = ~self.rows.healthy
        if any_true(send):
            send = self._actions.take_fallback(frame.sources, self._fresh(frame), frame.steady, send)
        return Outcome(
            self._actions.commands(),
            send,
            self._none,
            self._none,
            self._none,
            tuple(changes),
            self.rows.reasons,
            False,
            sent=self._actions.sent(),
        )

    @property
    def count(self) -> int:
        """Number of rows in the batch."""
        return len(self._all)

    def check(self, change: Change) -> None:
        """Raise ConfigurationError for a change that is not allowed; any thread may call it."""
        self._actions.check_change(*change)

    def state(self) -> State:
        """Return a copy of everything that the next outcome depends on, besides its frame."""
        kept = {name: part.state() for name, part in self._parts().items()}
        return {**kept, 'last_action': self._context.last_action.copy(), 'reset_at': self._reset_at.copy()}

    def restore(self, state: State) -> None:
        """Continue from a state of a stepper of the same configuration."""
        for name, part in self._parts().items():
            part.restore(cast(State, state[name]))
        self._context.last_action[:] = cast(Array, state['last_action'])
        self._reset_at[:] = cast(Floats, state['reset_at'])

    def _parts(self) -> dict[str, Stateful]:
        return {
            'policy': self._policy,
            'observations': self._observations,
            'actions': self._actions,
            'rows': self.rows,
            'latch': self.latch,
            'checks': self._hooks,
        }

    @property
    def pieces(self) -> list[Piece]:
        """Return the place of each observation term in its input."""
        return self._observations.pieces()

    # which rows act

    def _judge(self, frame: Frame, feed: bool = False) -> tuple[Mask, dict[int, str]]:
        """Return the rows that may act by the frame's data, and row → the first reason why it may not."""
        healthy: Mask = self._all
        reasons: dict[int, str] = {}
        good = healthy
        for arrived, feeds, is_fault, latches in self._hooks.arrived:
            if feed and feeds is not None:
                feeds(frame, healthy)
            found = arrived(frame)
            if found:
                healthy, reasons = without(healthy, found), {**reasons, **found, **reasons}
                good = without(good, found) if is_fault else good
                if latches:
                    self.latch.hold(found)
        latched = self.latch.judge(frame, good, reasons, self.rows.healthy)
        return (without(healthy, latched), {**reasons, **latched}) if latched else (healthy, reasons)

    def _complete(self, frame: Frame, rows: Mask) -> Mask:
        """Return those rows whose sources show the current episode, and have a new message where aligned by drop."""
        for source in frame.sources.values() if self._episodes else ():
            # the episode has begun, and this source still shows the one before
            if least(source.stamps) < greatest(frame.begun):
                rows = rows & ((source.stamps == 0) | (source.stamps >= frame.begun))
        for name in self._once:
            rows = rows & frame.sources[name].fresh
        return rows

    def _refuse(self, frame: Frame, rows: Mask, changes: list[RowChange], found: Refusals) -> Mask:
        """Mark refused rows as not healthy; return the rows without them."""
        self.latch.fell(found, frame.steady)
        self._note(frame, without(self.rows.healthy, found), found, changes)
        return without(rows, found)

    def _note(self, frame: Frame, healthy: Mask, reasons: Refusals, changes: list[RowChange]) -> None:
        """Set which rows are healthy. The others get the fallback, and continue from it once they are healthy."""
        change = self.rows.update(healthy, reasons, frame.steady)
        if change is not None:
            changes.append(change)

    def _clear(self, rows: Mask, now: float) -> None:
        if any_true(rows):
            self._policy.reset(rows)
            self._observations.reset(rows)
            self._context.last_action[rows] = 0.0
            self._reset_at[rows] = now

    def _act(self, frame: Frame, inputs: Values, acting: Mask, changes: list[RowChange]) -> tuple[Array, Mask]:
        """Run the policy; return its actions (rows, n) and the rows whose command was accepted."""
        whole = acting is self._all or all_true(acting)
        if not whole:
            for value in inputs.values():
                value[~acting] = 0.0  # NaN in one row can fail the batch
        actions = self._policy.act(self._shaped(inputs), hold=None if whole else ~acting)
        if self._clip is not None:
            actions = np.minimum(np.maximum(actions, -self._clip), self._clip)
        rows = slice(None) if whole else acting
        self._context.last_action[rows] = actions[rows]
        found: Refusals = {}

        def accept(actions: Array, commands: Commands, rows: Mask) -> Mask:
            nonlocal found
            found = refused(self._hooks.commanded, actions, commands, rows)
            return without(rows, found) if found else rows

        since = self._actions.elapsed(frame.steady, frame.dt)
        accepted = self._actions.process(actions, frame.sources, acting, frame.dt, accept, since)
        if found:
            self._refuse(frame, acting, changes, found)
        return actions, accepted

    def _fresh(self, frame: Frame) -> Fresh:
        return frame.fresh(self._actions.places, self._patience)

    def _shaped(self, inputs: Mapping[str, Array]) -> Observations:
        if self._types:
            inputs = {**inputs, **{name: inputs[name].astype(dtype) for name, dtype in self._types.items()}}
        return inputs if self._named else inputs['obs']

    def _follow(self, frame: Frame) -> None:
        """Follow the latch requests, continue from the commands that were really sent, apply checked changes."""
        self.latch.follow(frame)
        if frame.overruled is not None:
            self._actions.resume(frame.overruled)
        for change in frame.changes:
            self._actions.change(*change)
