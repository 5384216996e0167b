# SPDX-License-Identifier: Apache-2.0
"""Faults of the order and of the sign of numbers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rl_policy_node.mismatch.case import Case, Correction, differs, Indices
from rl_policy_node.mismatch.hypothesis import Hypothesis
from rl_policy_node.mismatch.judge import NEARLY_ALL
from rl_policy_node.mismatch.linear import ratios, slopes
from rl_policy_node.mismatch.matching import matchings
from rl_policy_node.mismatch.phrases import several
from rl_policy_node.mismatch.series import Floats, Mask

_MOST_COLUMNS = 256
_PROBES = 64
_CORRELATED = 1 - 1e-5


class JointOrder(Hypothesis):
    """The numbers come in another order: expected[i] = got[p[i]]."""

    name = 'joint order'

    def corrections(self, case: Case) -> Iterator[Correction]:
        expected, got = case.fitting()
        if not 2 <= case.size <= _MOST_COLUMNS or not len(expected):
            return
        wrong = differs(expected, got, case.tolerance)
        # an element that is wrong now and then, as after resets, is not displaced
        moved = np.flatnonzero(wrong.sum(axis=0) > (1 - NEARLY_ALL) * wrong.any(axis=1).sum())
        # which number of got may be which of expected, by a few lines: (n, n)
        lines = np.linspace(0, len(expected) - 1, min(_PROBES, len(expected))).astype(int)
        apart = differs(expected[lines, :, np.newaxis], got[lines, np.newaxis, :], case.tolerance)
        alike = np.asarray(apart.mean(axis=0) < 0.1)
        for element in moved:
            alike[element] &= _repairs(expected[:, element], got, wrong[:, element], alike[element], case.tolerance)
        yield from _orders(case, alike, moved)

    def guesses(self, case: Case) -> Iterator[Correction]:
        """Yield the order by correlation, which neither signs, scales nor offsets change."""
        expected, got = case.fitting()
        if not 2 <= case.size <= _MOST_COLUMNS or len(expected) < 3:
            return
        left, right = (side - side.mean(axis=0) for side in (expected, got))
        sizes = np.outer(np.linalg.norm(left, axis=0), np.linalg.norm(right, axis=0))
        moving = sizes > 1e-9 * len(expected)
        correlation = np.abs(left.T @ right) / np.where(moving, sizes, 1.0)
        # one that stands still is linear only in itself
        linear: Mask = np.where(moving, correlation > _CORRELATED, np.eye(case.size, dtype=bool))
        yield from _orders(case, linear, np.arange(case.size))


class Sign(Hypothesis):
    """Some numbers come with the opposite sign."""

    name = 'sign'

    def corrections(self, case: Case) -> Iterator[Correction]:
        yield from self._flipped(case, ratios(*case.fitting()))

    def guesses(self, case: Case) -> Iterator[Correction]:
        """Yield signs by slope, which offsets do not change."""
        yield from self._flipped(case, slopes(*case.fitting()))

    def _flipped(self, case: Case, factor: Floats) -> Iterator[Correction]:
        sign = np.where(factor < 0, -1.0, 1.0)
        flipped = [case.label(element) for element in np.flatnonzero(sign < 0)]
        if flipped:
            sentence = f'the sign is the opposite of what is expected: {several(flipped)}'
            yield Correction(case.got * sign, sentence, case.draft.scaled(sign), each=True)


def _repairs(expected: Floats, got: Floats, wrong: Mask, maybe: Mask, tolerance: float) -> Mask:
    """Return which numbers of got (lines, n) are the one of expected (lines,), where its own is wrong and elsewhere."""
    right = np.zeros(len(maybe), dtype=bool)
    for column in np.flatnonzero(maybe):
        same = ~differs(expected, got[:, column], tolerance)
        right[column] = all(same[lines].mean() >= NEARLY_ALL for lines in (wrong, ~wrong) if lines.any())
    return right


def _orders(case: Case, alike: Mask, moved: Indices) -> Iterator[Correction]:
    """Yield the orders in which each of the moved numbers is like one of them."""
    found = matchings(alike[np.ix_(moved, moved)], most=2)
    twins = alike[moved].sum(axis=1) > 1
    labels = [case.label(element) for element in moved[twins]]
    doubt = f'the data fit several orders; alike: {several(labels)}' if labels else ''
    for matching in found:
        order = np.arange(case.size)
        order[moved] = moved[matching]
        if (order != np.arange(case.size)).any():
            yield Correction(
                case.got[:, order], _order_in_words(case, order), case.draft.permuted(order), each=True, doubt=doubt
            )


def _order_in_words(case: Case, order: Indices) -> str:
    label, moved = case.label, [element for element in range(len(order)) if order[element] != element]
    if all(order[order[element]] == element for element in moved):
        exchanged = [f'{label(one)} and {label(order[one])}' for one in moved if one < order[one]]
        return f'exchanged: {several(exchanged)}'
    if case.observed:  # the file calls a place after what comes there
        return several([f'{label(place)} comes where {label(order[place])} is expected' for place in moved])
    return several([f'{label(order[joint])} gets the command of {label(joint)}' for joint in moved])
