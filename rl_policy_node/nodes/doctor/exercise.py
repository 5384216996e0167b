# SPDX-License-Identifier: Apache-2.0
"""The joints of a robot while one of them is moved, by hand or by a jog."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
import math

import numpy as np

from rl_policy_node.control.arrays import Floats
from rl_policy_node.nodes.interfaces import Message
from rl_policy_node.nodes.topics.source import Source


@dataclass
class Exercise:
    """One joint that was to be moved. source, row: whose messages show it. asked: rad or m, how far; NaN: by hand.

    times: s, steady; positions: joint, as the messages name it → rad or m at these times, NaN where a message lacks it.
    ended: why it ended too early, ''.
    """

    joint: str
    source: str
    row: int
    asked: float = math.nan
    times: list[float] = field(default_factory=list)
    positions: dict[str, list[float]] = field(default_factory=dict)
    ended: str = ''

    def note(self, now: float, joints: Mapping[str, float]) -> None:
        """Keep the positions of a message that came at `now`."""
        if not joints:
            return
        for name in joints.keys() - self.positions.keys():
            self.positions[name] = [math.nan] * len(self.times)
        for name, known in self.positions.items():
            known.append(joints.get(name, math.nan))
        self.times.append(now)

    def moves(self) -> dict[str, Floats]:
        """Return joint → its positions where it was heard, from the first on."""
        arrays = {name: np.asarray(values) for name, values in self.positions.items()}
        return {name: value[np.isfinite(value)] for name, value in arrays.items() if np.isfinite(value).any()}

    def excursion(self) -> dict[str, float]:
        """Return joint → how far it came from where it began, with its sign, rad or m."""
        return {
            name: float((value - value[0])[np.abs(value - value[0]).argmax()]) for name, value in self.moves().items()
        }


def joints_of(source: Source, message: Message) -> dict[str, float]:
    """Return joint → position in a message of any joints; {} if it cannot be read."""
    try:
        if isinstance(message, bytes):
            if source.adapter.from_cdr is None:
                return {}
            arrays, _, names = source.adapter.from_cdr(message)
        else:
            arrays, names = source.adapter.to_arrays(message), source.adapter.names(message)
    except ValueError:
        return {}
    if names is None or 'position' not in arrays:
        return {}
    return dict(zip(names, arrays['position'].tolist()))
