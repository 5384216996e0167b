# SPDX-License-Identifier: Apache-2.0
"""The recorder: a small process that writes the bag of an activation.

    python -m rl_policy_node.nodes.policy.record.recorder LIFELINE MEMORY SETUP

The policy node starts it with three descriptors: a socket, which closes when the node ends, the memory of a Ring, and a
file that says what to record (JSON). It imports neither ROS nor torch, and it may block on the disk as long as it
likes: the node never waits for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
import contextlib
import json
import os
from pathlib import Path
import select
import signal
import socket
import struct
import sys
import time
from typing import Any, Final

from rl_policy_node.nodes.policy.record.bag_budget import make_room
from rl_policy_node.nodes.policy.record.bag_file import CHUNK_SIZE, Topic
from rl_policy_node.nodes.policy.record.bag_folder import BagFolder, STARTED
from rl_policy_node.nodes.policy.record.record_options import MEGABYTE
from rl_policy_node.nodes.policy.record.ring import END, Record, Ring, SPLIT
from rl_policy_node.nodes.process.signals import ENDINGS

FLUSH_PERIOD: Final = 0.75  # s; what is younger is lost when the recorder is killed
LOOK_PERIOD: Final = 0.1  # s between two looks at the ring
CHECK_PERIOD: Final = 5.0  # s between two looks at the budget
TOPIC: Final = b'topic '  # payload of channel 0, with a Topic as JSON behind it: another topic, on the next channel
_STAMPS: Final = struct.Struct('>iI'), struct.Struct('<iI')
_HEADER: Final = 4  # bytes before the first field of a message


class Writer:
    """Writes records to a bag; raises OSError where that fails, and RecordingError where it must not go on.

    say(key, text): tells the node something.
    """

    def __init__(self, setup: Mapping[str, Any], say: Callable[[str, str], None]) -> None:
        topics = [Topic(*topic) for topic in setup['topics']]
        self._directory, self._budget, self._say = Path(setup['directory']), setup['budget'] * MEGABYTE, say
        custom = {STARTED: str(setup['started']), **setup['custom']}
        self.bag = BagFolder(self._directory, setup['name'], topics, setup['distribution'], custom)
        say('path', str(self.bag.path))
        self._flushed = self._checked = time.monotonic()
        self._others, self._declared = 0, False
        try:
            for attachment in setup['attachments']:
                data = Path(attachment['path']).read_bytes()
                self.bag.file.attach(attachment['name'], attachment['type'], data, time.time_ns())
            self._hold_budget()
        except BaseException:
            self.bag.close()
            raise

    def write(self, record: Record) -> bool:
        """Write a record; return whether more may come."""
        if not record.channel:
            if record.payload == SPLIT:
                self.bag.split()
                self._hold_budget()
            elif record.payload.startswith(TOPIC):
                self.bag.declare(Topic(*json.loads(record.payload[len(TOPIC) :])))
                self._declared = True
            return record.payload != END
        log_time = max(record.log_time, 0)
        published = self._stamp(record) or log_time
        self.bag.file.add(record.channel, record.sequence, log_time, published, record.payload)
        if self.bag.file.pending > CHUNK_SIZE:
            self._flush()
        return True

    def look_after(self) -> None:
        """Flush, and look at the budget, when it is time."""
        now = time.monotonic()
        if now - self._flushed > FLUSH_PERIOD:
            self._flushed = now
            self._flush()
        if now - self._checked > CHECK_PERIOD:
            self._checked = now
            if self.bag.size + self._others > self._budget:
                self._hold_budget()
            self.bag.write_metadata()

    def _flush(self) -> None:
        if not self.bag.file.there():
            raise RecordingError(f'{self.bag.path} was removed or moved while it was written')
        self.bag.file.flush()
        if self._declared:
            # readers compare the topics of the file with those that metadata.yaml lists
            self._declared = False
            self.bag.write_metadata()

    def _hold_budget(self) -> None:
        removed, over = make_room(self._directory, self.bag.path, self.bag.size, self._budget)
        for path in removed:
            self._say('removed', str(path))
        if over:
            raise RecordingError(
                f'record.budget, {self._budget / MEGABYTE:g} MB, is used up, and no older bag is left to remove'
            )
        self._others = sum(
            file.lstat().st_size for file in self._directory.glob('*/*.mcap') if file.parent != self.bag.path
        )

    def _stamp(self, record: Record) -> int:
        """Return the stamp of a message, ns, 0 if it has none."""
        data = record.payload
        if not self.bag.topics[record.channel - 1].stamped or len(data) < _HEADER + 8:
            return 0
        seconds, nanoseconds = _STAMPS[data[1] & 1].unpack_from(data, _HEADER)
        return max(int(seconds), 0) * 10**9 + int(nanoseconds)


class RecordingError(RuntimeError):
    """The recording must end, though the disk works."""


def main(lifeline: int, memory: int, setup_file: int) -> int:
    """Record until the node has closed the bag, or has ended; return the exit code."""
    for number in ENDINGS:
        signal.signal(number, signal.SIG_IGN)  # the whole group gets them; the recorder ends after the node
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    line = socket.socket(fileno=lifeline)
    with open(setup_file) as file:
        setup = json.load(file)

    def say(key: str, text: str) -> None:
        with contextlib.suppress(OSError):  # a node that does not listen
            line.send(json.dumps({key: text}).encode() + b'\n', socket.MSG_DONTWAIT)

    fault = ''
    try:
        writer = Writer(setup, say)
    except (OSError, RecordingError) as error:
        fault = _told(error, setup['directory'])
    else:
        try:
            _record(writer, Ring(memory), line, setup['pid'])
        except (OSError, RecordingError) as error:
            fault = _told(error, writer.bag.path)
        try:
            writer.bag.close()
        except OSError as error:
            fault = fault or _told(error, writer.bag.path)
    if fault:
        say('fault', fault)
    return 1 if fault else 0


def _told(error: Exception, place: object) -> str:
    return f'{error.strerror}: {error.filename or place}' if isinstance(error, OSError) else str(error)


def _record(writer: Writer, ring: Ring, line: socket.socket, pid: int) -> None:
    """Write what comes until the node says that nothing more does, or has ended."""
    poll = select.poll()
    poll.register(line, select.POLLIN)
    while True:
        # looked at first: what was put before the node ended is taken below.
        # a child of the node may keep the socket open
        ended = os.getppid() != pid or (bool(poll.poll(LOOK_PERIOD * 1e3)) and _closed(line))
        for record in ring.take():
            if not writer.write(record):
                return
        writer.look_after()
        ring.set_sizes(writer.bag.file.size, writer.bag.size)
        if ended:
            return


def _closed(line: socket.socket) -> bool:
    try:
        return not line.recv(1)
    except OSError:  # a reset: the node has left something unread
        return True


if __name__ == '__main__':
    sys.exit(main(*map(int, sys.argv[1:])))
