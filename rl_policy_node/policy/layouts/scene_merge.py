# SPDX-License-Identifier: Apache-2.0
"""Complete a layout by what the simulator says of its scene, and say which numbers come from there."""

from collections.abc import Sequence
from dataclasses import replace
import math
from typing import Any, TypeVar

import numpy as np

from rl_policy_node.policy.layouts.layout import Layout, LayoutAction, LayoutTerm
from rl_policy_node.policy.layouts.simulator_scene import plain, Scene, SceneAction
from rl_policy_node.policy.shared_types import Numbers

Piece = TypeVar('Piece', LayoutTerm, LayoutAction)

# Fields that a scene may fill in, by the name that the parameter file has for them.
_FIELDS = ('kind', 'joints', 'offset', 'scale', 'shape', 'lower', 'upper', 'max_velocity', 'max_effort')
# Kind → the fields that bound its commands on both sides
_BOUNDS = {'joint_velocity': 'max_velocity', 'effort': 'max_effort'}
_AFFINE = 'target = {scale} * action{offset}, per joint'


def completed(layout: Layout | None, scene: Scene) -> Layout | None:
    """Return a layout with the joints, sizes and laws of actions that the scene has; of None only laws are known."""
    if layout is None:
        return None
    inputs = {
        name: tuple(_term(term, scene, scene.terms.get(name, {})) for term in terms)
        for name, terms in layout.inputs.items()
    }
    return replace(
        layout,
        inputs=inputs,
        actions=_actions(layout.actions, scene),
        limits={**layout.limits, **scene.limits},
        control_rate=scene.rate or layout.control_rate,
    )


def attributed(bare: Layout, named: Layout, full: Layout, source: str, file: str) -> Layout:
    """Return `full`, whose descriptions say what comes from `source`, and whose notes say where the file differs.

    bare: as the files say. named: with the names of the joints that source states, and the file's own numbers.
    """
    notes = list(full.notes)
    inputs = {
        name: _told(bare.inputs.get(name, ()), named.inputs.get(name, ()), terms, source, file, notes)
        for name, terms in full.inputs.items()
    }
    actions = _told(bare.actions, named.actions, full.actions, source, file, notes)
    before, now = named.control_rate, full.control_rate
    if before is not None and now is not None and not math.isclose(before, now, rel_tol=1e-6):
        notes.append(f'control_rate is {before:g} Hz in {file}, {now:g} Hz in {source}, which counts here')
    return replace(full, inputs=inputs, actions=actions, notes=tuple(notes))


def _told(
    bare: Sequence[Piece], named: Sequence[Piece], full: Sequence[Piece], source: str, file: str, notes: list[str]
) -> tuple[Piece, ...]:
    before, between = ({piece.name: piece for piece in pieces} for pieces in (bare, named))
    told = []
    for piece in full:
        old = before.get(piece.name)
        changed = [name for name in _FIELDS if getattr(old, name, ()) != getattr(piece, name, ()) and _has(piece, name)]
        if piece.joints or piece.kind == 'last_action':
            changed = [name for name in changed if name != 'shape']
        if changed:
            key = 'description' if isinstance(piece, LayoutTerm) else 'law'
            text: dict[str, Any] = {
                key: '; '.join(filter(None, (getattr(piece, key), f'{", ".join(changed)} from {source}')))
            }
            piece = replace(piece, **text)
        told.append(piece)
        if piece.name in between:
            notes += _differences(between[piece.name], piece, source, file)
    return tuple(told)


def _has(piece: Piece, name: str) -> bool:
    """Return whether a field has a value that the file shows."""
    value: Any = getattr(piece, name, None)
    return value not in (None, ())


def _differences(stated: Piece, piece: Piece, source: str, file: str) -> list[str]:
    """Return a line for each field whose numbers are others in the file than in the simulator; None is not known."""
    found = []
    for name in ('offset', 'scale', 'lower', 'upper', 'max_velocity', 'max_effort'):
        # no offset is one of zeros; no bound is none
        neutral = {'offset': (0.0,), 'scale': (1.0,)}.get(name)
        old, new = (neutral if each == () else each for each in (getattr(stated, name, ()), getattr(piece, name, ())))
        if not old or not new or (stated.joints, stated.kind) != (piece.joints, piece.kind):
            continue
        if len(old) == len(new) or 1 in (len(old), len(new)):
            one, other = np.broadcast_arrays(old, new)
            if np.allclose(one, other, rtol=1e-5, atol=1e-6):
                continue
        by_file, by_source = (', '.join(f'{number:g}' for number in numbers) for numbers in (old, new))
        found.append(f'{piece.name}: {name} is {by_file} in {file}, {by_source} in {source}, which counts here')
    return found


def _term(term: LayoutTerm, scene: Scene, shapes: Any) -> LayoutTerm:
    """Return a term with the names of joints that come in the simulator's own order, and its size."""
    if term.count == 'joints' and not term.joints and term.kind == 'field' and term.subject == 'joints':
        robot = scene.articulations.get(scene.having(()))
        count = None if term.size is None else term.size // max(1, term.history)
        if robot and count in (None, len(robot.names)):
            return replace(term, joints=robot.names, shape=term.shape or (len(robot.names) * max(1, term.history),))
    if term.shape is None and term.history < 2 and term.name in shapes:
        return replace(term, shape=tuple(shapes[term.name]))
    return term


def _actions(actions: tuple[LayoutAction, ...], scene: Scene) -> tuple[LayoutAction, ...]:
    if not scene.actions:
        return actions
    if not actions or len(actions) == 1 and actions[0].kind == 'other' and not _matching(actions[0], scene):
        sizes = [action.size for action in scene.actions]
        known = actions[0].size if actions else None
        fits = None not in sizes and known in (None, sum(size for size in sizes if size))
        return tuple(map(_new, scene.actions)) if fits else actions
    return tuple(_action(action, _matching(action, scene)) for action in actions)


def _matching(action: LayoutAction, scene: Scene) -> SceneAction | None:
    """Return the scene's action of this name, else the only one of the same law and joints, else None."""
    alike = [each for each in scene.actions if each.kind == action.kind and set(each.joints) == set(action.joints)]
    return next((each for each in scene.actions if each.name == action.name), alike[0] if len(alike) == 1 else None)


def _new(stated: SceneAction) -> LayoutAction:
    """Return the action of an environment whose law no file states."""
    law = 'not known: it is no scale and offset for each joint'
    return _action(LayoutAction(stated.name, stated.size, subject='joints' if stated.joints else '', law=law), stated)


def _action(action: LayoutAction, stated: SceneAction | None) -> LayoutAction:
    """Return an action with the numbers of its own law that the simulator states; one of another law as it is."""
    if stated is None or stated.size not in (None, action.size) and action.size is not None:
        return action
    if stated.kind == 'other' or action.kind not in ('other', stated.kind):
        return action if action.size is not None else replace(action, size=stated.size)
    bounds = _bounds(stated)
    if bounds is None:
        return action
    offset = _one(stated.offset)
    law = action.law
    if action.kind == 'other':
        law = _AFFINE.format(scale='scale', offset=' + offset' if any(offset) else '') + (', clipped' if bounds else '')
    return replace(
        action,
        kind=stated.kind,
        size=stated.size,
        joints=stated.joints,
        subject=action.subject or 'joints',
        scale=_one(stated.scale),
        offset=offset if any(offset) else (),
        law=law,
        **bounds,
    )


def _bounds(stated: SceneAction) -> dict[str, Any] | None:
    """Return the fields of an action that bound its targets as the simulator does, None if the node's kind has none."""
    if not stated.lower:
        return {}
    reaches = [
        reach
        for middle, scale, low, high in zip(stated.offset, stated.scale, stated.lower, stated.upper)
        for reach in ((high - middle) / abs(scale or math.nan), (middle - low) / abs(scale or math.nan))
    ]
    if np.allclose(reaches, reaches[0], rtol=1e-5):
        # the same for all: a bound of the action itself
        return {'clip': plain(round(reaches[0], 6))}
    if stated.kind not in _BOUNDS:
        return {'lower': _one(stated.lower), 'upper': _one(stated.upper)}
    symmetric = all(low == -high for low, high in zip(stated.lower, stated.upper))
    return {_BOUNDS[stated.kind]: _one(stated.upper)} if symmetric else None


def _one(numbers: Numbers) -> Numbers:
    """Return one number where all are the same."""
    return numbers[:1] if len(set(numbers)) == 1 else numbers
