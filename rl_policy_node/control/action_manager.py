# SPDX-License-Identifier: Apache-2.0
"""From the policy's action to limited commands, and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import cast, TypeAlias

import numpy as np

from rl_policy_node.control.action_channel import Channel
from rl_policy_node.control.action_sizes import ActionSize, check_sizes, columns_of
from rl_policy_node.control.action_terms import build_action
from rl_policy_node.control.action_terms.action_options import ActionOptions
from rl_policy_node.control.action_terms.action_term import ActionTerm
from rl_policy_node.control.arrays import Array, Axes, Command, Floats, JointNames, Mask, Sources
from rl_policy_node.control.blend import Blend, check_ratio, LIVE
from rl_policy_node.control.gate import Motion, Sent
from rl_policy_node.control.limits import finite_commands
from rl_policy_node.control.reductions import any_true, greatest, least
from rl_policy_node.control.specs import ControlSpec
from rl_policy_node.control.state import State
from rl_policy_node.control.tracking import Tracking
from rl_policy_node.errors import unknown

# action term → its command
Commands: TypeAlias = Mapping[str, Command]
# (actions, proposed commands, acting rows) → the rows whose commands may be sent
Accept: TypeAlias = Callable[[Array, Commands, Mask], Mask]
# source → the rows (mask) whose measurement may be used
Fresh: TypeAlias = Mapping[str, Mask]


class ActionManager:
    """Splits the action into terms, applies their laws and limits, and remembers the last commands.

    Commands are term name → field → (rows, ...). Unhealthy rows get the fallback: by default they stop within their
    limits and hold, or go to zero; see Gate. No row depends on another row.

    pause: s without a command after which a robot may have moved away from the last one.
    """

    def __init__(self, spec: ControlSpec, actions: ActionSize, buffers: Sources, joints: JointNames) -> None:
        self.terms = {action.name: build_action(action, buffers, joints) for action in spec.actions}
        self.size = sum(term.size for term in self.terms.values())
        check_sizes(self.terms, actions, self.size)
        self._channels = {name: Channel(term, spec.rows) for name, term in self.terms.items()}
        # term name → its channel and its columns of the action
        self._parts = {
            name: (self._channels[name], columns) for name, columns in zip(self.terms, columns_of(self.terms.values()))
        }
        self.tracking = Tracking(self.terms)
        self._blend = Blend(spec.rows, spec.blending.blend_in, spec.blending.blend)
        # terms whose scales are changing, and the duration of a change, s
        self._ramping: tuple[ActionTerm[ActionOptions], ...] = ()
        self._ramp = max(spec.blending.blend_in, LIVE)
        self._places = tuple(sorted({term.spec.source for term in self.terms.values() if term.places}))
        self.placed = frozenset(name for name, term in self.terms.items() if term.places)
        # a robot at an unknown position still gets the zeros of its other terms
        self._mixed = 0 < len(self.placed) < len(self.terms)
        self._lost: Mask | None = None
        self._period = spec.period
        ages = [spec.sources[name].max_age for name in self._places]
        self.pause = min(3.0 * (max(ages) + self._period), spec.pause) if ages and not spec.lockstep else np.inf
        self._stepwise = spec.lockstep
        self._at: Floats = np.full(spec.rows, -np.inf)
        self._first = self._last = -np.inf  # the lowest and the highest of these

    @property
    def places(self) -> tuple[str, ...]:
        """Return the sources that measure the positions at which robots are held."""
        return self._places

    def start(self, sources: Sources, steady: float = 0.0, fresh: Fresh | None = None) -> None:
        """Seed limits, filters and fallback from the measured state, where the first command begins.

        steady: s, now. A row outside `fresh` (None: all are fresh) gets no command until it is measured.
        """
        for channel in self._channels.values():
            channel.start(sources)
        self._blend.start()
        for term in self._ramping:
            term.ramp(np.inf)
        self._ramping = ()
        at = np.full_like(self._at, steady)
        if fresh is not None:
            for name in self._places:
                at[~fresh[name]] = -np.inf
        self._lost = None
        self._keep_at(at)

    def sent(self) -> Sent:
        """Return the last commands sent; they never change."""
        motions: dict[str, Motion] = {}  # see `process`
        for name, channel in self._channels.items():
            motions[name] = channel.motion
        return Sent(motions, self._at, self._lost)

    def note(self, rows: Mask | None, steady: float) -> None:
        """Note that `commands` were sent to rows (None: all) at `steady`, s."""
        if rows is None:
            self._at = self._at.copy()  # full_like takes five times as long
            self._at.fill(steady)
            self._first = self._last = steady
        else:
            self._keep_at(np.where(rows, steady, self._at))

    def elapsed(self, steady: float, dt: float, at: Floats | None = None) -> Axes:
        """Return the time, s, since rows were last sent a command, for the limits: one number or (rows, 1).

        It is between 1 µs and two periods; where a simulator waits for each step it is dt, or a period.
        """
        if self._stepwise:
            return dt or self._period
        first, last = (self._first, self._last) if at is None else (least(at), greatest(at))
        most = 2 * self._period
        if first == last:
            return min(max(steady - first, 1e-6), most)
        at = self._at if at is None else at
        return np.asarray(np.minimum(np.maximum(steady - at, 1e-6), most)[:, np.newaxis])

    def fallback(
        self,
        sent: Sent,
        sources: Sources,
        fresh: Fresh,
        steady: float,
        last: bool = False,
        rows: Mask | None = None,
        dt: float = 0.0,
    ) -> tuple[Sent, Mask]:
        """Return the fallback of every row, as the next command, and the rows (mask) that may get it.

        last: whether it may be the last command. rows: those to send it to, None: all. After a pause a robot may be
        elsewhere: its row begins from a fresh measurement, and gets no command without one. The call changes nothing:
        any thread may make it while another one steps.
        """
        sent, known, _ = self._renewed(sent, sources, fresh, steady)
        rows = known if rows is None else rows & known
        since = self.elapsed(steady, dt, sent.at)
        every_row = np.ones_like(known)
        motions = {}
        for name, channel in self._channels.items():
            young = fresh.get(channel.term.spec.source, every_row)
            motions[name] = channel.gate.fallback(sent.motions[name], sources, young, since, last)
        return Sent(motions, np.where(rows, steady, sent.at), sent.lost), rows

    def renew(self, sources: Sources, fresh: Callable[[], Fresh], steady: float) -> Mask | None:
        """Begin from a fresh measurement after a pause; return the rows that may be sent a command, None: all.

        `lost` rows may not act.
        """
        if self._first > -np.inf and steady - self._first <= self.pause and self._lost is None:
            return None
        sent, known, begun = self._renewed(self.sent(), sources, fresh(), steady)
        self._take(begun, sent)
        return known

    @property
    def lost(self) -> Mask | None:
        """Return the rows whose position is unknown since a pause, which get no position commands; None: none."""
        return self._lost

    def take_fallback(self, sources: Sources, fresh: Fresh, steady: float, rows: Mask, dt: float = 0.0) -> Mask:
        """Take one step of the fallback for rows; limits and blending in then continue from it.

        Returns the rows to which it may be sent.
        """
        sent, known = self.fallback(self.sent(), sources, fresh, steady, rows=rows, dt=dt)
        self._take(rows & known, sent)
        return known

    def idle(self, rows: Mask, dt: Axes) -> None:
        """Bring rows that may act, but have no new observation, to rest."""
        for channel in self._channels.values():
            channel.idle(rows, dt)

    def resume(self, sent: Sent) -> None:
        """Continue from the commands that were sent in place of the policy's; blending in begins from them."""
        self._take(np.ones(len(self._at), dtype=bool), sent)

    def _take(self, rows: Mask, sent: Sent) -> None:
        self._lost = sent.lost
        if not any_true(rows):
            return
        for name, channel in self._channels.items():
            channel.resume(rows, sent.motions[name])
        self._blend.restart(rows)
        self._keep_at(np.where(rows, sent.at, self._at))

    def _renewed(self, sent: Sent, sources: Sources, fresh: Fresh, steady: float) -> tuple[Sent, Mask, Mask]:
        """Return the commands to continue from, the rows that may be sent a command, and the rows that begin anew.

        Lost rows may be sent a command, too: that of terms without a position.
        """
        never = np.isneginf(sent.at)
        late = never | (steady - sent.at > self.pause)
        if sent.lost is not None:
            late = late | sent.lost
        known: Mask = np.ones(len(late), dtype=bool)
        if not any_true(late):
            return sent, known, late
        for name in self._places:
            # what was measured before the last command does not tell where the robot went since
            known = known & fresh[name] & (sources[name].received > sent.at)
        motions = {}
        for name, channel in self._channels.items():
            motion = channel.gate.renewed(sent.motions[name], sources, late & known)
            # a row that was never sent a command begins anew
            motions[name] = channel.gate.anew(motion, sources, never & known)
        at = np.where(late & known, steady - self._period, sent.at)
        lost = late & ~known & ~never if self._mixed else np.zeros_like(known)
        return Sent(motions, at, lost if any_true(lost) else None), np.asarray(known | ~late | lost), late & known

    def process(
        self,
        actions: Array,
        sources: Sources,
        acting: Mask,
        dt: float,
        accept: Accept | None = None,
        since: Axes | None = None,
    ) -> Mask:
        """Compute the limited commands of the rows in `acting`; `commands()` then returns them.

        actions (rows, size), dt in s since the last call. accept(actions, proposed commands, acting) returns the rows
        whose commands may be sent, by default the finite ones. Returns these; the others keep their last command.
        since: s since the last command, one number or (rows, 1), None: dt.
        """
        dt = max(float(dt), 1e-6)
        since = dt if since is None else since
        share = self._blend.share(dt)
        if self._ramping:
            self._ramping = tuple(term for term in self._ramping if term.ramp(min(dt, 2 * self._period)))
        proposed: dict[str, Command] = {}  # filled by a loop: a comprehension is a call before Python 3.12
        for name, (channel, columns) in self._parts.items():
            proposed[name] = channel.propose(actions[:, columns], sources, share, since)
        accepted = (accept or finite_commands)(actions, proposed, acting)
        for channel, _ in self._parts.values():
            channel.commit(accepted, share)
        self._blend.advance(accepted, dt)
        return accepted

    def commands(self) -> dict[str, Command]:
        """Return the command of every row, from `process` or `take_fallback`; read-only."""
        commands: dict[str, Command] = {}
        for name, channel in self._channels.items():
            commands[name] = channel.given()
        return commands

    def check_change(self, name: str, value: float | Sequence[float]) -> None:
        """Raise ConfigurationError where `change` would; any thread may call it."""
        if name == 'blend':
            check_ratio(cast(float, value))
        else:
            _, term, scale = name.split('.')
            self._term(term).checked_scale(value, scale)

    def change(self, name: str, value: float | Sequence[float]) -> None:
        """Change `blend`, or a scale of a term (`actions.arm.scale`); raises ConfigurationError beyond scale_limit.

        The change takes blend_in seconds, that of a scale at least one second.
        """
        if name == 'blend':
            self._blend.set(cast(float, value))
            return
        _, term, scale = name.split('.')
        self._term(term).set_scale(value, scale, self._ramp)
        self._ramping = tuple({*self._ramping, self.terms[term]})

    def _term(self, name: str) -> ActionTerm[ActionOptions]:
        if name not in self.terms:
            raise unknown('action term', name, self.terms)
        return self.terms[name]

    def state(self) -> State:
        """Return the memory of each term, the blend, and the time at which each row was last sent a command."""
        return {
            'terms': {name: channel.state() for name, channel in self._channels.items()},
            'blend': self._blend.state(),
            'at': self._at.copy(),
            'lost': np.zeros(len(self._at), dtype=bool) if self._lost is None else self._lost.copy(),
        }

    def restore(self, state: State) -> None:
        """Continue from a state of the same terms."""
        terms = cast(Mapping[str, State], state['terms'])
        for name, channel in self._channels.items():
            channel.restore(terms[name])
        self._ramping = tuple(self.terms.values())  # the next step removes those that do not change
        self._blend.restore(cast(State, state['blend']))
        lost = cast(Mask, state['lost'])
        self._lost = lost.copy() if any_true(lost) else None
        self._keep_at(cast(Floats, state['at']).copy())

    def _keep_at(self, at: Floats) -> None:
        self._at, self._first, self._last = at, least(at), greatest(at)
