# SPDX-License-Identifier: Apache-2.0
"""Faults of offset and scale, and how factors are estimated: by medians, which a few odd samples do not move."""

from __future__ import annotations

from collections.abc import Iterator
import math

import numpy as np

from rl_policy_node.mismatch.case import Case, Correction
from rl_policy_node.mismatch.hypothesis import Hypothesis
from rl_policy_node.mismatch.phrases import named, number, several
from rl_policy_node.mismatch.series import Floats

# factors of common units
_UNITS = {
    180 / math.pi: 'degrees for radians',
    math.pi / 180: 'radians for degrees',
    1000.0: 'mm for m',
    0.001: 'm for mm',
}


def ratios(expected: Floats, got: Floats) -> Floats:
    """Return the median of expected / got (lines, n), (n,), where got is large; 1 where it is always zero."""
    size = np.abs(got)
    strong = (size > 0.1 * size.max(axis=0, initial=0.0)) & (size > 1e-12)
    factor = np.ones(expected.shape[1])
    defined = strong.any(axis=0)
    quotient = expected[:, defined] / np.where(strong, got, np.nan)[:, defined]
    factor[defined] = np.nanmedian(quotient, axis=0)
    return factor


def slopes(expected: Floats, got: Floats) -> Floats:
    """Return the same of changes between samples half the lines apart: offsets do not count."""
    half = len(expected) // 2
    return ratios(expected[half:] - expected[: len(expected) - half], got[half:] - got[: len(got) - half])


class Offset(Hypothesis):
    """A constant is missing: expected = got + c, one c per number."""

    name = 'offset'

    def corrections(self, case: Case) -> Iterator[Correction]:
        expected, got = case.fitting()
        if len(expected):
            yield from self._shifted(case, np.median(expected - got, axis=0))

    def guesses(self, case: Case) -> Iterator[Correction]:
        """Yield the constant that a part of the samples agrees on: a clip takes it from the others."""
        expected, got = case.fitting()
        if not len(expected):
            return
        # the middle of the shortest interval that holds a fifth of each column
        ordered, count = np.sort(expected - got, axis=0), max(1, len(expected) // 5)
        start = (ordered[count - 1 :] - ordered[: len(ordered) - count + 1]).argmin(axis=0)
        yield from self._shifted(case, ordered[start + count // 2, np.arange(case.size)])

    def _shifted(self, case: Case, change: Floats) -> Iterator[Correction]:
        change[np.abs(change) <= case.tolerance] = 0.0
        if not change.any():
            return
        draft = case.draft.shifted(change)
        parts = [f'{case.label(element)} {number(-change[element])}' for element in np.flatnonzero(change)]
        name = named(draft.offset, case.scene.constants, case.tolerance)
        sentence = f'what comes is too large by a constant: {several(parts)}'
        yield Correction(case.got + change, sentence + (f'; the right offset:{name}' if name else ''), draft, each=True)


class Scale(Hypothesis):
    """A factor is missing: expected = f · got, one f for all numbers, or one per number."""

    name = 'scale'
    nested = True

    def corrections(self, case: Case) -> Iterator[Correction]:
        expected, got = case.fitting()
        one = ratios(expected.reshape(-1, 1), got.reshape(-1, 1))
        yield from self._scaled(case, np.broadcast_to(one, case.size))
        yield from self._scaled(case, ratios(expected, got))

    def guesses(self, case: Case) -> Iterator[Correction]:
        """Yield factors by slope, which offsets do not change, then by value."""
        factors = slopes(*case.fitting())
        yield from self._scaled(case, np.full(case.size, np.median(factors)))
        yield from self._scaled(case, factors)
        yield from self.corrections(case)

    def _scaled(self, case: Case, factor: Floats) -> Iterator[Correction]:
        # a factor of −1 is a sign; one of 0 says that one side is silent
        if np.all(np.abs(np.abs(factor) - 1) < 1e-4) or not np.all(np.isfinite(factor) & (factor != 0)):
            return
        if np.allclose(factor, factor[0], rtol=case.tolerance, atol=0):
            units = [name for unit, name in _UNITS.items() if math.isclose(factor[0], unit, rel_tol=1e-5)]
            factors = ', '.join([number(float(factor[0])), *units])
        else:
            changed = np.flatnonzero(np.abs(factor - 1) > case.tolerance)
            factors = several([f'{case.label(element)} {number(factor[element])}' for element in changed])
        draft = case.draft.scaled(factor)
        name = named(draft.scale, case.scene.constants, case.tolerance)
        sentence = f'what comes lacks a factor: {factors}{name}'
        yield Correction(case.got * factor, sentence, draft, each=bool(np.ptp(factor) > case.tolerance))
