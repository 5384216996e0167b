# SPDX-License-Identifier: Apache-2.0
"""Write observation terms from a layout: the source, its field, and how the node processes it."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
import math
from typing import Any

from rl_policy_node.nodes.parameters.schema import BLANK
from rl_policy_node.policy.layouts import LayoutAction, LayoutTerm
from rl_policy_node.tools.init.draft_sources import (
    ARRAY,
    Entry,
    IMAGE,
    IMU,
    in_own_frame,
    JOINTS,
    ODOMETRY,
    Sources,
    TWIST,
    TWIST_STAMPED,
    WRENCH,
)

_JOINT_FIELDS = {'joint_position': 'position', 'joint_velocity': 'velocity', 'joint_effort': 'effort'}
_SIZES = {
    'position': 3,
    'orientation': 4,
    'pose': 7,
    'relative_position': 3,
    'relative_orientation': 4,
    'yaw': 1,
    'linear_velocity': 3,
    'angular_velocity': 3,
    'linear_acceleration': 3,
    'gravity': 3,
    'rotated_gravity': 3,
    'force': 3,
    'torque': 3,
    'command': 3,
}
_ENCODINGS = {
    ('image', 3): 'rgb8',
    ('image', 1): 'mono8',
    ('force_field', 1): '32FC1',
    ('force_field', 2): '32FC2',
    ('force_field', 3): '32FC3',
}
# Quantities that two fields carry → suffix, field, indices of the trained numbers, elements of the field.
_PARTS: dict[str, tuple[tuple[str, str, tuple[int, ...], list[int]], ...]] = {
    'command': (('linear', 'linear_velocity', (0, 1), [0, 1]), ('yaw', 'angular_velocity', (2,), [2])),
    'pose': (('position', 'position', (0, 1, 2), []), ('orientation', 'orientation', (3, 4, 5, 6), [])),
}


@dataclass(frozen=True)
class _Part:
    """A term of the file: its values, its message type, and `picked`, indices of the trained numbers (None: all)."""

    values: dict[str, Any]
    carrier: str
    suffix: str = ''
    picked: tuple[int, ...] | None = None


def term_entries(
    term: LayoutTerm, sources: Sources, actions: Collection[LayoutAction], known: bool
) -> list[tuple[str, Entry]]:
    """Return the terms of the file for a LayoutTerm, (name, Entry) each, in order.

    sources: where terms find their source. actions: all LayoutActions. known: whether the layout is known.
    """
    if term.kind == 'last_action':
        filtered = {'smoothing': term.smoothing} if term.smoothing != 1.0 else {}
        values = {'kind': 'last_action', **_elements(term, actions), **filtered, **_numbers(term, None)}
        values |= _history(term)
        return [(term.name, Entry(values, term.description))]
    parts = _parts(term, sources)
    for part in parts:
        sources.note_sender(part.values.get('source', ''), term)
    return [
        (
            f'{term.name}_{part.suffix}' if part.suffix else term.name,
            Entry(
                {**part.values, **_numbers(term, part.picked), **_shape(term, part), **_history(term)},
                _comment(term, part.carrier, known),
            ),
        )
        for part in parts
    ]


def _parts(term: LayoutTerm, sources: Sources) -> list[_Part]:
    """Return the parts of a term: of the messages that carry its quantity, else of an array."""
    if term.kind != 'field' or _count(term) != _SIZES.get(term.quantity, _count(term)) and not term.elements:
        return [_array(term, sources)]
    if term.quantity in _PARTS:
        return _split(term, sources) if not term.history else [_array(term, sources)]
    if term.quantity in _JOINT_FIELDS:
        return [_field(term, sources, JOINTS, _JOINT_FIELDS[term.quantity])]
    if term.quantity in ('image', 'force_field') and _encoding(term):
        return [_field(term, sources, IMAGE, 'image', encoding=_encoding(term))]
    make = _MAKERS.get(term.quantity)
    return [make(term, sources) if make else _array(term, sources)]


def _count(term: LayoutTerm) -> int | None:
    sample: tuple[int, ...] | None = term.sample
    return None if sample is None else math.prod(sample)


def _encoding(term: LayoutTerm) -> str | None:
    sample: tuple[int, ...] | None = term.sample
    return _ENCODINGS.get((term.quantity, sample[2])) if sample and len(sample) == 3 else None


def _array(term: LayoutTerm, sources: Sources) -> _Part:
    return _Part({'source': sources.source_of('', ARRAY, term.name), 'field': 'data'}, ARRAY)


def _field(term: LayoutTerm, sources: Sources, carrier: str, field: str, **values: object) -> _Part:
    source = sources.source_of(term.subject, carrier, term.name, term.frame if carrier != ODOMETRY else '', **values)
    return _Part({'source': source, 'field': field, **_conversion(term)}, carrier)


def _conversion(term: LayoutTerm) -> dict[str, Any]:
    """Return the options by which the node converts a field before it applies offset, clip and scale."""
    return {
        **({'elements': list(term.elements)} if term.elements else {}),
        **({'convention': term.convention or BLANK} if term.convention != 'xyzw' else {}),
        **({'unique_sign': True} if term.unique_sign else {}),
        **({'difference_to_tare': True} if term.tare else {}),
        **({'difference_to_mean': True} if term.difference_to_mean else {}),
        **({'zero_channels': list(term.zero_channels)} if term.zero_channels else {}),
    }


def _split(term: LayoutTerm, sources: Sources) -> list[_Part]:
    carrier = TWIST if term.quantity == 'command' else sources.carrier_of(term.subject)
    source = sources.source_of(term.subject, carrier, term.name, term.frame)
    return [
        _Part(
            {
                'source': source,
                'field': field,
                **({'elements': elements} if elements else {}),
                **(_conversion(term) if field == 'orientation' else {}),
            },
            carrier,
            suffix,
            picked,
        )
        for suffix, field, picked, elements in _PARTS[term.quantity]
    ]


def _of_pose(term: LayoutTerm, sources: Sources) -> _Part:
    return _field(term, sources, sources.carrier_of(term.subject), term.quantity)


def _velocity(term: LayoutTerm, sources: Sources) -> _Part:
    if not in_own_frame(term):
        return _field(term, sources, TWIST_STAMPED, term.quantity)
    odometry = sources.has_odometry(term.subject)
    return _field(term, sources, ODOMETRY if odometry else IMU, term.quantity)


def _gravity(term: LayoutTerm, sources: Sources) -> _Part:
    inverse = {'inverse': False} if term.quantity == 'rotated_gravity' else {}
    source = sources.source_of(term.subject, IMU, term.name)
    return _Part({'kind': 'projected_gravity', 'source': source, **inverse}, IMU)


def _yaw(term: LayoutTerm, sources: Sources) -> _Part:
    carrier = sources.carrier_of(term.subject)
    return _Part({'kind': 'yaw', 'source': sources.source_of(term.subject, carrier, term.name, term.frame)}, carrier)


def _relative(term: LayoutTerm, sources: Sources) -> _Part:
    source, frame = (
        sources.source_of(subject, sources.carrier_of(subject), f'{term.name}_{subject}', term.frame)
        for subject in (term.subject, term.relative_to)
    )
    return _Part(
        {'kind': term.quantity, 'source': source, 'frame_source': frame, 'axes': 'world', **_conversion(term)}, ''
    )


_MAKERS: dict[str, Callable[[LayoutTerm, Sources], _Part]] = {
    'position': _of_pose,
    'orientation': _of_pose,
    'yaw': _yaw,
    'gravity': _gravity,
    'rotated_gravity': _gravity,
    'relative_position': _relative,
    'relative_orientation': _relative,
    'linear_velocity': _velocity,
    'angular_velocity': _velocity,
    'zeros': lambda term, sources: _Part({'kind': 'constant', 'values': [0.0] * (_count(term) or 1)}, ''),
    'setting': lambda term, sources: _Part({'kind': 'constant', 'values': [BLANK] * (_count(term) or 1)}, ''),
    'linear_acceleration': lambda term, sources: _field(term, sources, IMU, term.quantity),
    'force': lambda term, sources: _field(term, sources, WRENCH, term.quantity),
    'torque': lambda term, sources: _field(term, sources, WRENCH, term.quantity),
}


def _shape(term: LayoutTerm, part: _Part) -> dict[str, Any]:
    if part.carrier == JOINTS:
        return {'joints': list(term.joints) or [BLANK] * (_count(term) or 1)}
    if part.carrier == IMAGE and _is_subsampled(term):
        return {'shape': list(term.sensor_shape), 'subsample': term.subsample}
    if part.carrier in (ARRAY, IMAGE):
        return {'shape': [BLANK] if term.sample is None else list(term.sample)}
    return {}


def _is_subsampled(term: LayoutTerm) -> bool:
    """Return whether every nth pixel of the sensor's image, for the n that the run states, is the trained image."""
    if not term.sensor_shape or term.subsample in (None, 1) or term.sample is None:
        return False
    height, width, channels = term.sensor_shape
    return tuple(term.sample) == (-(-height // term.subsample), -(-width // term.subsample), channels)


def _history(term: LayoutTerm) -> dict[str, Any]:
    return {'history': term.history} if term.history > 1 else {}


def _numbers(term: LayoutTerm, picked: tuple[int, ...] | None) -> dict[str, Any]:
    """Return offset, clip and scale if the term has them; blank if the run does not store the numbers.

    picked: indices of the trained numbers, None for all.
    """
    values: dict[str, Any] = {}
    places = range(_count(term) or 1) if picked is None else picked
    for name in ('offset', 'scale'):
        numbers = getattr(term, name)
        if numbers is not None and len(numbers) > 1:
            numbers = [numbers[place] for place in places]
        if numbers is None:
            values[name] = [BLANK] * len(places)
        elif any(n != (1.0 if name == 'scale' else 0.0) for n in numbers):
            values[name] = [float(n) for n in numbers]
        if name == 'offset' and term.clip_range:
            values['clip_range'] = [float(bound) for bound in term.clip_range]
        elif name == 'offset' and math.isfinite(term.clip):
            values['clip'] = float(term.clip)
    return values


def _elements(term: LayoutTerm, actions: Collection[LayoutAction]) -> dict[str, list[int] | list[str]]:
    """Return the elements of the last action that a term of a single action observes; a blank if sizes are open."""
    if len(actions) < 2 or term.count not in {f'actions of {action.name}' for action in actions}:
        return {}
    start = 0
    for action in actions:
        if action.size is None:
            break
        if term.count == f'actions of {action.name}':
            return {'elements': list(range(start, start + action.size))}
        start += action.size
    return {'elements': [BLANK]}


def _comment(term: LayoutTerm, carrier: str, known: bool) -> str:
    parts = [term.description] if known or term.description else ['the whole input, in the trained order']
    parts += [f'in {term.unit}'] if term.unit not in ('', '1') else []
    parts += [f'frame: {term.frame}'] if term.frame and carrier == ARRAY else []
    parts += (
        [f'{term.history} samples, oldest first: publish one at a time']
        if term.history > 1 and carrier == ARRAY
        else []
    )
    parts += ['values of ' + ', '.join(term.joints)] if term.joints and carrier == ARRAY else []
    return '; '.join(part for part in parts if part)
