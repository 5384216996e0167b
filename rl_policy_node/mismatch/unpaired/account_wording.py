# SPDX-License-Identifier: Apache-2.0
"""What is said of each fault, and which line of the parameter file mends it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
import math
from typing import Any, NamedTuple

import numpy as np

from rl_policy_node.mismatch.phrases import number, numbers, several
from rl_policy_node.mismatch.unpaired.fault import Undoing
from rl_policy_node.mismatch.unpaired.recording_facts import Fact
from rl_policy_node.mismatch.unpaired.view import Part, View

_UNITS = {180 / math.pi: 'degrees for radians', math.pi / 180: 'radians for degrees', 1e3: 'mm for m', 1e-3: 'm for mm'}
_NEAR = 0.03
_CONVENTIONS = {'xyzw': (0, 1, 2, 3), 'wxyz': (3, 0, 1, 2)}


class Words(NamedTuple):
    """A sentence, and what to do."""

    sentence: str
    remedy: str


def words(found: Undoing | Fact, view: View) -> Words:
    """Return what is said of a fault of a robot's view."""
    return _SAID[found.kind](found, view)


def _scale(found: Undoing, view: View) -> Words:
    (factor,), part = found.value, view.part(found.where[0])
    # what is nearly another unit is that unit
    came = next((each for each in _UNITS if abs(1 / factor / each - 1) < _NEAR), 1 / factor)
    sentence = f'{part.name} comes {number(_rounded(came))} times as large as in simulation'
    scale = np.array(part.track.scale or (1.0,)) / came
    unit = f': {_UNITS[came]}' if came in _UNITS else ''
    return Words(f'{sentence}{unit}', f'terms.{part.name}.scale: {_listed(scale)}')


def _sign(found: Undoing, view: View) -> Words:
    (flipped, places), part = found.value, view.part(found.where[0])
    scale = np.ones(part.size) * np.array(part.track.scale or (1.0,))
    scale[list(places)] *= -1
    remedy = f'terms.{part.name}.scale: {_listed(scale)}'
    return Words(f'{part.name} has the opposite sign of that in simulation: {several(flipped)}', remedy)


def _offset(found: Undoing, view: View) -> Words:
    part, shift = view.part(found.where[0]), np.array(found.value[0])
    factor = np.array(part.track.scale or (1.0,))
    offset = np.zeros(part.size) + np.array(part.track.offset or (0.0,)) + shift / np.where(factor == 0, 1.0, factor)
    most = [f'{part.names[each]} {number(_rounded(shift[each]))}' for each in np.flatnonzero(shift)]
    sentence = f'{part.name} comes with a constant error: {several(most)}'
    return Words(sentence, f'terms.{part.name}.offset: {_listed(offset)}')


def _order(found: Undoing, view: View) -> Words:
    (order, names), part = found.value, view.part(found.where[0])
    moved = [f'{part.names[place]} comes as {name}' for place, name in enumerate(names) if name != part.names[place]]
    sentence = f'the numbers of {part.name} come in another order: {several(moved)}'
    if part.track.spec.get('joints'):
        return Words(sentence, f'terms.{part.name}.joints: [{", ".join(names)}]')
    if len(set(part.names)) == 1 or ',' in part.names[0]:
        return Words(sentence, f'the driver of {part.track.source} must send them in the order [{"; ".join(names)}]')
    return Words(sentence, _elements(part, order))


def _elements(part: Part, order: Sequence[int]) -> str:
    """Return the line by which a term picks its numbers in another order."""
    now = part.track.spec.get('elements') or range(part.size)
    return f'terms.{part.name}.elements: [{", ".join(str(now[place]) for place in order)}]'


def _quaternion_order(found: Undoing, view: View) -> Words:
    (way, *orders), part = found.value, view.part(found.where[0])
    if not orders:
        return Words(
            f'{part.name} comes as the inverse rotation: of the frame in the body, not of the body in the frame',
            f'the driver of {part.track.source} must publish the inverse; with tf2 exchange frame_id and child',
        )
    want, order = orders
    sentence = f'{part.name} comes as {way}; in simulation it is {want}'
    now = _CONVENTIONS[part.quaternion]
    picked = tuple(now[place] for place in order)
    for convention, numbers_of in _CONVENTIONS.items():
        if picked == numbers_of:
            return Words(sentence, f'terms.{part.name}.convention: {convention}')
    elements = [picked[now.index(place)] for place in range(4)]
    return Words(sentence, f'{_elements(part, elements)}, or the driver must fill x, y, z, w by their names')


def _quaternion_sign(found: Undoing, view: View) -> Words:
    (share,), part = found.value, view.part(found.where[0])
    often = 'always' if share > 0.98 else f'in {share:.0%} of the steps'
    return Words(
        f'{part.name} comes as −q where simulation has q, {often}: the same rotation, other numbers to a policy',
        f'terms.{part.name}.unique_sign: true, if training had w ≥ 0; else the driver must keep the sign of simulation',
    )


def _frame(found: Undoing, view: View) -> Words:
    source, vector, own = found.value
    angle = float(np.degrees(np.linalg.norm(vector)))
    axis = np.array(vector) / max(np.linalg.norm(vector), 1e-9)
    # the correction turns back
    turned = ', '.join(number(float(each)) for each in np.round(-axis, 2))
    whose = 'the sensor is mounted turned' if own else 'it is seen from a turned frame'
    return Words(
        f'{several(found.where)}: {whose}, by {angle:.0f}° about [{turned}]',
        f'sources.{source}: publish it in the frame of training (a static transform, source_frame; `kind: rotate` for '
        "the base's)",
    )


def _delay(found: Undoing, view: View) -> Words:
    late = int(found.value[0]) * view.period * 1e3
    sources = dict.fromkeys(view.part(name).track.source for name in found.where)
    said = f'{several(found.where)}: {late:.0f} ms later than in simulation'
    return Words(
        said,
        f'sources.{", ".join(sources)}: find what holds it (queue, filter, network, a camera); `use_header_stamp` and '
        '`max_age` refuse what is old, `alignment: asof` pairs the others with it',
    )


def _late_command(found: Undoing, view: View) -> Words:
    late = int(found.value[0]) * view.period * 1e3
    return Words(
        f'the robot follows its commands {late:.0f} ms later than the simulated one',
        'find what holds the commands (the controller, its interpolation, the network), or train with this latency',
    )


def _filter(found: Undoing, view: View) -> Words:
    share = float(found.value[0])
    lag = -view.period * 1e3 / math.log(1 - share)
    sources = dict.fromkeys(view.part(name).track.source for name in found.where)
    return Words(
        f'{several(found.where)}: smoothed by a low-pass of {lag:.0f} ms, which simulation does not have',
        f'sources.{", ".join(sources)}: switch the filter of the driver off, or train with it',
    )


def _noise(found: Fact, view: View) -> Words:
    return Words(
        f'{found.where[0]} has white noise of {found.size:.2g} of its whole spread, which simulation does not have',
        f'find its cause (wiring, gain, exposure), or train with as much noise on {found.where[0]}',
    )


def _rate(found: Fact, view: View) -> Words:
    came, ours = (float(each) for each in found.value)
    return Words(
        f'the policy steps at {came:.4g} Hz, and in simulation at {ours:.4g} Hz',
        f'control_rate: {ours:.4g}; if it is that, the sources or the machine are too slow for it',
    )


def _reset(found: Fact, view: View) -> Words:
    missed, made = found.value
    return Words(
        f'the robot jumped to another place {missed} times without a reset ({made} with one): the policy still '
        'remembered the episode before',
        'call ~/reset, or publish episode_topic, whenever the robot or its object is put back',
    )


def _frozen(found: Fact, view: View) -> Words:
    name = found.where[0]
    source = view.part(name).track.source
    if found.value[0] == 'steps':
        return Words(
            f'{name} comes in steps of {found.size:.2g} of its spread; in simulation it is continuous',
            f'sources.{source}: raise the resolution of the sensor or of its message, or train with such steps',
        )
    return Words(
        f'{name} stands still in {found.size:.0%} of the steps in which other things move',
        f'sources.{source}.frozen_after: 0.5 holds the robot then; look for a driver that repeats its last value',
    )


def _saturated(found: Fact, view: View) -> Words:
    label, bound, share, side = found.value
    name, which = found.where[0], 'greatest' if side else 'least'
    return Words(
        f'{name} is at its {which} value in {share:.0%} of the steps ({label}: '
        f'{number(_rounded(bound))}); in simulation it goes beyond',
        f"sources.{view.part(name).track.source}: widen the sensor's range; terms.{name}.clip must be as wide as in "
        'training',
    )


_SAID: Mapping[str, Callable[[Any, View], Words]] = {
    'scale': _scale,
    'sign': _sign,
    'offset': _offset,
    'joint order': _order,
    'quaternion order': _quaternion_order,
    'quaternion sign': _quaternion_sign,
    'frame': _frame,
    'delay': _delay,
    'late command': _late_command,
    'filter': _filter,
    'noise': _noise,
    'rate': _rate,
    'reset': _reset,
    'frozen': _frozen,
    'saturated': _saturated,
}
KINDS = tuple(_SAID)


def label_of(found: Undoing | Fact) -> str:
    """Return a fault in a few words."""
    return f'{found.kind} of {several(found.where)}' if found.where else found.kind


def _rounded(value: float) -> float:
    return float(f'{value:.3g}')


def _listed(values: Any) -> str:
    return numbers(np.array([_rounded(float(each)) for each in np.atleast_1d(values)]))
