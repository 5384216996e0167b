# SPDX-License-Identifier: Apache-2.0
"""Compares two sides of a term, and finds what explains their difference by trying."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rl_policy_node.mismatch.case import Case, Correction, differs
from rl_policy_node.mismatch.hypotheses import HYPOTHESES, PAIRS
from rl_policy_node.mismatch.hypothesis import Hypothesis
from rl_policy_node.mismatch.judge import judge, Judgement
from rl_policy_node.mismatch.notes import note
from rl_policy_node.mismatch.series import Floats, Mask, Scene, Series
from rl_policy_node.mismatch.verdict import Explanation, Verdict

NOTHING = Scene()


def compare(series: Series, scene: Scene = NOTHING, tolerance: float = 1e-5) -> Verdict:
    """Return how far the sides of a series differ, and which hypotheses explain it.

    tolerance: greatest difference that counts as none, relative beyond 1. Pairs of hypotheses are tried only where no
    single one explains. Raises ConfigurationError where the scene has other steps or rows than the series.
    """
    scene.check(*series.begins.shape)
    wrong = differs(series.expected, series.got, tolerance)
    apart, outside = _apart(series, wrong), 0.0
    if series.left_out is not None:
        outside = float(apart[wrong & series.left_out[:, :, np.newaxis]].max(initial=0.0))
        apart[series.left_out], wrong[series.left_out] = 0.0, False
    largest, where = _largest(apart)
    if not wrong.any():
        return Verdict(series.name, largest, where, agrees=True, left_out=outside)
    case = Case.of(series, scene, tolerance)
    found = _singles(case) or _pairs(case)
    return Verdict(series.name, largest, where, False, tuple(found), note(series, wrong), outside)


def _apart(series: Series, wrong: Mask) -> Floats:
    """Return how far the sides are apart, infinite where one is not finite and they differ."""
    with np.errstate(invalid='ignore'):
        apart: Floats = np.abs(series.expected.astype(np.float64) - series.got)
    return np.where(np.isfinite(apart), apart, np.where(wrong, np.inf, 0.0))


def _largest(apart: Floats) -> tuple[float, tuple[int, int, int]]:
    if not apart.size:
        return 0.0, (0, 0, 0)
    step, row, element = np.unravel_index(int(apart.argmax()), apart.shape)
    return float(apart[step, row, element]), (int(step), int(row), int(element))


def _fitting(case: Case, hypothesis: Hypothesis) -> Iterator[tuple[Correction, Judgement]]:
    """Yield the corrections of a hypothesis that explain the case, and how well they do."""
    for correction in hypothesis.corrections(case):
        judged = judge(case, correction)
        if judged is not None:
            yield correction, judged
            if hypothesis.nested:
                return


def _singles(case: Case) -> list[Explanation]:
    found = {name: list(_fitting(case, hypothesis)) for name, hypothesis in HYPOTHESES.items()}
    covered = {general for name, fits in found.items() if fits for general in HYPOTHESES[name].covers}
    return [
        _explanation(name, correction.sentence, correction, judged)
        for name, fits in found.items()
        if name not in covered
        for correction, judged in fits
    ]


def _pairs(case: Case) -> list[Explanation]:
    found = []
    for first, second in PAIRS:
        for guess in HYPOTHESES[first].guesses(case):
            fits = list(_fitting(guess.after(case), HYPOTHESES[second]))
            for correction, judged in fits:
                sentence = f'{guess.sentence}; {correction.sentence}'
                found.append(_explanation(f'{first} + {second}', sentence, correction, judged, guess.doubt))
            if fits and HYPOTHESES[first].nested:
                break
    return found


def _explanation(name: str, sentence: str, correction: Correction, judged: Judgement, doubt: str = '') -> Explanation:
    return Explanation(
        name,
        sentence,
        correction.draft.remedy(),
        judged.residual,
        judged.share,
        '; '.join(filter(None, [doubt, judged.doubt])),
    )
