# SPDX-License-Identifier: Apache-2.0
"""The memory that a node and its guardian share: a few words and, for each command topic, the bytes of a message.

It has no name, and is gone with the last process that holds it, however that one ends. Only one side writes each word.
Messages bear a checksum, and the slot of the newest is written last: a message that was half written when its writer
stopped is never read.
"""
from __future__ import annotations

from collections.abc import Sequence
import mmap
import os
import zlib

_EPOCH, _ACTIVE, _NOTICED, _FENCE, _BEAT, _STEP, _GUARDIAN_BEAT, _ROS, _SENDING = range(9)
_WORD, _HEAD, _CELL_HEAD = 8, 72, 32    # bytes
_NOTHING = 2                    # in place of a slot's number


class Board:
    """A view of the shared memory; both sides create one with the same descriptor and capacities.

    The node writes epoch, active, noticed, beat, step and sending, the guardian fence and guardian_beat. Times are
    those of the steady clock, s, which all processes of a machine share. epoch: counts activations. fence: the last
    epoch that the guardian has ended; the node must publish nothing of it, or of an earlier one. noticed: the last
    epoch whose end the node has seen. beat: when the control loop last began to wait. step: when it last began a step.
    sending: a command is between the node's last look at the fence and the middleware.
    """

    def __init__(self, descriptor: int, capacities: Sequence[int]) -> None:
        """capacities: greatest size, in bytes, of a message of each topic; raises OSError where there is no room."""
        starts, size = [], _HEAD
        for capacity in capacities:
            starts.append(size)
            size += Cell.size(capacity)
        if os.fstat(descriptor).st_size < size:
            os.ftruncate(descriptor, size)
        self._memory = mmap.mmap(descriptor, size)
        self._view = memoryview(self._memory)
        self._words, self._times = self._view.cast('Q'), self._view[:_HEAD].cast('d')
        self.cells = [Cell(self._memory, self._words, start, capacity) for start, capacity in zip(starts, capacities)]

    def close(self) -> None:
        """Let go of the memory."""
        self.cells.clear()
        for view in (self._words, self._times, self._view):
            view.release()
        self._memory.close()

    # the node's side

    def renew(self) -> int:
        """Begin a new epoch, in which nothing has been sent yet, and return it."""
        self._words[_ACTIVE] = 0
        for cell in self.cells:
            cell.forget()
        epoch = max(self._words[_EPOCH], self._words[_FENCE]) + 1
        self._words[_EPOCH] = epoch
        return epoch

    def set_active(self, active: bool) -> None:
        """Set whether a missing beat counts."""
        self._words[_ACTIVE] = active

    def set_beat(self, steady: float, ros: int) -> None:
        """Beat: the control loop lives. ros: ns on a simulated clock, 0: stamps are of the system's clock."""
        self._times[_BEAT] = steady
        self._words[_ROS] = ros

    def set_step(self, steady: float) -> None:
        """Note that a step begins."""
        self._times[_STEP] = steady

    def set_sending(self, sending: bool) -> None:
        """Note that a command is about to go out, or that it has."""
        self._words[_SENDING] = sending

    def set_noticed(self, epoch: int) -> None:
        """Note that the node has seen the end of an epoch."""
        self._words[_NOTICED] = epoch

    @property
    def fence(self) -> int:
        """The last epoch that was ended."""
        return self._words[_FENCE]

    @property
    def guardian_beat(self) -> float:
        """When the guardian last looked."""
        return self._times[_GUARDIAN_BEAT]

    # the guardian's side

    @property
    def epoch(self) -> int:
        """The epoch that the node is in."""
        return self._words[_EPOCH]

    @property
    def active(self) -> bool:
        """Whether a missing beat counts."""
        return bool(self._words[_ACTIVE])

    @property
    def beat(self) -> float:
        """When the control loop last began to wait."""
        return self._times[_BEAT]

    @property
    def ros(self) -> int:
        """The time on a simulated clock at `beat`, ns; 0: stamps are of the system's clock."""
        return self._words[_ROS]

    @property
    def step(self) -> float:
        """When the control loop last began a step; earlier than `beat`: that step is over."""
        return self._times[_STEP]

    @property
    def noticed(self) -> int:
        """The last epoch whose end the node has seen."""
        return self._words[_NOTICED]

    @property
    def sending(self) -> bool:
        """Whether the node has begun to send a command and not ended."""
        return bool(self._words[_SENDING])

    def set_fence(self, epoch: int) -> None:
        """End an epoch."""
        self._words[_FENCE] = epoch

    def set_guardian_beat(self, steady: float) -> None:
        """Note that the guardian looks."""
        self._times[_GUARDIAN_BEAT] = steady


class Cell:
    """The message of a topic that the guardian publishes: the last one sent, or one prepared beforehand.

    Two slots, written in turn. One word holds which of them counts, if any; a word for each its size and checksum.
    The last word is the guardian's: how many subscribers it has found.
    """

    def __init__(self, memory: mmap.mmap, words: memoryview[int], start: int, capacity: int) -> None:
        self._memory, self._words = memory, words
        self._current = start // _WORD
        first = start + _CELL_HEAD
        self._starts = first, first + _rounded(capacity)
        self._capacity, self._next, self._ready = capacity, 0, 0

    @staticmethod
    def size(capacity: int) -> int:
        """Return how many bytes a cell takes."""
        return _CELL_HEAD + 2 * _rounded(capacity)

    def keep(self, data: bytes) -> None:
        """Keep a sent message to be repeated; one that is too large is not repeated."""
        self.prepare(data)
        self.show(data)

    def prepare(self, data: bytes) -> None:
        """Write a message that counts from the next `show` on."""
        slot, count = self._next, len(data)
        if count > self._capacity:
            count = 0
        else:
            start = self._starts[slot]
            self._memory[start:start + count] = data
        self._words[self._current + 1 + slot] = count << 32 | zlib.crc32(data)
        self._ready, self._next = slot, slot ^ 1

    def show(self, _sent: bytes) -> None:
        """Let the prepared message count: the node has sent a command."""
        self._words[self._current] = self._ready

    def forget(self) -> None:
        """Note that nothing has been sent."""
        self._words[self._current] = _NOTHING

    @property
    def reach(self) -> int:
        """How many subscribers the guardian has found."""
        return self._words[self._current + 3]

    def set_reach(self, subscribers: int) -> None:
        """Set how many subscribers the guardian has found."""
        self._words[self._current + 3] = subscribers

    def read(self) -> bytes:
        """Return the message that counts, b'' where there is none."""
        for _ in range(3):          # the node may be writing
            slot = self._words[self._current]
            if slot == _NOTHING:
                return b''
            count, checksum = divmod(self._words[self._current + 1 + slot], 1 << 32)
            start = self._starts[slot]
            data = self._memory[start:start + count]
            if count and zlib.crc32(data) == checksum:
                return data
        return b''


def _rounded(size: int) -> int:
    return -(-size // _WORD) * _WORD
