# SPDX-License-Identifier: Apache-2.0
"""The commands that a simulator receives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
import threading
import time

import numpy as np

from rl_policy_node.control.arrays import Mask
from rl_policy_node.control.specs import ControlSpec
from rl_policy_node.nodes.interfaces import Message
from rl_policy_node.nodes.policy.response_times import ResponseTimes
from rl_policy_node.nodes.topics.row_names import listed
from rl_policy_node.nodes.topics.sink import Sink


class CommandInbox:
    """The latest commands of all rows, and whether they answer the latest observation.

    Callbacks call `receive`, the bridge's thread everything else. buffers: command → SourceBuffer; read them within
    `with inbox.condition`, which is notified when an answer is complete. lockstep: ignore commands that answer another
    observation. unstamped: whether some commands cannot be matched to an observation.
    """

    def __init__(self, control: ControlSpec, sinks: Mapping[str, Sink], lockstep: bool, answers: ResponseTimes) -> None:
        self._control, self._sinks, self._lockstep, self.answers = control, sinks, lockstep, answers
        self.buffers = {name: sink.buffer(control.rows) for name, sink in sinks.items()}
        self.condition = threading.Condition()
        self.unstamped = not all(sink.adapter.has_header for sink in sinks.values())
        self._numbers = {name: number for number, name in enumerate(sinks)}
        self._current: int | None = None  # ns, stamp of the latest observation
        self._shown = 0.0  # s, steady, when it was published

    def expect(self, stamp: int, step: int) -> None:
        """Wait for the answers to the observation of a step. stamp: of that observation, ns."""
        with self.condition:
            for buffer in self.buffers.values():
                buffer.fresh[:] = False
            self._current, self._shown = stamp, time.monotonic()
            self.answers.shown(stamp, step, self._shown)

    def receive(self, name: str, topic: int, message: Message) -> None:
        """Store a command for the rows of a sink's topic; before the first observation ignore it.

        Raises ValueError, which names the rows, for refused commands.
        """
        sink, buffer, rows = self._sinks[name], self.buffers[name], self._sinks[name].groups[topic]
        with self.condition:
            stamp = sink.adapter.stamp(message) if sink.adapter.has_header else self._current
            if not stamp and not self._lockstep:  # a trajectory that starts now
                stamp = self._current
            if stamp is None or self._current is None or (self._lockstep and stamp != self._current):
                return
            now = time.monotonic()
            buffer.write(rows, sink.read(topic, message), sink.adapter.stamp(message), now)
            taken: Mask = np.zeros(self._control.rows, dtype=bool)
            taken[rows] = ~buffer.refused[rows]
            buffer.fresh[taken] = stamp == self._current
            self.answers.answer(stamp, self._numbers[name], taken, now)
            if self.complete():
                self.condition.notify_all()
        refused = np.nonzero(buffer.refused)[0].tolist() if sink.spec.rows else []
        if refused:
            raise ValueError(f'{listed(self._control, refused)}: {buffer.last_fault[refused[0]]}')

    def wait(self, until: Callable[[], bool], seconds: float) -> bool:
        """Wait at most `seconds`; return whether until(), called with the inbox locked, became True."""
        with self.condition:
            return self.condition.wait_for(until, seconds)

    def complete(self) -> bool:
        """Return whether all commands of all rows answer the latest observation."""
        return all(buffer.fresh.all() for buffer in self.buffers.values())

    def commanded(self) -> bool:
        """Return whether every row has ever had a command."""
        return all(np.isfinite(buffer.received).all() for buffer in self.buffers.values())

    def silent(self) -> tuple[list[int], float]:
        """Return the rows whose answer is missing, and the time, s, since the observation was published."""
        with self.condition:
            fresh = np.logical_and.reduce([buffer.fresh for buffer in self.buffers.values()])
            return np.nonzero(~fresh)[0].tolist(), time.monotonic() - self._shown
