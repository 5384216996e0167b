# SPDX-License-Identifier: Apache-2.0
"""Replays a recording through the core: from the messages to the commands, without ROS and without waiting."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import cast, Final, NamedTuple, Protocol

import numpy as np

from rl_policy_node.control.arrays import Array
from rl_policy_node.control.state import State
from rl_policy_node.core.cycle import Cycle
from rl_policy_node.core.difference import compare, Difference, mismatch, named
from rl_policy_node.core.frame import Frame
from rl_policy_node.core.ordering import in_order
from rl_policy_node.core.outcome import Outcome
from rl_policy_node.core.recording import Begun, Event, Fallback, Forgotten, Gap, Message, ORDER, Snapshot, Step
from rl_policy_node.core.tape import Tape

MOST_DUE: Final = 16


class Reader(Protocol):
    """Reads the messages of a source."""

    def read(self, rows: slice, message: bytes) -> tuple[Mapping[str, Array], int]:
        """Return the arrays and the stamp (ns) of a message for rows; raises ValueError if it cannot be read."""


class Replayed(NamedTuple):
    """A replayed event. outcome: of a step or a look that had one. difference: the first one, None: all bits equal.

    The arrays of the outcome are valid until the next event.
    """

    event: Event
    outcome: Outcome | None
    difference: Difference | None


class Replayer:
    """Recomputes the steps of a recording, and compares them with what was recorded.

    cycle: assembled with the tape as its clock and trigger, and with the readers' buffers. exact: the configuration is
    that of the recording; if not, its states go on from one Snapshot to the next, and parts of a recorded state that
    do not fit begin anew, as do those in `anew` (names of Stepper.state). steps: how many were replayed. skipped: how
    many could not be, because no Snapshot came before them.
    """

    def __init__(
        self, cycle: Cycle, readers: Mapping[str, Reader], tape: Tape, exact: bool = True, anew: Collection[str] = ()
    ) -> None:
        self.cycle, self._readers, self._tape, self._exact, self._anew = cycle, readers, tape, exact, anew
        self._inbox, self._stepper, self._outlet = cycle.inbox, cycle.stepper, cycle.outlet
        self._pieces = cycle.stepper.pieces
        self.steps = self.skipped = 0
        self._since = -1  # the number of the Snapshot from which the state is known; −1: it is unknown
        self._due: dict[int, Callable[[], Difference | None]] = {}  # sending → what sends it

    def play(self, events: Iterable[Event]) -> Iterator[Replayed]:
        """Replay events, and yield each one with what came of it."""
        for event in in_order(events):
            if isinstance(event, (Begun, Gap)):
                self._since = -1
                yield Replayed(event, None, None)
            elif isinstance(event, Snapshot):
                yield Replayed(event, None, self._go_on_from(event))
            elif self._since < 0:
                self.skipped += isinstance(event, Step) and event.outcome is not None and event.outcome.stepped
                yield Replayed(event, None, None)
            elif isinstance(event, Step):
                yield self._step(event)
            elif isinstance(event, Message):
                yield Replayed(event, None, self._receive(event))
            elif isinstance(event, Fallback):
                yield Replayed(event, None, self._fall_back(event))
            else:
                if isinstance(event, Forgotten):
                    self._forget(event)
                yield Replayed(event, None, None)

    def _go_on_from(self, snapshot: Snapshot) -> Difference | None:
        """Begin from a state, or compare with it."""
        if self._since >= 0:
            if not self._exact:
                return None
            found = mismatch(snapshot.state, self._state(snapshot), ('state',))
            return None if found is None else named(found, (), self.steps, self._tape.steady())
        self._due.clear()
        for name, state in cast(Mapping[str, State], snapshot.state['sources']).items():
            if name in self._inbox.buffers:
                self._inbox.buffers[name].restore(state)
        stepper, outlet = (cast(State, snapshot.state[part]) for part in ('stepper', 'outlet'))
        if self._exact:
            self._stepper.restore(stepper)
            self._outlet.restore(outlet, snapshot.sending)
        else:
            self._begin_otherwise(stepper, outlet, snapshot.sending)
        self._since = snapshot.number
        return None

    def _begin_otherwise(self, stepper: State, outlet: State, sending: int) -> None:
        """Begin from the parts of a state that fit another configuration; the others begin anew."""
        self._stepper.start(self._inbox.look())
        own = self._stepper.state()
        taken = [name for name in own if name not in self._anew and fits(stepper.get(name), own[name])]
        self._stepper.restore({**own, **{name: stepper[name] for name in taken}})
        self._outlet.open()
        opened, _ = self._outlet.state()
        self._outlet.restore(outlet if 'actions' in taken and fits(outlet, opened) else opened, sending)

    def _state(self, recorded: Snapshot) -> State:
        """Return the present state, to compare with a recorded one."""
        outlet, sending = self._outlet.state()
        return {
            'stepper': self._stepper.state(),
            'sources': {name: buffer.state() for name, buffer in self._inbox.buffers.items()},
            # a fallback of another thread may be under way
            'outlet': outlet if sending == recorded.sending else recorded.state['outlet'],
        }

    def _receive(self, message: Message) -> Difference | None:
        """Read a message as the node did; return the difference if it is refused now and was not then, or likewise."""
        self._tape.set(message.steady, message.ros)
        rows, reader, refusal = slice(message.start, message.stop), self._readers.get(message.source), ''
        if reader is None:
            return None
        try:
            self._inbox.write(message.source, rows, *reader.read(rows, message.payload), message.steady)
        except ValueError as error:
            self._inbox.refuse(message.source, rows, error)
            refusal = str(error)
        if refusal == message.refusal:
            return None
        place = f'message of {message.source}'
        return Difference(self.steps, message.steady, place, '', message.start, (), message.refusal, refusal)

    def _forget(self, event: Forgotten) -> None:
        for buffer in self._inbox.buffers.values():
            if event.what == ORDER:
                buffer.forget_order(event.rows)
            else:
                buffer.forget_stamps()

    def _step(self, event: Step) -> Replayed:
        """Repeat a step or a look."""
        self._tape.show(event.frame)
        recorded = event.outcome
        stepped = recorded is not None and recorded.stepped
        frame = event.frame.onto(self._inbox.take() if stepped else self._inbox.look())
        if not self._exact:
            frame = self._outlet.with_overruled(frame._replace(overruled=None))
        outcome = self._stepper.step(frame) if stepped else self._stepper.look(frame)
        self.steps += stepped
        difference = None
        if recorded is not None and outcome is not None:
            difference = compare(recorded, outcome, self._pieces, self.steps, frame.steady)
        elif (recorded is None) != (outcome is None):
            kinds = tuple('every row acts' if each is None else 'some rows are held' for each in (recorded, outcome))
            difference = Difference(self.steps, frame.steady, 'look', '', -1, (), *kinds)
        if event.sending and outcome is not None:
            late = self._in_turn(event.sending, frame, lambda frame: self._send(frame, outcome))
            difference = difference or late
        return Replayed(event, outcome, difference)

    def _send(self, frame: Frame, outcome: Outcome) -> None:
        self._outlet.pending_since = None
        self._outlet.send(frame, outcome)

    def _fall_back(self, event: Fallback) -> Difference | None:
        """Repeat a fallback; it continues from the commands that were sent before it."""
        self._tape.set(event.steady, event.ros)
        if event.sent is None or event.number < self._since or event.sending <= self._outlet.sending:
            return None

        def send(frame: Frame) -> Difference | None:
            self._outlet.pending_since = None
            sending = self._outlet.close(frame) if event.last else self._outlet.give_up(frame, None)
            sent, rows = (None, None) if sending is None else (sending.sent, sending.rows)
            found = mismatch({'sent': event.sent, 'rows': event.rows}, {'sent': sent, 'rows': rows}, ('fallback',))
            return None if found is None else named(found, (), self.steps, event.steady)

        return self._in_turn(event.sending, self._inbox.look(), send)

    def _in_turn(self, sending: int, frame: Frame, send: Callable[[Frame], Difference | None]) -> Difference | None:
        """Send once everything before it was sent: two threads may publish in another order than they began in."""
        if sending != self._outlet.sending + 1:
            frame = frame.copy()
        self._due[sending] = lambda: send(frame)
        if len(self._due) > MOST_DUE:  # what comes before was never sent: it raised
            self._outlet.sending = min(self._due) - 1
        differences = []
        while self._outlet.sending + 1 in self._due:
            differences.append(self._due.pop(self._outlet.sending + 1)())
        return next(filter(None, differences), None)


def fits(state: object, own: object) -> bool:
    """Return whether a state has the names and the shapes of arrays of another one; names of texts do not count."""
    if isinstance(state, np.ndarray) and isinstance(own, np.ndarray):
        return bool(state.dtype == own.dtype and state.shape == own.shape)
    if isinstance(state, Mapping) and isinstance(own, Mapping):
        texts = all(isinstance(value, str) for value in (*state.values(), *own.values()))
        return texts or (set(state) == set(own) and all(fits(state[name], own[name]) for name in own))
    return not isinstance(state, (np.ndarray, Mapping)) and isinstance(own, type(state))
