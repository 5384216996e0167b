# SPDX-License-Identifier: Apache-2.0
"""From the core to the recorder: takes events, and hands them over in batches after the commands of a step went out."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
import struct
import threading
import time
import traceback
from typing import Final, NamedTuple, TypeAlias

from rl_policy_node.core.recording import Command, Ended, Event, Fallback, Gap, Message, Snapshot, Step
from rl_policy_node.nodes.policy.record.event_codec import packed
from rl_policy_node.nodes.policy.record.record_options import MEGABYTE
from rl_policy_node.nodes.policy.record.ring import END, Record, Ring, SPLIT

MOST_WAITING: Final = 64  # events; more are handed over by whoever brings them, such as a callback
SHORTEST: Final = 1.0  # s between two files: the recorder needs a moment to say that the new one is empty
_SEQUENCES: Final = 1 << 32
# not at a Snapshot: the inbox is locked meanwhile
_HANDING_OVER: Final = frozenset((Step, Fallback, Ended))
# a UInt8MultiArray up to its data: little endian, no dimension, no offset, the number of bytes
_BYTES: Final = struct.Struct('<4sIII')

# (source, first row) or (action term, topic) → channel
Channels: TypeAlias = Mapping[tuple[str, int], int]
# channel and payload of a message
Part: TypeAlias = tuple[int, bytes]


class Plan(NamedTuple):
    """Which channel takes what.

    sources, commands: the channel of each message that has a topic of its own; the payload of others goes into the
    record. record: channel of everything else. shown(step): the messages that show it. beginning: those of each file.
    readable(message): whether another program may decode a message that was refused.
    """

    sources: Channels
    commands: Channels
    record: int
    shown: Callable[[Step], Iterable[Part]]
    beginning: Sequence[Part]
    readable: Callable[[Message], bool]


class BagJournal:
    """A Journal of the core, for one activation.

    split_after, split_size: s and MB of a file. due: whether the core shall add a Snapshot. dropped: events for which
    there was no room. fault: why it takes no more events, '': it takes them.
    """

    def __init__(self, ring: Ring, plan: Plan, split_after: float, split_size: float) -> None:
        self._ring, self._plan = ring, plan
        self._split_after, self._split_size = split_after, split_size * MEGABYTE
        self._waiting: deque[Event] = deque()
        self._turn = threading.Lock()
        self._count = 0  # of events that were numbered
        self._offset = time.time_ns() - time.monotonic_ns()  # ROS time minus steady time, ns
        self._missing = 0  # events of the gap that is open
        self._begun = time.monotonic()  # the file
        self._splitting = False
        self.due, self.dropped, self.fault = False, 0, ''
        ring.put(self._beginning())

    def add(self, event: Event) -> None:
        """Take an event; never block, never raise."""
        self._waiting.append(event)
        if type(event) is Snapshot:
            self.due = False
        if type(event) in _HANDING_OVER or len(self._waiting) > MOST_WAITING:
            self._hand_over()

    def end(self) -> None:
        """Hand over what waits, and tell the recorder that nothing more comes."""
        self._hand_over()
        self._ring.put([Record(0, 0, 0, END)])

    def _hand_over(self) -> None:
        if not self._turn.acquire(blocking=False):
            return  # another thread is at it, and takes this event as well, or the next one does
        try:
            events = []
            while self._waiting:
                events.append(self._waiting.popleft())
            if not self.fault:
                self._put(events)
        except Exception:  # noqa: BLE001 - no fault of the recording may stop a robot
            self.fault = traceback.format_exc()
        finally:
            self._turn.release()

    def _put(self, events: list[Event]) -> None:
        """Put events into the ring, all of them or none."""
        if self._missing and self._ring.filled > self._ring.capacity // 2:
            self._miss(events)
            return
        kept = [Gap(self._missing), *events] if self._missing else events
        snapshot = next((index for index, event in enumerate(events) if type(event) is Snapshot), None)
        if self._splitting and snapshot is not None and not self._missing:
            before, after = kept[:snapshot], kept[snapshot:]
            records = [*self._records(before), Record(0, 0, 0, SPLIT), *self._beginning(), *self._records(after)]
        else:
            records = self._records(kept)
        if not self._ring.put(records):
            self._miss(events)
            return
        if self._missing:
            self._missing, self.due = 0, True
        elif snapshot is not None and self._splitting:
            self._splitting, self._begun = False, time.monotonic()
        age = time.monotonic() - self._begun
        if age > self._split_after or self._ring.file_size > self._split_size and age > SHORTEST:
            self._splitting = self.due = True

    def _miss(self, events: Sequence[Event]) -> None:
        self._missing += len(events)
        self.dropped += len(events)
        self.due = self.due or any(type(event) is Snapshot for event in events)

    def _records(self, events: Sequence[Event]) -> list[Record]:
        """Return the records of events: first those on topics of their own, then one of all of them."""
        plan, records, elsewhere = self._plan, [], {}
        if not events:
            return []
        for index, event in enumerate(events):
            sequence, self._count = self._count % _SEQUENCES, self._count + 1
            if type(event) is Message:
                channel = plan.sources.get((event.source, event.start))
                if channel is not None and (not event.refusal or plan.readable(event)):
                    records.append(Record(channel, sequence, event.ros, event.payload))
                    elsewhere[index] = sequence
            elif type(event) is Command:
                channel = plan.commands[event.action, event.topic]
                records.append(Record(channel, sequence, self._ros(event.steady), event.payload))
                elsewhere[index] = sequence
            elif type(event) is Step:
                self._offset = event.frame.ros - round(event.frame.steady * 1e9)
                records += [Record(channel, sequence, event.frame.ros, part) for channel, part in plan.shown(event)]
        data = packed(events, elsewhere)
        payload = _BYTES.pack(b'\0\1\0\0', 0, 0, len(data)) + data
        records.append(Record(plan.record, sequence, self._ros(time.monotonic()), payload))
        return records

    def _beginning(self) -> list[Record]:
        now = self._ros(time.monotonic())
        return [Record(channel, 0, now, payload) for channel, payload in self._plan.beginning]

    def _ros(self, steady: float) -> int:
        """Return ROS time, ns, at a moment of the steady clock, by the clocks of the last step."""
        return round(steady * 1e9) + self._offset
