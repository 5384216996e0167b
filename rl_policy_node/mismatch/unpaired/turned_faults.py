# SPDX-License-Identifier: Apache-2.0
"""Faults of rotations: the order, the sign and the direction of quaternions, and the frame of a source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from rl_policy_node import geometry
from rl_policy_node.mismatch.series import Floats
from rl_policy_node.mismatch.unpaired.fault import columns_of, descended, Fault, names_of, PARAMETER, Undoing
from rl_policy_node.mismatch.unpaired.judge_steps import Change, Judge
from rl_policy_node.mismatch.unpaired.view import Part

_ANGLES = np.radians([-135, -90, -60, -45, -30, -20, -10, 10, 20, 30, 45, 60, 90, 135, 180])
_STEP, _FINEST, _LEAST = 0.1, 4e-3, 0.03  # rad
# what comes in place of what → how to undo it
_ORDERS = {('w, x, y, z', 'x, y, z, w'): (1, 2, 3, 0), ('x, y, z, w', 'w, x, y, z'): (3, 0, 1, 2)}
INVERSE = 'the inverse rotation'


class QuaternionOrder(Fault):
    """The numbers of a quaternion come in another order, or as those of the inverse rotation."""

    name = 'quaternion order'

    def undoings(self, judge: Judge) -> Iterator[Undoing]:
        for part in judge.view.parts:
            if part.quaternion:
                inverse = np.where(np.arange(4) == part.w, 1.0, -1.0)
                trials: dict[tuple[Any, ...], Change] = {(INVERSE,): partial(np.multiply, inverse)}
                trials |= {(*way, order): partial(_ordered, order=order) for way, order in _ORDERS.items()}
                for value, change in trials.items():
                    gain = max(_signed_gain(judge, part, change, sign) for sign in (1.0, -1.0))
                    yield Undoing(self.name, (part.name,), gain - float(np.log(6)), value)


def _ordered(value: Floats, order: Sequence[int]) -> Floats:
    return value[:, list(order)]


def _signed_gain(judge: Judge, part: Part, change: Change, sign: float) -> float:
    return judge.gain(columns_of([part]), lambda value: sign * change(value))


class QuaternionSign(Fault):
    """−q comes in place of q, always or now and then."""

    name = 'quaternion sign'

    def undoings(self, judge: Judge) -> Iterator[Undoing]:
        for part in judge.view.parts:
            if part.quaternion:
                columns = columns_of([part])
                axis = judge.physics.x.mean[columns]
                gain = judge.gain(columns, partial(aligned, axis=axis))
                share = float((judge.lines.now[:, columns] @ axis < 0).mean())
                yield Undoing(self.name, (part.name,), gain - float(np.log(2)), (share,))


def aligned(quaternion: Floats, axis: Floats) -> Floats:
    """Return q or −q (lines, 4), whichever is on the side of the axis."""
    return np.where((quaternion @ axis)[:, np.newaxis] < 0, -quaternion, quaternion)


class Frame(Fault):
    """Vectors and orientations of a source are seen from a turned frame, or its sensor is mounted turned."""

    name = 'frame'

    def undoings(self, judge: Judge) -> Iterator[Undoing]:
        for source in judge.view.sources:
            parts = [part for part in judge.view.of_source(source) if part.vector or part.quaternion]
            if not any(part.vector for part in parts):
                continue
            turns = any(part.quaternion for part in parts)
            for own in (False, True) if turns else (False,):
                yield from self._turned(judge, source, parts, own)

    def _turned(self, judge: Judge, source: str, parts: Sequence[Part], own: bool) -> Iterator[Undoing]:
        columns = columns_of(parts)

        def gain(vector: Floats) -> float:
            return judge.gain(columns, lambda value: turned(parts, value, vector, own))

        start = max((angle * axis for axis in np.eye(3) for angle in _ANGLES), key=gain)
        best = descended(gain, start, _STEP, _FINEST)
        if np.linalg.norm(best) > _LEAST:
            value = source, tuple(best.tolist()), own
            yield Undoing(self.name, names_of(parts), gain(best) - 3 * PARAMETER, value, 3)


def turned(parts: Sequence[Part], value: Floats, vector: Floats, own: bool) -> Floats:
    """Return vectors and quaternions (lines, k) turned by a rotation vector; own: about the body's own axes."""
    by = np.broadcast_to(geometry.quaternion_from_rotation_vector(vector[np.newaxis]), (len(value), 4))
    found, start = [], 0
    for part in parts:
        each = value[:, start : start + part.size]
        start += part.size
        if not part.quaternion:
            found.append(geometry.rotate(by, each))
            continue
        q = each if part.w == 3 else each[:, [1, 2, 3, 0]]
        q = geometry.multiply(q, geometry.conjugate(by)) if own else geometry.multiply(by, q)
        # the sign is not what a frame changes
        q = aligned(q, _axis(q))
        found.append(q if part.w == 3 else q[:, [3, 0, 1, 2]])
    return np.concatenate(found, axis=1)


def _axis(quaternion: Floats) -> Floats:
    """Return the axis along which quaternions (lines, 4) lie, the largest number of it positive."""
    if not len(quaternion):
        return geometry.IDENTITY_XYZW
    axis: Floats = np.linalg.eigh(quaternion.T @ quaternion)[1][:, -1]
    return axis if axis[np.argmax(np.abs(axis))] > 0 else -axis
