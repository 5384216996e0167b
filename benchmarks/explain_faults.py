# SPDX-License-Identifier: Apache-2.0
"""The fourteen faults that `benchmarks/explain.py` plants into the messages of a simulated robot, in three sizes each.

The policy acts on the fault in a closed loop, as it would on a robot.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rl_policy_node import geometry
from rl_policy_node.mismatch.recording import Recording
from rl_policy_node.tools.explain.simulated_robot import Wire

Array = np.ndarray
Values = dict[str, dict[str, Array]]
Field = tuple[str, str]  # source, field

# what a size means: the range of each fault
SIZES = {
    'scale': 'a factor of 1.3, 2 or 10, or its inverse',
    'sign': 'one number, half of them, all of them',
    'offset': '1, 3 or 10 standard deviations of the field, on every number, of random sign',
    'joint order': 'two numbers exchanged, three in a circle, all in reverse',
    'frame': 'turned by 20°, 45° or 90° about a random axis',
    'quaternion order': 'w x y z, or y z w x, in place of x y z w; the inverse rotation',
    'quaternion sign': '−q in 10 %, 50 % or 100 % of the messages',
    'delay': '2, 4 or 8 steps',
    'filter': 'a low-pass of the first order that takes 0.5, 0.25 or 0.1 of each new message',
    'noise': '0.2, 0.5 or 1 standard deviation of the field',
    'rate': 'the policy steps at 0.8, 0.5 or 0.33 of its rate',
    'reset': 'every fourth reset is missing, every second, or all',
    'frozen': 'stands still for 10 %, 30 % or 90 % of the time, or in steps of 0.2, 0.5 or 1 standard deviation',
    'saturated': 'bounds that 10 %, 30 % or 60 % of the samples lie beyond',
}


@dataclass(frozen=True)
class Planted:
    """A fault. kind: of SIZES. size: 0, 1 or 2. target: the field that it is in, or ('', '') for the whole node."""

    kind: str
    size: int
    target: Field
    seed: int

    def name(self) -> str:
        return f'{self.kind.replace(" ", "_")}-{self.size}-{self.seed}'


@dataclass(frozen=True)
class Robot:
    """What a fault must know of the robot. seen: field → (T, N, k), of the fields that a term shows as they are.

    Others may change nothing that a policy sees, such as the sign of a quaternion that only turns a vector.
    """

    seen: Mapping[Field, Array]

    @classmethod
    def of(cls, recording: Recording) -> Robot:
        specs = [track.spec for track in recording.terms.values()]
        shown = {(spec.get('source'), spec.get('field')) for spec in specs if spec['kind'] == 'field'}
        chosen = {(spec.get('source'), spec.get('field')) for spec in specs if spec.get('elements')}
        measured = recording.measured
        seen = {(source, field): value for source, part in measured.items() for field, value in part.items()}
        return cls({name: value for name, value in seen.items() if name in shown - chosen})

    def spread(self, field: Field) -> Array:
        return self.seen[field].reshape(-1, self.seen[field].shape[2]).std(axis=0)

    def moving(self) -> list[Field]:
        """Return the fields that change within an episode."""
        return [name for name, value in self.seen.items() if (np.diff(value, axis=0) != 0).any(axis=2).mean() > 0.5]

    def varying(self) -> list[Field]:
        return [name for name in self.seen if (self.spread(name) > 1e-6).any()]

    def targets(self, kind: str) -> list[Field]:
        """Return the fields that a kind of fault may be in."""
        if kind in ('rate', 'reset'):
            return [('', '')]
        turned = [name for name in self.varying() if name[1] == 'orientation']
        if kind in ('quaternion order', 'quaternion sign'):
            return turned
        rest = [name for name in self.moving() if name not in turned]
        if kind == 'frame':
            vectors = {name for name in self.moving() if self.seen[name].shape[2] == 3}
            return sorted(vectors)
        if kind in ('delay', 'filter'):
            return rest
        if kind in ('noise', 'frozen', 'saturated'):
            return rest
        # a constant that is drawn anew for each episode may have these faults, too
        static = [name for name in self.varying() if name not in turned and name not in rest]
        return rest + [name for name in static if kind in ('scale', 'offset', 'joint order')]


def planted(kind: str, size: int, seed: int, robot: Robot) -> Planted:
    """Return a fault in a random field."""
    random = np.random.default_rng([seed, size, sorted(SIZES).index(kind)])
    targets = robot.targets(kind)
    return Planted(kind, size, targets[random.integers(len(targets))], seed)


Change = Callable[[int, Array, Array], Array]  # step, value (rows, k), begins → value


class FaultyWire(Wire):
    """A wire with a planted fault, and ordinary noise. noise: field → standard deviation (k,)."""

    def __init__(self, fault: Planted | None, robot: Robot, seed: int, noise: float = 0.0) -> None:
        self._fault, self._random = fault, np.random.default_rng([seed, 77])
        self._noise = {name: noise * robot.spread(name) for name in robot.moving() if name[1] != 'orientation'}
        self._changes: dict[Field, Change] = {}
        self._share, self._begun = 1.0, 0
        if fault is not None:
            self._plant(fault, robot)

    def _plant(self, fault: Planted, robot: Robot) -> None:
        if fault.kind in ('rate', 'reset'):
            self._share = ((0.8, 0.5, 1 / 3) if fault.kind == 'rate' else (0.25, 0.5, 1.0))[fault.size]
            return
        make = _MAKERS[fault.kind]
        source = fault.target[0]
        whole = fault.kind in ('frame', 'delay', 'filter')
        fields = [name for name in robot.seen if name[0] == source] if whole else [fault.target]
        draw = np.random.default_rng([fault.seed, fault.size, 5])
        state = draw.bit_generator.state
        for field in fields:
            draw.bit_generator.state = state  # all fields of a source share what is drawn
            self._changes[field] = make(fault.size, robot.seen[field], draw, field[1] == 'orientation')

    def due(self, step: int) -> bool:
        if self._fault is None or self._fault.kind != 'rate':
            return True
        return int((step + 1) * self._share) > int(step * self._share) or step == 0

    def begins(self, step: int, begins: Array) -> Array:
        if self._fault is None or self._fault.kind != 'reset' or step == 0:
            return begins
        counts = self._begun + np.cumsum(begins)
        self._begun += int(begins.sum())
        return begins & ~((counts * self._share).astype(int) > ((counts - 1) * self._share).astype(int))

    def measured(self, step: int, values: Mapping[str, Mapping[str, Array]], begins: Array) -> Values:
        out = {name: {field: np.array(value) for field, value in part.items()} for name, part in values.items()}
        for (name, field), spread in self._noise.items():
            value = out[name][field]
            value += (self._random.normal(size=value.shape) * spread.reshape(value.shape[1:])).astype(value.dtype)
        for (name, field), change in self._changes.items():
            value = out[name][field]
            flat = value.reshape(len(value), -1).astype(np.float64)
            out[name][field] = change(step, flat, begins).reshape(value.shape).astype(value.dtype)
        return out


def _scale(size: int, seen: Array, random: np.random.Generator, _turn: bool) -> Change:
    factor = (1.3, 2.0, 10.0)[size] ** random.choice([-1, 1])
    return lambda _step, value, _begins: value * factor


def _sign(size: int, seen: Array, random: np.random.Generator, _turn: bool) -> Change:
    count = seen.shape[2]
    flipped = random.permutation(count)[: (1, max(1, count // 2), count)[size]]
    sign = np.ones(count)
    sign[flipped] = -1.0
    return lambda _step, value, _begins: value * sign


def _offset(size: int, seen: Array, random: np.random.Generator, _turn: bool) -> Change:
    spread = seen.reshape(-1, seen.shape[2]).std(axis=0)
    change = (1.0, 3.0, 10.0)[size] * spread * random.choice([-1.0, 1.0], len(spread))
    return lambda _step, value, _begins: value + change


def _order(size: int, seen: Array, random: np.random.Generator, _turn: bool) -> Change:
    count = seen.shape[2]
    order = np.arange(count)
    if size == 2:
        order = order[::-1]
    else:
        some = random.permutation(count)[: (2, min(3, count))[size]]
        order[some] = np.roll(order[some], 1)
    return lambda _step, value, _begins: value[:, order]


def _frame(size: int, seen: Array, random: np.random.Generator, turn: bool) -> Change:
    axis = np.eye(3)[random.integers(3)] * random.choice([-1.0, 1.0])
    angle = np.radians((20.0, 45.0, 90.0)[size])
    by = np.array([*(np.sin(angle / 2) * axis), np.cos(angle / 2)])

    def change(_step: int, value: Array, _begins: Array) -> Array:
        each = np.broadcast_to(by, (len(value), 4))
        return geometry.multiply(each, value) if turn else geometry.rotate(each, value)

    return change


def _convention(size: int, seen: Array, random: np.random.Generator, _turn: bool) -> Change:
    if size == 2:
        return lambda _step, value, _begins: value * np.array([-1.0, -1.0, -1.0, 1.0])
    order = ((3, 0, 1, 2), (1, 2, 3, 0))[size]
    return lambda _step, value, _begins: value[:, order]


def _quaternion_sign(size: int, seen: Array, random: np.random.Generator, _turn: bool) -> Change:
    share = (0.1, 0.5, 1.0)[size]

    def change(_step: int, value: Array, _begins: Array) -> Array:
        return np.where(random.random(len(value))[:, np.newaxis] < share, -value, value)

    return change


def _delay(size: int, seen: Array, random: np.random.Generator, _turn: bool) -> Change:
    kept: deque[Array] = deque(maxlen=(2, 4, 8)[size] + 1)

    def change(_step: int, value: Array, begins: Array) -> Array:
        for old in kept:
            old[begins] = value[begins]  # a driver that starts has nothing older
        kept.append(value.copy())
        return kept[0]

    return change


def _filter(size: int, seen: Array, random: np.random.Generator, turn: bool) -> Change:
    share = (0.5, 0.25, 0.1)[size]
    last: list[Array] = []

    def change(_step: int, value: Array, begins: Array) -> Array:
        if not last:
            last.append(value.copy())
        old = np.where(begins[:, np.newaxis], value, last[0])
        mixed = old + share * (value - old)
        last[0] = mixed / np.linalg.norm(mixed, axis=1, keepdims=True) if turn else mixed
        return last[0]

    return change


def _noise(size: int, seen: Array, random: np.random.Generator, _turn: bool) -> Change:
    spread = (0.2, 0.5, 1.0)[size] * seen.reshape(-1, seen.shape[2]).std(axis=0)
    return lambda _step, value, _begins: value + random.normal(size=value.shape) * spread


def _frozen(size: int, seen: Array, random: np.random.Generator, _turn: bool) -> Change:
    if random.random() < 0.5:
        lattice = (0.2, 0.5, 1.0)[size] * seen.reshape(-1, seen.shape[2]).std(axis=0)
        lattice[lattice == 0] = 1e-6
        return lambda _step, value, _begins: np.round(value / lattice) * lattice
    share, last = (0.1, 0.3, 0.9)[size], list[Array]()
    remaining = np.zeros(seen.shape[1] * 64, dtype=int)

    def change(_step: int, value: Array, _begins: Array) -> Array:
        if not last:
            last.append(value.copy())
        left = remaining[: len(value)]
        start = (left == 0) & (random.random(len(value)) < share / (1 - share + 1e-9) / 15)
        left[start] = 15
        still = left > 0
        last[0] = np.where(still[:, np.newaxis], last[0], value)
        left[still] -= 1
        return last[0]

    return change


def _saturated(size: int, seen: Array, random: np.random.Generator, _turn: bool) -> Change:
    share = (0.1, 0.3, 0.6)[size]
    flat = seen.reshape(-1, seen.shape[2])
    low, high = (share / 2, 1 - share / 2) if random.random() < 0.5 else (0.0, 1 - share)
    bounds = np.quantile(flat, low, axis=0), np.quantile(flat, high, axis=0)
    return lambda _step, value, _begins: np.clip(value, *bounds)


_MAKERS: Mapping[str, Callable[[int, Array, np.random.Generator, bool], Change]] = {
    'scale': _scale,
    'sign': _sign,
    'offset': _offset,
    'joint order': _order,
    'frame': _frame,
    'quaternion order': _convention,
    'quaternion sign': _quaternion_sign,
    'delay': _delay,
    'filter': _filter,
    'noise': _noise,
    'frozen': _frozen,
    'saturated': _saturated,
}


def terms_of(recording: Recording, target: Field) -> Sequence[str]:
    """Return the terms that read a field of a source."""
    return [
        name
        for name, track in recording.terms.items()
        if track.source == target[0] and track.spec.get('field') == target[1]
    ]
