# SPDX-License-Identifier: Apache-2.0
"""The memory that a node and its guardian share: a few words and, for each command topic, the bytes of a message.

It has no name, and disappears with the last process that holds it, however that one ends. Only one side writes each
word. Messages have a checksum, and the slot of the newest is written last: a message that was half written when its
writer stopped is never read.
"""

from __future__ import annotations

from collections.abc import Sequence
import mmap
import os
import zlib

_EPOCH, _ACTIVE, _NOTICED, _FENCE, _BEAT, _STEP, _GUARDIAN_BEAT, _ROS, _SENDING = range(9)
_WORD, _HEAD, _CELL_HEAD = 8, 72, 32  # bytes
_NOTHING = 2  # in place of a slot's number: no message


class Board:
    """A view of the shared memory; both sides create one with the same descriptor and capacities.

    The node writes epoch, active, noticed, beat, step and sending, the guardian fence and guardian_beat. Times are
    those of the steady clock, s, which all processes of a machine share. epoch: counts activations. fence: the last
    epoch that the guardian has ended; the node must publish nothing for it or an earlier one. noticed: the last
    epoch whose end the node has noticed. beat: when the control loop last began to wait. step: when it last began a
    step. sending: whether a command is between the node's last look at the fence and the middleware.
    """

    def __init__(self, descriptor: int, capacities: Sequence[int]) -> None:
        """Map the memory. capacities: greatest message size of each topic, bytes. Raises OSError without room."""
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
        """Release the memory."""
        self.cells.clear()
        for view in (self._words, self._times, self._view):
            view.release()
        self._memory.close()

    # the node's side

    def renew(self) -> int:
        """Begin and return a new epoch, in which nothing has been sent yet."""
        self._words[_ACTIVE] = 0
        for cell in self.cells:
            cell.forget()
        epoch = max(self._words[_EPOCH], self._words[_FENCE]) + 1
        self._words[_EPOCH] = epoch
        return epoch

    def set_active(self, active: bool) -> None:
        """Set whether a missing beat is a fault."""
        self._words[_ACTIVE] = active

    def set_beat(self, steady: float, ros: int) -> None:
        """Note that the control loop is alive. ros: ns on a simulated clock, 0: the system's clock gives the stamps."""
        self._times[_BEAT] = steady
        self._words[_ROS] = ros

    def set_step(self, steady: float) -> None:
        """Note that a step begins."""
        self._times[_STEP] = steady

    def set_sending(self, sending: bool) -> None:
        """Note that a command is about to be sent, or that it was sent."""
        self._words[_SENDING] = sending

    def set_noticed(self, epoch: int) -> None:
        """Note that the node has noticed the end of an epoch."""
        self._words[_NOTICED] = epoch

    @property
    def fence(self) -> int:
        """The last epoch that was ended."""
        return self._words[_FENCE]

    @property
    def guardian_beat(self) -> float:
        """Time at which the guardian last looked."""
        return self._times[_GUARDIAN_BEAT]

    # the guardian's side

    @property
    def epoch(self) -> int:
        """The present epoch of the node."""
        return self._words[_EPOCH]

    @property
    def active(self) -> bool:
        """Whether a missing beat is a fault."""
        return bool(self._words[_ACTIVE])

    @property
    def beat(self) -> float:
        """Time at which the control loop last began to wait."""
        return self._times[_BEAT]

    @property
    def ros(self) -> int:
        """The time on a simulated clock at `beat`, ns; 0: the system's clock gives the stamps."""
        return self._words[_ROS]

    @property
    def step(self) -> float:
        """Time at which the control loop last began a step; earlier than `beat`: that step is over."""
        return self._times[_STEP]

    @property
    def noticed(self) -> int:
        """The last epoch whose end the node has noticed."""
        return self._words[_NOTICED]

    @property
    def sending(self) -> bool:
        """Whether the node has begun to send a command, but not finished."""
        return bool(self._words[_SENDING])

    def set_fence(self, epoch: int) -> None:
        """End an epoch."""
        self._words[_FENCE] = epoch

    def set_guardian_beat(self, steady: float) -> None:
        """Note a look of the guardian."""
        self._times[_GUARDIAN_BEAT] = steady


class Cell:
    """The message of a topic that the guardian publishes: the last one sent, or one prepared beforehand.

    The node writes two slots in turn. One word says which of them is valid, if any; each slot has a word for its size
    and checksum. The last word belongs to the guardian: the number of subscribers that it has found.
    """

    def __init__(self, memory: mmap.mmap, words: memoryview[int], start: int, capacity: int) -> None:
        self._memory, self._words = memory, words
        self._current = start // _WORD
        first = start + _CELL_HEAD
        self._starts = first, first + _rounded(capacity)
        self._capacity, self._next, self._ready = capacity, 0, 0

    @staticmethod
    def size(capacity: int) -> int:
        """Return the size of a cell, bytes."""
        return _CELL_HEAD + 2 * _rounded(capacity)

    def keep(self, data: bytes) -> None:
        """Keep a sent message, so that the guardian repeats it; a message that is too large is not repeated."""
        self.prepare(data)
        self.show(data)

    def prepare(self, data: bytes) -> None:
        """Write a message that becomes valid with the next `show`."""
        slot, count = self._next, len(data)
        if count > self._capacity:
            count = 0
        else:
            start = self._starts[slot]
            self._memory[start : start + count] = data
        self._words[self._current + 1 + slot] = count << 32 | zlib.crc32(data)
        self._ready, self._next = slot, slot ^ 1

    def show(self, _sent: bytes) -> None:
        """Make the prepared message valid: the node has sent a command."""
        self._words[self._current] = self._ready

    def forget(self) -> None:
        """Note that nothing has been sent."""
        self._words[self._current] = _NOTHING

    @property
    def reach(self) -> int:
        """Number of subscribers that the guardian has found."""
        return self._words[self._current + 3]

    def set_reach(self, subscribers: int) -> None:
        """Set the number of subscribers that the guardian has found."""
        self._words[self._current + 3] = subscribers

    def read(self) -> bytes:
        """Return the valid message, b'' if there is none."""
        for _ in range(3):  # the node may be writing
            slot = self._words[self._current]
            if slot == _NOTHING:
                return b''
            count, checksum = divmod(self._words[self._current + 1 + slot], 1 << 32)
            start = self._starts[slot]
            data = self._memory[start : start + count]
            if count and zlib.crc32(data) == checksum:
                return data
        return b''


def _rounded(size: int) -> int:
    return -(-size // _WORD) * _WORD
