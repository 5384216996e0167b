# SPDX-License-Identifier: Apache-2.0
"""Faults of the form of quaternions: the order of their numbers, and which of q and −q stands for a rotation."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rl_policy_node.mismatch.case import Case, Correction
from rl_policy_node.mismatch.hypothesis import Hypothesis
from rl_policy_node.mismatch.series import Floats
from rl_policy_node.mismatch.term_draft import Draft

_ORDERS = {'wxyz': (3, 0, 1, 2), 'xyzw': (1, 2, 3, 0)}  # what comes in the other order, in this one
_UNIT = 1e-3


def quaternion_columns(case: Case) -> list[slice]:
    """Return which columns are quaternions: all, or those after the position of each pose, where they are unit."""
    starts: tuple[int, ...] = ()
    if case.size % 4 == 0:
        starts = tuple(range(0, case.size, 4))
    elif case.size % 7 == 0:
        starts = tuple(range(3, case.size, 7))
    columns = [slice(start, start + 4) for start in starts]
    units = (np.linalg.norm(side[:, part], axis=1) for part in columns for side in case.fitting())
    return columns if all(np.all(np.abs(norm - 1) < _UNIT) for norm in units) else []


def as_xyzw(case: Case, quaternion: Floats) -> Floats:
    """Return quaternions (…, 4) in the order of the file as x, y, z, w."""
    return quaternion if case.series.written.convention == 'xyzw' else quaternion[..., [1, 2, 3, 0]]


def from_xyzw(case: Case, quaternion: Floats) -> Floats:
    """Return quaternions (…, 4) x, y, z, w in the order of the file."""
    return quaternion if case.series.written.convention == 'xyzw' else quaternion[..., [3, 0, 1, 2]]


def with_sign_of(expected: Floats, quaternion: Floats) -> Floats:
    """Return q or −q (…, 4), whichever is nearer to the expected."""
    opposite = np.sum(expected * quaternion, axis=-1, keepdims=True) < 0
    return np.where(opposite, -quaternion, quaternion)


class QuaternionOrder(Hypothesis):
    """x, y, z, w comes where w, x, y, z is expected, or the other way round."""

    name = 'quaternion order'
    covers = ('joint order',)

    def corrections(self, case: Case) -> Iterator[Correction]:
        columns = quaternion_columns(case)
        for convention, order in _ORDERS.items() if columns else ():
            got = case.got.copy()
            for part in columns:
                got[:, part] = case.got[:, part][:, order]
            other = 'xyzw' if convention == 'wxyz' else 'wxyz'
            sentence = f'the quaternion comes as {", ".join(other)}, and {", ".join(convention)} is expected'
            yield Correction(got, sentence, self._draft(case, convention))

    def _draft(self, case: Case, convention: str) -> Draft:
        if case.observed and case.series.written.convention != convention:
            return case.draft.advised(convention=convention)
        return case.draft.advised(f'what feeds the term must carry x, y, z, w; the order of training is {convention}')


class QuaternionSign(Hypothesis):
    """q comes where −q is expected: the same rotation, other numbers."""

    name = 'quaternion sign'
    covers = ('sign',)

    def corrections(self, case: Case) -> Iterator[Correction]:
        got = case.got.copy()
        columns = quaternion_columns(case)
        for part in columns:
            got[:, part] = with_sign_of(case.expected[:, part], case.got[:, part])
        if (got != case.got).any():
            sentence = 'the rotation is right, but q and −q stand for the same, and the other one is expected'
            yield Correction(got, sentence, self._draft(case, columns))

    def _draft(self, case: Case, columns: list[slice]) -> Draft:
        expected, came = (
            all((as_xyzw(case, side[case.counts, part])[:, 3] >= 0).all() for part in columns)
            for side in (case.expected, case.got)
        )
        if case.observed and expected != came:
            return case.draft.advised(unique_sign='true' if expected else 'false')
        return case.draft.advised('neither side keeps w ≥ 0: the source must publish the sign of training')
