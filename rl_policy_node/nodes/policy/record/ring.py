# SPDX-License-Identifier: Apache-2.0
"""A queue of records in memory that two processes share: the node puts, its recorder takes, neither waits.

It has no name, and disappears with the last process that holds it: what lies in it when the node is killed is still
written. Positions count bytes since the start. Only the node moves `head`, only the recorder `tail`; a record is there
as soon as `head` has passed it, so that nobody sees half of one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
import mmap
import os
import struct
import threading
from typing import Final, NamedTuple

CAPACITY: Final = 32 << 20  # bytes; two seconds of four tactile arms
SPLIT, END = b'split', b'end'  # payloads of channel 0: go on in a new file; nothing more comes
_WORD: Final = 8
_HEAD, _TAIL, _FILE_SIZE, _BAG_SIZE = range(4)  # words
_START: Final = 64  # bytes before the first record
_HEADER: Final = struct.Struct('<IHHIIq')  # bytes of the payload, channel, 0, sequence, 0, log time


class Record(NamedTuple):
    """A message for a channel of the bag; a payload for channel 0 is for the recorder itself. log_time: ns."""

    channel: int
    sequence: int
    log_time: int
    payload: bytes

    @property
    def room(self) -> int:
        """Bytes that it takes in a Ring."""
        return _HEADER.size + -(-len(self.payload) // _WORD) * _WORD


class Ring:
    """One side's view of the memory behind a descriptor. file_size, bag_size: bytes on disk, as the recorder says."""

    def __init__(self, descriptor: int, capacity: int = CAPACITY) -> None:
        """Map the memory; capacity: a multiple of 8. Raises OSError without room."""
        size = _START + capacity
        if os.fstat(descriptor).st_size < size:
            os.ftruncate(descriptor, size)
        self._memory = mmap.mmap(descriptor, size)
        self._words = memoryview(self._memory)[:_START].cast('Q')
        self.capacity = capacity
        self._fence_lock = threading.Lock()

    def close(self) -> None:
        """Release the memory."""
        self._words.release()
        self._memory.close()

    @property
    def filled(self) -> int:
        """Bytes that were put and not taken yet."""
        return self._words[_HEAD] - self._words[_TAIL]

    @property
    def file_size(self) -> int:
        """Bytes of the file that is being written."""
        return self._words[_FILE_SIZE]

    @property
    def bag_size(self) -> int:
        """Bytes of all files of the bag."""
        return self._words[_BAG_SIZE]

    # the node's side

    def put(self, records: Sequence[Record]) -> bool:
        """Append records; return whether there was room for all of them: else none is appended."""
        head = self._words[_HEAD]
        if head + sum(record.room for record in records) - self._words[_TAIL] > self.capacity:
            return False
        for record in records:
            header = _HEADER.pack(len(record.payload), record.channel, 0, record.sequence, 0, record.log_time)
            self._write(head, header)
            self._write(head + _HEADER.size, record.payload)
            head += record.room
        self._fence()
        self._words[_HEAD] = head
        return True

    def _write(self, position: int, data: bytes) -> None:
        start = position % self.capacity
        first = min(len(data), self.capacity - start)
        self._memory[_START + start : _START + start + first] = data[:first]
        if first < len(data):
            self._memory[_START : _START + len(data) - first] = data[first:]

    # the recorder's side

    def take(self) -> Iterator[Record]:
        """Yield the records that are there by now; each counts as taken when the next one is asked for."""
        head, tail = self._words[_HEAD], self._words[_TAIL]
        self._fence()
        while tail < head:
            count, channel, _, sequence, _, log_time = _HEADER.unpack(self._read(tail, _HEADER.size))
            record = Record(channel, sequence, log_time, self._read(tail + _HEADER.size, count))
            yield record
            tail += record.room
            self._words[_TAIL] = tail

    def set_sizes(self, file: int, bag: int) -> None:
        """Tell the node how many bytes lie on the disk."""
        self._words[_FILE_SIZE], self._words[_BAG_SIZE] = file, bag

    def _read(self, position: int, count: int) -> bytes:
        start = position % self.capacity
        first = min(count, self.capacity - start)
        data = self._memory[_START + start : _START + start + first]
        return data if first == count else data + self._memory[_START : _START + count - first]

    def _fence(self) -> None:
        """Order what was stored or loaded before and after, on processors that would not (ARM): two turns of a lock."""
        with self._fence_lock:
            pass
        with self._fence_lock:
            pass
