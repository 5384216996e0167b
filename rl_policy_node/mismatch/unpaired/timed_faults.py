# SPDX-License-Identifier: Apache-2.0
"""Faults in time: a source or the commands are late, or a source is smoothed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from rl_policy_node.mismatch.case import Indices
from rl_policy_node.mismatch.series import Floats, Mask
from rl_policy_node.mismatch.unpaired.fault import columns_of, Fault, names_of, PARAMETER, Undoing
from rl_policy_node.mismatch.unpaired.judge_steps import Judge
from rl_policy_node.mismatch.unpaired.view import Part, View

MOST_LATE = 12  # steps
_SHARES = (0.75, 0.6, 0.5, 0.4, 0.3, 0.25, 0.2, 0.15, 0.1, 0.07, 0.05)
_SOURCE_FIRST = 0.97  # where a source or the commands may be late alike, look at the source first


class Delay(Fault):
    """A source is some steps late, or all of them are."""

    name = 'delay'

    def undoings(self, judge: Judge) -> Iterator[Undoing]:
        view = judge.view
        groups: list[Sequence[Part]] = [view.of_source(source) for source in view.sources]
        for parts in groups + ([view.parts] if len(groups) > 1 else []):
            columns = columns_of(parts)
            gains = []
            for late in range(1, MOST_LATE + 1):
                x, known = _later(view, columns, late)
                gains.append(judge.gain_of(view.with_x(x, known), columns))
            best = int(np.argmax(gains))
            if gains[best] > -np.inf:
                yield Undoing(self.name, names_of(parts), gains[best] - PARAMETER, (best + 1,), 1)


def _later(view: View, columns: Indices, late: int) -> tuple[Floats, Mask]:
    """Return the numbers with some columns taken from later steps, and where there are any."""
    x, known = view.x.copy(), np.zeros(view.steps.shape, dtype=bool)
    x[:-late, :, columns] = view.x[late:, :, columns]
    episode = view.episode
    known[:-late] = episode[late:] == episode[:-late]
    return x, known


class LateCommand(Fault):
    """The robot follows its commands some steps later than the simulated one."""

    name = 'late command'

    def undoings(self, judge: Judge) -> Iterator[Undoing]:
        view, episode, gains = judge.view, judge.view.episode, []
        for late in range(1, MOST_LATE + 1):
            c, known = view.c.copy(), np.zeros(view.steps.shape, dtype=bool)
            c[late:] = view.c[:-late]
            known[late:] = episode[late:] == episode[:-late]
            gains.append(judge.gain_of(view.with_c(c, known), np.arange(view.x.shape[2])))
        best = int(np.argmax(gains))
        if gains[best] > -np.inf:
            yield Undoing(self.name, (), _SOURCE_FIRST * gains[best] - PARAMETER, (best + 1,), 1)


class Filter(Fault):
    """A source passes a low-pass filter of the first order."""

    name = 'filter'

    def undoings(self, judge: Judge) -> Iterator[Undoing]:
        view = judge.view
        for source in view.sources:
            parts = view.of_source(source)
            columns = columns_of(parts)
            gains = [
                judge.gain_of(view.with_x(_sharp(view, columns, share)), columns, relative=True) for share in _SHARES
            ]
            best = int(np.argmax(gains))
            if gains[best] > -np.inf:
                yield Undoing(self.name, names_of(parts), gains[best] - PARAMETER, (_SHARES[best],), 1)


def _sharp(view: View, columns: Indices, share: float) -> Floats:
    """Return the numbers with some columns as they were before a filter that takes a share of each new value."""
    came = view.x[:, :, columns]
    x: Floats = view.x.copy()
    sharp = (came[1:] - (1 - share) * came[:-1]) / share
    x[1:, :, columns] = np.where(view.steps[:-1, :, np.newaxis], sharp, came[1:])
    return x
