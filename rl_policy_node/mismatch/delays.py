# SPDX-License-Identifier: Apache-2.0
"""Faults in time: one side is steps behind the other, or a history has another order."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rl_policy_node.mismatch.case import by_term, Case, Correction, Indices
from rl_policy_node.mismatch.hypothesis import Hypothesis
from rl_policy_node.mismatch.phrases import steps
from rl_policy_node.mismatch.series import Floats, Mask
from rl_policy_node.mismatch.term_draft import Draft

_MOST_STEPS = 5


class Late(Hypothesis):
    """What comes is k steps behind what is expected, or ahead of it; never across a reset."""

    name = 'late'

    def corrections(self, case: Case) -> Iterator[Correction]:
        for count in range(1, min(_MOST_STEPS, case.blocks[0] - 1) + 1):
            for late in (True, False):
                got, counts = _shifted(case, count if late else -count)
                sentence = f'what comes is {steps(count)} {"late" if late else "early"}'
                yield Correction(got, sentence, _timed(case, late), counts=counts)


class HistoryOrder(Hypothesis):
    """A history is expected newest first, step by step or number by number, and comes oldest first, term by term."""

    name = 'history order'

    def corrections(self, case: Case) -> Iterator[Correction]:
        for sentence, layout in _layouts(case):
            place = np.argsort(layout.reshape(-1))[by_term(case.series).reshape(-1)]
            got = _rearranged(case, case.got, place)
            yield Correction(got, sentence, _ordered(case), counts=np.asarray(np.isfinite(got).all(axis=1)))

    def guesses(self, case: Case) -> Iterator[Correction]:
        """Yield expected in the file's order, so that each column keeps its meaning."""
        for sentence, layout in _layouts(case):
            place = np.argsort(by_term(case.series).reshape(-1))[layout.reshape(-1)]
            expected = _rearranged(case, case.expected, place)
            yield Correction(case.got, sentence, _ordered(case), expected=expected)


def _shifted(case: Case, count: int) -> tuple[Floats, Mask]:
    """Return what came `count` steps later, and for which lines there is one in the same episode."""
    lines = np.arange(len(case.got))
    source = lines + count * case.blocks[1] * case.blocks[2]
    inside = (source >= 0) & (source < len(lines))
    source = np.where(inside, source, lines)
    counts = inside & (case.episodes[source] == case.episodes) & case.counts[source]
    counts &= case.fresh & case.fresh[source]
    return case.got[source], counts


def _timed(case: Case, late: bool) -> Draft:
    if late:
        advice = 'no option of a term looks ahead: `trigger: observation` or `lockstep` waits for new messages, and the'
        return case.draft.advised(f'{advice} {"source" if case.observed else "controller"} must not hold values back')
    if case.observed:
        return case.draft.advised('training delayed this: a term of `kind: function` can keep the last values')
    return case.draft.advised('training delayed this: what takes the command must delay it likewise')


def _layouts(case: Case) -> Iterator[tuple[str, Indices]]:
    """Yield orders of a history other than the file's, and where sample h and number e lie in them: (history, n)."""
    history, size = case.blocks[2], case.size
    known = [by_term(case.series)]
    if history < 2:
        return
    ways = {
        'term by term': by_term(case.series),
        'step by step, all terms of a step together': np.arange(history * size).reshape(history, size),
        'number by number, all samples of a number together': np.arange(history * size).reshape(size, history).T,
    }
    for way, layout in ways.items():
        for first in ('oldest', 'newest'):
            order = layout if first == 'oldest' else layout[::-1]
            if not any(np.array_equal(order, one) for one in known):
                known.append(order)
                yield f'the history is expected {first} first, {way}, and comes oldest first, term by term', order


def _rearranged(case: Case, lines: Floats, place: Indices) -> Floats:
    """Return lines (lines, n) whose numbers within a step are taken from other places."""
    return lines.reshape(-1, case.blocks[2] * case.size)[:, place].reshape(lines.shape)


def _ordered(case: Case) -> Draft:
    return case.draft.advised('`history` is oldest first, term by term: another order needs a term of `kind: function`')
