# SPDX-License-Identifier: Apache-2.0
"""The messages of one topic: when they came, what they were stamped, and which were refused."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from rl_policy_node.adapters.cdr import Cdr
from rl_policy_node.control.arrays import Floats
from rl_policy_node.control.specs import TRANSFORM
from rl_policy_node.nodes.interfaces import Message
from rl_policy_node.nodes.topics.payload import Payload
from rl_policy_node.nodes.topics.source import Source


@dataclass
class Traffic:
    """The messages on a topic of a source.

    row: the first row that they are for. received: s, steady. stamps: ns, of those that could be read; ages: s, of the
    same, by the clock of the stamps; NaN: unstamped. frames: frame_id → number of messages. refused: number of refused
    messages; fault: why the last one was. foreign: number of messages of other drivers. last: the last message that was
    read, or its bytes.
    """

    source: Source
    topic: str
    row: int
    received: list[float] = field(default_factory=list)
    stamps: list[int] = field(default_factory=list)
    ages: list[float] = field(default_factory=list)
    frames: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    fault: str = ''
    foreign: int = 0
    last: Message = None

    def hear(self, message: Message, now: float) -> None:
        """Note that a message came at `now`, s, steady."""
        self.received.append(now)
        try:
            self.frames[self._frame(message)] += 1
        except ValueError:  # it will be refused
            return

    def read(self, message: Message, stamp: int, ros: int) -> None:
        """Note a message that could be read. stamp, ros: ns, of its header and now."""
        self.last = message
        self.stamps.append(stamp)
        self.ages.append((ros - stamp) * 1e-9 if stamp else np.nan)

    def refuse(self, fault: ValueError) -> None:
        """Note that the message was refused."""
        self.refused += 1
        self.fault = str(fault)

    @property
    def gaps(self) -> Floats:
        """The time between messages, s."""
        return np.diff(np.asarray(self.received, dtype=np.float64))

    @property
    def rate(self) -> float:
        """Messages per second, 0 for fewer than two."""
        gaps = self.gaps
        return float(len(gaps) / gaps.sum()) if gaps.size and gaps.sum() > 0 else 0.0

    @property
    def age(self) -> float:
        """The median age by the header stamp, s; NaN: no message is stamped."""
        ages = np.asarray(self.ages, dtype=np.float64)
        ages = ages[np.isfinite(ages)]
        return float(np.median(ages)) if ages.size else float('nan')

    @property
    def repeated(self) -> float:
        """The share of stamped messages that repeat the stamp before."""
        stamps = np.asarray(self.stamps, dtype=np.int64)
        return float(np.mean(np.diff(stamps) == 0)) if len(stamps) > 1 and stamps.any() else 0.0

    def decoded(self) -> Message:
        """Return the last message as an object, None if none could be read."""
        if isinstance(self.last, bytes):
            return Payload(self.source.adapter.message_type).message(self.last)
        return self.last

    def _frame(self, message: Message) -> str:
        if self.source.spec.type == TRANSFORM or not self.source.adapter.has_header:
            return ''
        if not isinstance(message, bytes):
            return self.source.adapter.frame(message)
        cdr = Cdr(message)
        cdr.word()  # the two parts of the stamp
        cdr.word()
        return cdr.text()
