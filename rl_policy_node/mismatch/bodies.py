# SPDX-License-Identifier: Apache-2.0
"""Faults of the body whose motion is read: another body, or a point fixed to the right one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from rl_policy_node import geometry
from rl_policy_node.mismatch.case import Case, Correction, differs
from rl_policy_node.mismatch.hypothesis import Hypothesis
from rl_policy_node.mismatch.phrases import number
from rl_policy_node.mismatch.quaternion_form import as_xyzw, from_xyzw, quaternion_columns, with_sign_of
from rl_policy_node.mismatch.series import Body, Floats
from rl_policy_node.mismatch.term_draft import Draft

_LEAST_ANGLE = 1e-4  # rad: a smaller turn of a body is none


class WrongBody(Hypothesis):
    """Another body's value is expected, and this one's comes: in the world's frame, the base's, or the body's own."""

    name = 'wrong body'
    covers = ('body offset',)

    def corrections(self, case: Case) -> Iterator[Correction]:
        values = {name: _values(case, body) for name, body in case.scene.every().items()}
        seen: list[Floats] = []
        for way in {way: None for value in values.values() for way in value}:
            those = {name: value[way] for name, value in values.items() if way in value}
            # without a body whose value comes, the expected one would explain whatever is wrong with its own
            came = [name for name, value in those.items() if _same(case, _signed(case, value, case.got), case.got)]
            for name in those if came else ():
                if name not in came:
                    sentence = f'the value of {name} is expected, and that of {" or ".join(came)} comes'
                    got = _signed(case, those[name], case.expected)
                    # two ways are one where axes are parallel
                    if not any(_same(case, got, other) for other in seen):
                        seen.append(got)
                        yield Correction(got, sentence, _read(case, name), case.known)


class BodyOffset(Hypothesis):
    """A point or a frame fixed to a body is expected, and the body's own comes: p + R(q) c, and q ⊗ d."""

    name = 'body offset'

    def corrections(self, case: Case) -> Iterator[Correction]:
        if case.size not in (3, 4, 7) or np.ptp(case.draft.scale) or not case.draft.scale.all():
            return
        turn = _turn(case)
        if turn is not None:
            yield _mounted(case, turn.got, turn.place)
        if case.size == 4:
            return
        seen: list[Floats] = []
        for start in (Mount(case.got, ''), *([] if turn is None else [turn])):
            for name, orientation in _frames(case):
                moved = _moved(case, start, name, orientation)
                if moved is not None and not any(_same(case, moved.got, other) for other in seen):
                    seen.append(moved.got)
                    yield _mounted(case, moved.got, f'{moved.place} in the frame of {name}')


@dataclass(frozen=True, eq=False)
class Mount:
    """What a constant pose on a body makes of what came, (lines, n), and that pose in words."""

    got: Floats
    place: str


def _same(case: Case, left: Floats, right: Floats) -> bool:
    lines = case.counts & case.known
    return not differs(left[lines], right[lines], case.tolerance).any()


def _signed(case: Case, value: Floats, like: Floats) -> Floats:
    """Return a value whose quaternion, if it has one, has the sign of another value's."""
    if case.size == 3:
        return value
    return np.concatenate([value[:, :-4], with_sign_of(like[:, -4:], value[:, -4:])], axis=1)


def _values(case: Case, body: Body) -> dict[str, Floats]:
    """Return what the term would be for this body, by the way in which it is seen."""
    positions, orientations = _positions(case, body), _orientations(case, body)
    if case.size == 3:
        vectors = {**positions, **_velocities(case, body)}
        return {way: case.draft.cooked(vector) for way, vector in vectors.items()}
    if case.size == 4:
        return orientations
    if case.size != 7:
        return {}
    ways = [way for way in positions if way in orientations]
    return {way: np.concatenate([positions[way], orientations[way]], axis=1) for way in ways}


def _positions(case: Case, body: Body) -> dict[str, Floats]:
    base = case.scene.base
    if body.position is None:
        return {}
    ways = {'world': case.at(body.position)}
    if base is not None and base.position is not None:
        ways['from base'] = ways['world'] - case.at(base.position)
        if base.orientation is not None:
            ways['base'] = geometry.rotate_inverse(_unit(case, base.orientation), ways['from base'])
    return ways


def _velocities(case: Case, body: Body) -> dict[str, Floats]:
    base, ways = case.scene.base, {}
    for name, velocity in (('linear', body.linear_velocity), ('angular', body.angular_velocity)):
        if velocity is not None:
            ways[name] = case.at(velocity)
            if body.orientation is not None:
                ways[f'{name}, own'] = geometry.rotate_inverse(_unit(case, body.orientation), ways[name])
            if base is not None and base.orientation is not None:
                ways[f'{name}, base'] = geometry.rotate_inverse(_unit(case, base.orientation), ways[name])
    return ways


def _orientations(case: Case, body: Body) -> dict[str, Floats]:
    base = case.scene.base
    if body.orientation is None:
        return {}
    ways = {'world': _unit(case, body.orientation)}
    if base is not None and base.orientation is not None:
        turn = geometry.conjugate(_unit(case, base.orientation))
        ways['base'] = geometry.multiply(turn, ways['world'])
    return {way: from_xyzw(case, orientation) for way, orientation in ways.items()}


def _unit(case: Case, orientation: Floats) -> Floats:
    return geometry.normalize_quaternion(case.at(orientation))


def _frames(case: Case) -> Iterator[tuple[str, Floats]]:
    """Yield the orientation (lines, 4) of the bodies that a point may be fixed to, as the term's frame sees it."""
    if case.size == 7 and quaternion_columns(case):
        yield 'the body itself', geometry.normalize_quaternion(as_xyzw(case, case.got[:, 3:]))
    for name, body in case.scene.every().items():
        if body.orientation is not None:
            yield name, _unit(case, body.orientation)
    base = case.scene.base
    if base is not None and base.orientation is not None:
        turn = geometry.conjugate(_unit(case, base.orientation))
        for name, body in case.scene.bodies.items():
            if body.orientation is not None:
                yield f'{name}, seen from the base', geometry.multiply(turn, _unit(case, body.orientation))


def _turn(case: Case) -> Mount | None:
    """Return an orientation turned by a constant rotation about its own axes, where there is one."""
    lines = case.fits & case.counts
    if case.size == 3 or not quaternion_columns(case) or not lines.any():
        return None
    part = slice(case.size - 4, case.size)
    # lines that do not count may be zeros, as before the first step of a simulator
    with np.errstate(invalid='ignore'):
        expected, came = (
            geometry.normalize_quaternion(as_xyzw(case, side[:, part])) for side in (case.expected, case.got)
        )
    between = geometry.multiply(geometry.conjugate(came), expected)[lines]
    middle = geometry.normalize_quaternion(np.median(with_sign_of(between[:1], between), axis=0))
    vector = geometry.rotation_vector_from_quaternion(middle)
    if np.linalg.norm(vector) < _LEAST_ANGLE:
        return None
    turned = with_sign_of(expected, geometry.multiply(came, np.broadcast_to(middle, came.shape)))
    got = case.got.copy()
    got[:, part] = from_xyzw(case, turned)
    return Mount(got, f'rotation vector {_listed(vector)} rad')


def _moved(case: Case, start: Mount, name: str, orientation: Floats) -> Mount | None:
    """Return a position moved by a constant translation in a body's frame after `start`, where there is one."""
    scale = case.draft.scale[0] if case.observed else 1.0
    lines = case.fits & case.counts & case.known
    if not lines.any():
        return None
    away = (case.expected[:, :3] - case.got[:, :3]) / scale
    point = np.median(geometry.rotate_inverse(orientation[lines], away[lines]), axis=0)
    if np.abs(point).max() <= case.tolerance:
        return None
    got = start.got.copy()
    got[:, :3] += scale * geometry.rotate(orientation, np.broadcast_to(point, away.shape))
    return Mount(got, ', '.join(filter(None, [f'{_listed(point)} m', start.place])))


def _mounted(case: Case, got: Floats, place: str) -> Correction:
    sentence = f'a frame fixed to the body is expected, at {place}, and the body itself comes'
    if case.observed:
        advice = 'no option adds it: publish a static transform from the body, and read that frame (tf2, source_frame)'
        draft = case.draft.advised(f'{advice}: {place}')
    else:
        draft = case.draft.advised(f"the controller's frame must lie at {place} on the body")
    return Correction(got, sentence, draft, case.known)


def _listed(vector: Floats) -> str:
    return f'[{", ".join(map(number, np.round(vector, 6)))}]'


def _read(case: Case, name: str) -> Draft:
    if not case.observed:
        return case.draft.advised(f'the command must move {name}: its topic, or the controller, takes another body')
    return case.draft.advised(f'the source must carry the pose of {name}; of type tf2, source_frame: {name}')
