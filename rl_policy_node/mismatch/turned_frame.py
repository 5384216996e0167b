# SPDX-License-Identifier: Apache-2.0
"""Faults of the frame that vectors are in: the world's, the base's, or that of the base's heading."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce

from rl_policy_node import geometry
from rl_policy_node.mismatch.case import Case, Correction, differs
from rl_policy_node.mismatch.hypothesis import Hypothesis
from rl_policy_node.mismatch.series import Floats
from rl_policy_node.mismatch.term_draft import Draft

_INTO, _OUT = {'kind': 'rotate'}, {'kind': 'rotate', 'inverse': 'false'}
_YAW = {'yaw_only': 'true'}
_FRAME_SOURCE = "frame_source: the source of the base's orientation"


@dataclass(frozen=True)
class Turn:
    """Turns by the base's orientation q, or by its yaw alone, y; q* and y* are their inverses; the last acts first."""

    by: tuple[str, ...]
    sentence: str
    options: dict[str, str]


# what comes is to be turned; or the file turns it already, otherwise than training did
_TURNS = (
    Turn(('q*',), "comes in the world's frame, and is expected in the base's", _INTO),
    Turn(('q',), "comes in the base's frame, and is expected in the world's", _OUT),
    Turn(('y*',), "comes in the world's frame, and is expected in that of the base's heading", {**_INTO, **_YAW}),
    Turn(('y',), "comes in the frame of the base's heading, and is expected in the world's", {**_OUT, **_YAW}),
    Turn(('q*', 'y'), 'is turned by the yaw, and is expected turned by the whole orientation', {'yaw_only': 'false'}),
    Turn(('y*', 'q'), 'is turned by the whole orientation, and is expected turned by the yaw', _YAW),
    Turn(('q', 'q'), 'is turned into the frame of the base, and is expected turned out of it', {'inverse': 'false'}),
    Turn(('q*', 'q*'), 'is turned out of the frame of the base, and is expected turned into it', {'inverse': 'true'}),
    Turn(('y', 'y'), 'is turned into the heading, and is expected turned out of it', {'inverse': 'false'}),
    Turn(('y*', 'y*'), 'is turned out of the heading, and is expected turned into it', {'inverse': 'true'}),
)


class Frame(Hypothesis):
    """Vectors come in another frame than expected: R v with R of the base's orientation, its inverse, or yaw alone."""

    name = 'frame'

    def corrections(self, case: Case) -> Iterator[Correction]:
        base = case.scene.base
        if base is None or base.orientation is None or case.size % 3:
            return
        turns = _rotations(geometry.normalize_quaternion(case.at(base.orientation)))
        vectors = case.draft.raw(case.got).reshape(-1, case.size // 3, 3)
        for turn in _TURNS:
            if case.series.written.kind == 'field' and len(turn.by) > 1:
                continue  # it turns nothing yet
            by = geometry.matrix_from_quaternion(reduce(geometry.multiply, (turns[name] for name in turn.by)))
            got = case.draft.cooked((vectors @ by.swapaxes(1, 2)).reshape(case.got.shape))
            if differs(got, case.got, case.tolerance).any():
                yield Correction(got, f'the vector {turn.sentence}', _draft(case, turn), counts=case.known)


def _rotations(orientation: Floats) -> dict[str, Floats]:
    yaw = geometry.yaw_quaternion(orientation)
    return {'q': orientation, 'y': yaw, 'q*': geometry.conjugate(orientation), 'y*': geometry.conjugate(yaw)}


def _draft(case: Case, turn: Turn) -> Draft:
    if not case.observed:
        return case.draft.advised('no option turns a command: what takes it must expect this frame')
    kind = case.series.written.kind
    if kind.startswith('relative_') and len(turn.by) == 1:
        # q* and y* turn into the frame, which axes: frame does, and q and y undo it
        return case.draft.advised(axes='frame' if turn.by[0].endswith('*') else 'world', **_yaw(turn))
    if kind == 'rotate' and len(turn.by) == 1:
        return case.draft.advised('the source is in the expected frame already', kind='field')
    advice = (_FRAME_SOURCE,) if len(turn.by) == 1 else ()
    return case.draft.advised(*advice, **turn.options)


def _yaw(turn: Turn) -> dict[str, str]:
    return _YAW if turn.by == ('y*',) else {}
