# SPDX-License-Identifier: Apache-2.0
"""The requests that the next step takes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
import math
import threading
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from rl_policy_node.control.arrays import Mask, Rows
from rl_policy_node.control.reductions import including
from rl_policy_node.core.frame import Change, Order, RobotState


class Pending(NamedTuple):
    """The requests since the last step, and the values that persist from step to step; fields as in Frame."""

    tare: Mask
    changes: tuple[Change, ...] = ()
    orders: tuple[Order, ...] = ()
    enabled: float = -math.inf
    robot_states: Mapping[int, RobotState] = MappingProxyType({})
    heard: float = math.inf

    def after_step(self, no_rows: Mask) -> Pending:
        """Return the values that persist after a step, without its requests. no_rows: an all-False mask."""
        if self.tare is no_rows and not self.changes and not self.orders:
            return self
        return Pending(no_rows, enabled=self.enabled, robot_states=self.robot_states, heard=self.heard)


class Requests(ABC):
    """Collects requests under a lock; any thread may make them."""

    def __init__(self, rows: int) -> None:
        self._lock = threading.RLock()
        self._none: Mask = np.zeros(rows, dtype=bool)
        self._none.flags.writeable = False
        self._pending = Pending(self._none)

    @abstractmethod
    def notify(self) -> None:
        """Wake the waiting thread."""

    def request_tare(self, rows: Rows) -> None:
        """Take the zero of tactile terms anew, from the next messages."""
        with self._lock:
            self._pending = self._pending._replace(tare=including(self._pending.tare, rows))

    def request_changes(self, *changes: Change) -> None:
        """Change parameters, already checked, all with the next step."""
        with self._lock:
            self._pending = self._pending._replace(changes=(*self._pending.changes, *changes))

    def latch(self, rows: slice, reason: str) -> None:
        """Put rows on their fallback from the next step or look until `resume` or a new activation."""
        self._order(Order(rows, reason or 'stopped'))

    def resume(self, rows: slice) -> None:
        """Free those latched rows that receive all the data they need."""
        self._order(Order(rows, ''))

    def enable(self, enabled: bool, now: float) -> None:
        """Enable or disable the robots. now: s, steady, when the message came."""
        with self._lock:
            self._pending = self._pending._replace(enabled=now if enabled else -math.inf)
        if not enabled:
            self.notify()

    def hear(self, now: float) -> None:
        """Note that callbacks run. now: s, steady."""
        with self._lock:
            self._pending = self._pending._replace(heard=now)

    def note_robot_state(self, rows: slice, state: RobotState) -> None:
        """Note a report of the driver of rows."""
        with self._lock:
            more = dict.fromkeys(range(rows.start, rows.stop), state)
            self._pending = self._pending._replace(robot_states={**self._pending.robot_states, **more})
        if state.refusal:
            self.notify()

    def _order(self, order: Order) -> None:
        with self._lock:
            # of several requests for the same rows the last counts
            kept = [
                each
                for each in self._pending.orders
                if each.rows != order.rows or bool(each.reason) != bool(order.reason)
            ]
            self._pending = self._pending._replace(orders=(*kept, order))
        self.notify()
