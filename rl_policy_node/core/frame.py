# SPDX-License-Identifier: Apache-2.0
"""The input of one step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
import math
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

import numpy as np

from rl_policy_node.control.arrays import Mask, Stamps
from rl_policy_node.control.gate import Sent
from rl_policy_node.control.reductions import all_true, greatest, least
from rl_policy_node.control.source_buffer import SourceBuffer

# name of a parameter that may change while the policy acts, and its value
Change: TypeAlias = tuple[str, 'float | tuple[float, ...]']


class Order(NamedTuple):
    """A request to latch rows for a reason; an empty reason frees them."""

    rows: slice
    reason: str


class RobotState(NamedTuple):
    """A report of a robot's driver. refusal: why the robot must not move, '': it may. received: s, steady."""

    refusal: str
    received: float


class Frame(NamedTuple):
    """A snapshot of everything that has arrived, the input of one step.

    sources: name → SourceBuffer, aligned. steady: s, the time of the snapshot, on the clock of SourceBuffer.received;
    ros: ns, the same moment on the clock of the stamps. time: s, the clock of the terms; dt: s since the last step.
    reset: rows whose recurrent state to clear. tare: rows whose tactile zero to take anew. begun (rows,): ns, the start
    of each row's episode, 0: unknown. changes: parameters that change with this step. overruled: the commands sent in
    place of those of the last outcome, None: those were sent. orders: requests to latch or free rows, in order of
    arrival. enabled: s, steady, when a person last enabled the robots; −inf: never, or disabled since.
    robot_states: row → the last report of its driver, if any. heard: s, steady, when callbacks last ran; inf: unknown.
    news: the rows that this step is for, None: all; the others still wait for a complete observation. number: its place
    among the events of a recording, 0: none is made.

    The arrays belong to the thread that took the frame, and are valid until it takes the next one; `copy()` keeps them.
    """

    sources: Mapping[str, SourceBuffer]
    steady: float
    ros: int
    time: float
    dt: float
    reset: Mask
    tare: Mask
    begun: Stamps
    changes: tuple[Change, ...] = ()
    overruled: Sent | None = None
    orders: tuple[Order, ...] = ()
    enabled: float = -math.inf
    news: Mask | None = None
    robot_states: Mapping[int, RobotState] = MappingProxyType({})
    heard: float = math.inf
    number: int = 0

    def copy(self) -> Frame:
        """Return a copy that later frames do not overwrite."""
        return self._replace(
            sources={name: source.copy() for name, source in self.sources.items()},
            reset=self.reset.copy(),
            tare=self.tare.copy(),
            begun=self.begun.copy(),
        )

    @property
    def arrived(self) -> float:
        """Time at which the last message came, s, on the steady clock; −inf: none did."""
        return max(greatest(source.received) for source in self.sources.values())

    def stamps(self, source: str, answers: Mask) -> Stamps:
        """Return the stamps (rows,), ns, of commands.

        Rows in `answers` get the stamp of the source ('': the newest of all sources) if it has one; the others get the
        time of the frame.
        """
        stamps = self.sources[source].stamps if source else np.max([s.stamps for s in self.sources.values()], axis=0)
        if all_true(answers) and least(stamps) > 0:
            return stamps
        return np.where(answers & (stamps != 0), stamps, self.ros)

    def fresh(self, sources: Iterable[str], patience: float | None = None) -> dict[str, Mask]:
        """Return source → rows (mask) whose measurement is young enough, not refused and not frozen.

        patience: s, replaces every max_age where a simulator waits; stamps are then ignored.
        """
        fresh: dict[str, Mask] = {}
        for name in sources:
            source, spec = self.sources[name], self.sources[name].spec
            limit = patience or spec.max_age
            young = (self.steady - source.received <= limit) & ~source.refused
            if patience is None and spec.use_header_stamp:
                young &= (source.stamps == 0) | ((self.ros - source.stamps) * 1e-9 <= limit)
            if spec.frozen_after is not None:
                young &= self.steady - source.changed <= spec.frozen_after
            fresh[name] = young
        return fresh

    def measured(self, sources: tuple[str, ...], rows: Mask) -> Mask:
        """Return the rows that all of the named sources have measured at least once."""
        for name in sources:
            received = self.sources[name].received
            if least(received) == -np.inf:
                rows = rows & np.isfinite(received)
        return rows
