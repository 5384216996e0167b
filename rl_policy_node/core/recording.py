# SPDX-License-Identifier: Apache-2.0
"""The events of a recording: everything that the steps of a policy node depend on, and what came of it.

Two counters put events in order. `number` counts what happens to the buffers of the sources: a message, a frame that is
taken, a state that is kept. A frame holds all messages with lower numbers. `sending` counts what the outlet publishes.
An event may come after one with a higher number, because a step is recorded once its commands are out; see `in_order`.
No array of an event changes afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

from rl_policy_node.control.arrays import Mask, Stamps
from rl_policy_node.control.gate import Motion, Sent
from rl_policy_node.control.state import State
from rl_policy_node.core.frame import Change, Frame, Order, RobotState
from rl_policy_node.core.outcome import Outcome, RowChange

# what Forgotten.what may be
ORDER, STAMPS = 'order', 'stamps'


class Message(NamedTuple):
    """A message of a source, for the rows from `start` to `stop`, as it came: serialized (CDR).

    steady, ros: s and ns, its receipt on both clocks; `ros` is the time by which its stamp was judged. refusal: why it
    was refused, '': it was not. For a source of type tf2 the payload is a TransformStamped.
    """

    source: str
    start: int
    stop: int
    payload: bytes
    steady: float
    ros: int
    refusal: str
    number: int


class Forgotten(NamedTuple):
    """The buffers forget something of rows (mask).

    what: 'order', the next message may be older than the last one; 'stamps', the clock of the stamps went back.
    """

    what: str
    rows: Mask
    number: int


class Taken(NamedTuple):
    """A frame without its sources, which follow from the messages before `number`. The other fields are as in Frame."""

    steady: float
    ros: int
    time: float
    dt: float
    reset: Mask
    tare: Mask
    begun: Stamps
    changes: tuple[Change, ...]
    overruled: Sent | None
    orders: tuple[Order, ...]
    enabled: float
    news: Mask | None
    robot_states: Mapping[int, RobotState]
    heard: float
    number: int

    @classmethod
    def of(cls, frame: Frame) -> Taken:
        """Return what a frame holds besides its sources."""
        return cls(*frame[1:])

    def onto(self, frame: Frame) -> Frame:
        """Return a frame of the same sources with everything else from here."""
        return Frame(frame.sources, *self)


class Begun(NamedTuple):
    """An activation. Its first frame counts all that has arrived as new; a Snapshot follows before the first step."""

    frame: Taken

    @property
    def number(self) -> int:
        """Its place among the events."""
        return self.frame.number


class Step(NamedTuple):
    """A step, or a look between two steps.

    outcome: None for a look at which every row acts. sending: of its commands, 0: none of them went out, because the
    fallback had gone out in their place, or because the outlet was closed or fenced.
    """

    frame: Taken
    outcome: Outcome | None
    sending: int

    @property
    def number(self) -> int:
        """Its place among the events."""
        return self.frame.number


class Fallback(NamedTuple):
    """The fallback, in place of the commands of a step, or as the last command (`last`).

    steady, ros: s and ns, of the frame from which it was computed. sent: the commands, None: nothing went out, and
    `sending` is 0. rows: the rows to which they went.
    """

    steady: float
    ros: int
    sent: Sent | None
    rows: Mask
    last: bool
    sending: int
    number: int


class Command(NamedTuple):
    """A message that went out. action, topic: name of the action term, and which of its topics.

    steady: s, when it was published. sending: that of the Step or the Fallback to which it belongs.
    """

    action: str
    topic: int
    payload: bytes
    steady: float
    sending: int


class Snapshot(NamedTuple):
    """Everything that the next step depends on: 'stepper', 'sources' (name → state of its buffer), 'outlet'.

    It contains all messages and steps with lower numbers, and everything up to `sending` that was published.
    """

    state: State
    number: int
    sending: int


class Gap(NamedTuple):
    """So many events are missing here; replay goes on at the next Snapshot."""

    events: int


class Ended(NamedTuple):
    """The end of an activation, or of the recording."""

    reason: str


Event: TypeAlias = Message | Forgotten | Begun | Step | Fallback | Command | Snapshot | Gap | Ended
# every named tuple that occurs in an event; besides these there are only arrays, slices, tuples, mappings (with str or
# int keys), bytes, str, int, float, bool and None
TYPES: tuple[type, ...] = (
    *(Message, Forgotten, Begun, Step, Fallback, Command, Snapshot, Gap, Ended),
    *(Taken, Order, RobotState, Outcome, RowChange, Sent, Motion),
)
