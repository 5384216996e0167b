# SPDX-License-Identifier: Apache-2.0
"""What is known of a running policy node from outside."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
import json
import math
import re
import time
from typing import Any, Final, NamedTuple

from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.msg import Log
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool, String

SILENT: Final = 3.5  # s without a report, of which there is one each second, after which a node counts as silent
MOST_FAULTS: Final = 50
LEVELS: Final = ('ok', 'warn', 'error', 'stale')
# keys of diagnostics that say how the node fares; the others name a robot, and why it does not act
_FIGURES: Final = re.compile(
    r'(steps|recurrent resets|missed deadlines|guardian|out of distribution|episodes?\b.*|age of .*|latency .*'
    r'|policy p50 .*|late start .*|actions\..*, without limits|rate of .*|rejected from .*|ignored on .*|pace of .*'
    r'|\|z\| of .*|tracking error of .*|topic .*|stream.*)'
)


class Fault(NamedTuple):
    """A warning or an error of a node's log. time: s since the epoch; level: 'warn' or 'error'."""

    time: float
    level: str
    text: str


class Numbers(NamedTuple):
    """The named numbers of a step. stamp: ns."""

    stamp: int
    values: Mapping[str, float]


@dataclass
class NodeView:
    """A policy node. name: full, such as /left/policy_node.

    present: whether it publishes. active: what ~/is_active said last, None: nothing. level, message, values: of the
    last report of ~/status, heard at `heard`, s, steady; −inf: never. rate: steps per second between the last two.
    streams: topics of ~/policy/* that it publishes. description: the content of ~/policy/metadata, {}: none. numbers:
    the newest of ~/policy/terms. faults: of its log, the newest last.
    """

    name: str
    present: bool = False
    active: bool | None = None
    level: str = 'stale'
    message: str = ''
    values: Mapping[str, str] = field(default_factory=dict)
    heard: float = -math.inf
    rate: float = math.nan
    streams: tuple[str, ...] = ()
    description: Mapping[str, Any] = field(default_factory=dict)
    numbers: Numbers | None = None
    faults: deque[Fault] = field(default_factory=lambda: deque(maxlen=MOST_FAULTS))

    @property
    def complete(self) -> bool:
        """Whether the node has told all that it tells: while it acts, its rate and what it streams."""
        shown = not self.streams or self.description and (self.numbers is not None or not self.active)
        counted = not self.active or not math.isnan(self.rate)
        return self.present and self.message != '' and counted and bool(shown)

    def report(self, level: str, message: str, values: Mapping[str, str], now: float) -> None:
        """Take a report of ~/status, heard at `now`, s, steady."""
        steps, since = self._steps(values) - self._steps(self.values), now - self.heard
        # two reports that arrive in one go say nothing of the time between them
        self.rate = steps / since if 0.5 < since < math.inf and steps >= 0 else math.nan
        self.level, self.message, self.values, self.heard = level, message, values, now

    def take_report(self, message: DiagnosticArray) -> None:
        """Take a message of ~/status, heard now."""
        for status in message.status:
            level = int.from_bytes(status.level, 'little') if isinstance(status.level, bytes) else int(status.level)
            values = {pair.key: pair.value for pair in status.values}
            self.report(LEVELS[min(level, len(LEVELS) - 1)], status.message, values, time.monotonic())

    def take_active(self, message: Bool) -> None:
        """Take a message of ~/is_active."""
        self.active = message.data

    def take_description(self, message: String) -> None:
        """Take a message of ~/policy/metadata; raises ValueError if it is no JSON."""
        content = json.loads(message.data)
        self.description = content if isinstance(content, dict) else {}

    def take_numbers(self, message: JointState) -> None:
        """Take a message of ~/policy/terms."""
        stamp = message.header.stamp.sec * 10**9 + message.header.stamp.nanosec
        self.numbers = Numbers(stamp, dict(zip(message.name, message.position)))

    def take_log(self, message: Log) -> None:
        """Take a message of its log; it keeps warnings and errors."""
        if message.level >= Log.WARN:
            level = 'warn' if message.level < Log.ERROR else 'error'
            self.faults.append(Fault(message.stamp.sec + 1e-9 * message.stamp.nanosec, level, message.msg))

    def state(self, now: float) -> str:
        """Return gone, silent, active, inactive, unconfigured or waiting (not heard yet). now: s, steady."""
        if not self.present:
            return 'gone' if math.isfinite(self.heard) else 'waiting'
        if now - self.heard > SILENT:
            return 'silent' if math.isfinite(self.heard) else 'waiting'
        return 'active' if self.active else re.split(r'\W', self.message, maxsplit=1)[0] or 'inactive'

    @property
    def reasons(self) -> dict[str, str]:
        """The robot, or rows → why it does not act."""
        return {key: value for key, value in self.values.items() if not _FIGURES.fullmatch(key)}

    def figures(self, prefix: str) -> dict[str, str]:
        """Return what follows a prefix in the keys of the report, without a unit → value."""
        found = {key.removeprefix(prefix): value for key, value in self.values.items() if key.startswith(prefix)}
        return {re.sub(r' \[.*\]$', '', key): value for key, value in found.items()}

    @staticmethod
    def _steps(values: Mapping[str, str]) -> float:
        text = values.get('steps', '')
        return int(text) if text.isdigit() else math.nan
