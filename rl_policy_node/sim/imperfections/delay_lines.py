# SPDX-License-Identifier: Apache-2.0
"""Delay lines of observations and of commands, in simulated time; needs only numpy."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from rl_policy_node.sim.imperfections.lossy_link import EXACT
from rl_policy_node.sim.imperfections.robot_sensors import Array, Mask, Values


class DelayLine:
    """The messages of a source that have arrived, in simulated time, row by row.

    shown: field → (rows, ...), the newest message that has arrived; arrived (rows,): whether it came in this step. A
    message that a newer one has overtaken is never shown: the policy node drops such messages, too. An episode begins
    with its first message, and never shows an earlier one.
    """

    def __init__(self, values: Values, rows: int, longest: int) -> None:
        self._values: dict[str, Array] = {
            field: np.zeros((longest + 1, *value.shape), value.dtype) for field, value in values.items()
        }
        self._due = np.full((longest + 1, rows), np.inf)
        self._sent = np.full(longest + 1, -1)  # step in which each kept message was sent
        self._newest = np.full(rows, -1)  # step in which the shown message was sent
        self._step = 0
        self.shown: dict[str, Array] = {field: np.zeros_like(value) for field, value in values.items()}
        self.arrived: Mask = np.zeros(rows, dtype=bool)

    @property
    def ages(self) -> NDArray[np.int64]:
        """Steps since the shown message was sent, (rows,); 0: in this step."""
        ages: NDArray[np.int64] = self._step - 1 - self._newest
        return ages

    def push(self, values: Values, delays: NDArray[np.float64], begins: Mask) -> None:
        """Store this step's messages. delays (rows,) or (1,): periods. begins (rows,): rows that begin an episode."""
        slot = self._step % len(self._sent)
        for field, value in values.items():
            self._values[field][slot] = value
        self._sent[slot] = self._step
        # older messages are not shown after the first one of an episode
        self._due[slot] = np.where(begins, self._step, self._step + delays)
        self._show()
        self._step += 1

    def _show(self) -> None:
        arrived = self._due <= self._step + EXACT
        newest = np.where(arrived, self._sent[:, np.newaxis], -1).max(axis=0)
        self._due[arrived] = np.inf
        self.arrived = newest > self._newest
        rows = np.nonzero(self.arrived)[0]
        self._newest[rows] = newest[rows]
        slots = newest[rows] % len(self._sent)
        for field, value in self._values.items():
            self.shown[field][rows] = value[slots, rows]


class CommandLine:
    """Commands that take effect a whole number of steps after they were received.

    received: command → field → (rows, ...), for the shapes. Until the first command of its episode takes effect,
    a row obeys the holding command of `restart`.
    """

    def __init__(self, received: Mapping[str, Values], rows: int, steps: int) -> None:
        self._values: dict[str, dict[str, Array]] = {
            name: {field: np.zeros((steps + 1, *value.shape), value.dtype) for field, value in fields.items()}
            for name, fields in received.items()
        }
        self._valid = {name: np.zeros((steps + 1, rows), dtype=bool) for name in received}
        self._slots, self._step = steps + 1, 0
        self._obeyed = {
            name: {field: value.copy() for field, value in fields.items()} for name, fields in received.items()
        }

    def restart(self, rows: Mask, held: Mapping[str, Values]) -> None:
        """Drop every command of rows (mask), and hold the rows with the commands `held`, in the form of `received`."""
        for name, fields in self._obeyed.items():
            self._valid[name][:, rows] = False
            for field, value in fields.items():
                value[rows] = held[name][field][rows]

    def push(self, received: Mapping[str, Values], valid: Mapping[str, Mask]) -> Mapping[str, Values]:
        """Store the last received commands; return those obeyed in this step.

        valid: command → mask (rows,): whether it belongs to the row's current episode.
        """
        now, then = self._step % self._slots, (self._step + 1) % self._slots
        self._step += 1
        for name, fields in self._values.items():
            self._valid[name][now] = valid[name]
            for field, value in fields.items():
                value[now] = received[name][field]
                rows = self._valid[name][then]
                self._obeyed[name][field][rows] = value[then][rows]
        return self._obeyed
