# SPDX-License-Identifier: Apache-2.0
"""Records a run of the bridge into a bag: the messages of its topics, and the arrays of each step."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
import json
import threading
import time
from typing import Final, NamedTuple

import numpy as np
from rclpy.serialization import serialize_message
from std_msgs.msg import String

from rl_policy_node.control.arrays import Array, Values
from rl_policy_node.core.protocols import Logger
from rl_policy_node.nodes.policy.record.bag_folder import MARK
from rl_policy_node.nodes.policy.record.bag_journal import SHORTEST
from rl_policy_node.nodes.policy.record.bag_topic import topic_of_class
from rl_policy_node.nodes.policy.record.record_options import MEGABYTE, RecordSpec
from rl_policy_node.nodes.policy.record.recorder import TOPIC
from rl_policy_node.nodes.policy.record.recorder_link import NICENESS, RecorderLink, setup_of
from rl_policy_node.nodes.policy.record.recorder_talk import RecorderTalk
from rl_policy_node.nodes.policy.record.ring import END, Record, SPLIT
from rl_policy_node.nodes.self_description import as_json
from rl_policy_node.nodes.simulator.run_topics import LATENCY, METADATA, RUN, STEP, step_token
from rl_policy_node.nodes.topics.array_payloads import message_type, payload_of
from rl_policy_node.nodes.topics.payload import Payload

LONGEST_WAIT: Final = 1.0  # s that a step waits for room; a recorder that hangs must not stop the simulation
LOOK_PERIOD: Final = 0.002  # s between two looks for room
RESERVE: Final = 1 << 20  # bytes that are kept for what cannot wait
FINISHING: Final = 10.0  # s that the end waits for the bag; the recorder goes on by itself afterwards
_SEQUENCES: Final = 1 << 32


class Run(NamedTuple):
    """A run that is recorded. node: full name of the bridge. about: content of ~/metadata. period: s of a step.

    simulated: whether the run may wait for the recorder.
    """

    node: str
    about: Mapping[str, object]
    period: float
    simulated: bool


class RunRecording:
    """A bag of one run; nothing that fails in it stops the simulation. Any thread may bring messages.

    Where the run may wait, a step and the messages of a frame wait for a recorder that lags behind, at most
    LONGEST_WAIT; everything else that finds no room is dropped. dropped: how often.
    """

    def __init__(self, run: Run, spec: RecordSpec, log: Logger) -> None:
        """Start the recorder. spec: its directory gets the bag."""
        self._run, self._spec = run, spec
        self._turn, self._talk = threading.Lock(), RecorderTalk(log, 'messages or steps', 'the simulation goes on')
        self._channels: dict[str, int] = {}
        self._arrays: dict[tuple[str, type], int] = {}  # name and message type of an array → its channel
        self._held: deque[Record] = deque()  # messages of a frame; in real time another thread adds late ones
        self._new: list[Record] = []  # topics that the recorder does not know yet
        self._frame = 0, time.monotonic()  # stamp, ns, and when it was published, s
        self._begun = time.monotonic()  # the file
        self._count = self.dropped = 0
        self._waits = run.simulated
        self._link: RecorderLink | None = None
        try:
            self._link = RecorderLink(setup_of(run.node, spec, (), **{MARK: RUN}), 0 if run.simulated else NICENESS)
        except OSError as error:
            self._talk.fail(str(error))
        text = as_json({**run.about, 'run': {'steps': self._named(STEP)}})
        about = serialize_message(String(data=text))
        self._beginning = Record(self._channel(self._named(METADATA), String, latched=True), 0, 0, about)
        self._put([self._beginning])

    def listener(
        self, topic: str, kind: type, latched: bool = False, of_frame: bool = False
    ) -> Callable[[bytes], None]:
        """Return a function that takes the bytes of a message on a topic, published or received now.

        latched: its durability. of_frame: whether messages wait for `flush`, and then for room like a step.
        """
        channel, length = self._channel(topic, kind, latched), Payload(kind).length

        def take(payload: bytes) -> None:
            stamp, shown = self._frame
            since = min(time.monotonic() - shown, self._run.period)
            self._count += 1
            # strict readers refuse the bytes that a middleware may put behind a message
            whole = payload[: length(payload)]
            record = Record(channel, self._count % _SEQUENCES, stamp + round(since * 1e9), whole)
            if of_frame:
                self._held.append(record)
            else:
                self._put([record])

        return take

    def flush(self) -> None:
        """Hand over the messages of a frame, together, which costs less than one by one."""
        held = []
        while self._held:
            held.append(self._held.popleft())
        if held:
            self._put(held, patient=True)

    def show(self, stamp: int) -> None:
        """Note that the frame of a moment is published from now on. stamp: ns, of simulated time."""
        self._frame = stamp, time.monotonic()

    def latency(self, step: int, seconds: float) -> None:
        """Take the time from the observation of a step to its commands."""
        self._put([self._record(step, LATENCY, np.array(seconds))])

    def step(self, number: int, arrays: Values) -> None:
        """Take the arrays of a step, name → (rows, ...): all of them or none."""
        try:
            records = [self._record(number, name, np.asarray(array)) for name, array in arrays.items()]
        except Exception as error:  # noqa: BLE001 - a simulator runs without a record, too
            self._talk.fail(f'{type(error).__name__}: {error}')
            return
        if self._file_is_full():
            self._begun = time.monotonic()
            records = [Record(0, 0, 0, SPLIT), self._beginning, *records]
        self._put(records, patient=True)

    def report(self) -> dict[str, str]:
        """Return how it goes, for the status; the log says once what is wrong."""
        link = self._link
        if link is not None:
            self._talk.listen(link, self.dropped)
        if link is None or self._talk.fault:
            return {'recording': f'stopped: {self._talk.fault}'}
        megabytes = link.ring.bag_size / MEGABYTE
        return {'recording': f'{link.path or "starts"}, {megabytes:.1f} MB, {self.dropped} dropped'}

    def close(self) -> None:
        """Close the bag, and wait for the recorder, at most FINISHING."""
        if self._link is None:
            return
        self.flush()
        if not self._put([Record(0, 0, 0, END)], patient=True):
            self._link.close()  # it then ends, too, and is no longer heard
        self._link.wait(FINISHING)
        self.report()
        self._link.close()

    def _named(self, topic: str) -> str:
        return topic.replace('~', self._run.node, 1)

    def _channel(self, name: str, kind: type, latched: bool = False) -> int:
        """Return the channel of a topic, a new one for a new name."""
        with self._turn:
            if name not in self._channels:
                self._channels[name] = len(self._channels) + 1
                topic = topic_of_class(name, kind, latched)
                self._new.append(Record(0, 0, 0, TOPIC + json.dumps(topic).encode()))
            return self._channels[name]

    def _record(self, step: int, name: str, array: Array) -> Record:
        kind = message_type(array)
        if (name, kind) not in self._arrays:
            topic = self._named(STEP) + step_token(name)
            while topic in self._channels:
                topic += '_'
            self._arrays[name, kind] = self._channel(topic, kind)
        return Record(self._arrays[name, kind], step % _SEQUENCES, self._frame[0], payload_of(name, array))

    def _file_is_full(self) -> bool:
        age, spec = time.monotonic() - self._begun, self._spec
        size = 0 if self._link is None else self._link.ring.file_size
        return age > spec.split_duration or age > SHORTEST and size > spec.split_size * MEGABYTE

    def _put(self, records: Sequence[Record], patient: bool = False) -> bool:
        """Hand records over, all of them or none; return whether it was possible. patient: wait for room if allowed."""
        link = self._link
        if link is None or self._talk.fault:
            return False
        patient &= self._run.simulated
        end = time.monotonic() + (LONGEST_WAIT if patient and self._waits else 0.0)
        while not self._taken(link, records, RESERVE if patient else 0):
            if time.monotonic() > end or not link.running:
                self.dropped += 1
                self._waits &= not patient
                return False
            time.sleep(LOOK_PERIOD)
        self._waits |= patient
        return True

    def _taken(self, link: RecorderLink, records: Sequence[Record], reserve: int) -> bool:
        with self._turn:
            wanted = [*self._new, *records] if self._new else records
            room = link.ring.capacity - link.ring.filled - reserve
            if reserve and sum(record.room for record in wanted) > room or not link.ring.put(wanted):
                return False
            self._new.clear()
            return True
