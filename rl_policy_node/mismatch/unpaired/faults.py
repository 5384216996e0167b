# SPDX-License-Identifier: Apache-2.0
"""Faults of a robot's numbers that a correction of each sample undoes, and what they gain."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
import itertools
from typing import ClassVar

import numpy as np

from rl_policy_node import geometry
from rl_policy_node.mismatch.case import Indices
from rl_policy_node.mismatch.series import Floats
from rl_policy_node.mismatch.unpaired.judge_steps import Change, Judge
from rl_policy_node.mismatch.unpaired.view import Part

PARAMETER = 2.85  # nats that a free number costs: half the log of the steps that count
_LIKELY = 6.0
_FACTORS = np.geomspace(1 / 64, 64, 37)
MOST_LATE = 12  # steps
_MOST_PAIRS = 12  # numbers of which every exchange is tried


@dataclass(frozen=True, eq=False)
class Undoing:
    """A correction that undoes a fault. gain: nats, less the cost of what it was free to choose.

    where: the terms. value: what was found, such as a factor, for the sentence and the remedy. numbers: that were free to choose.
    """

    kind: str
    where: tuple[str, ...]
    gain: float
    value: tuple[object, ...]
    numbers: int = 0


class Fault(ABC):
    """One kind of fault. name: as findings have it."""

    name: ClassVar[str]

    @abstractmethod
    def undoings(self, judge: Judge) -> Iterator[Undoing]:
        """Yield the best corrections of each term or source."""


def columns_of(part: Part) -> Indices:
    """Return the columns of a term."""
    return np.arange(part.columns.start, part.columns.stop)


class Scale(Fault):
    """What comes is f times what it should be."""

    name = 'scale'

    def undoings(self, judge: Judge) -> Iterator[Undoing]:
        for part in judge.view.parts:
            if part.quaternion:
                continue
            columns = columns_of(part)

            def gain(log: float, columns: Indices = columns) -> float:
                factor = float(np.exp(log))
                return judge.gain(columns, lambda value: value * factor, log)

            logs = np.log(_FACTORS)
            gains = [gain(log) for log in logs]
            best = _refined(gain, logs[int(np.argmax(gains))], logs[1] - logs[0])
            factor = float(np.exp(best))
            # one that makes next to nothing of a term explains away whatever is wrong with it
            ratio = factor * _spread_ratio(judge, columns)
            if abs(best) > 0.02 and 1 / _LIKELY < ratio < _LIKELY:
                yield Undoing(self.name, (part.name,), gain(best) - PARAMETER, (factor,), 1)


def _spread_ratio(judge: Judge, columns: Indices) -> float:
    """Return how many times a term's spread is that of simulation, the median over its numbers."""
    ours = judge.physics.x.spread[columns]
    came = judge.lines.now[:, columns].std(axis=0)
    return float(np.median(came / ours))


class Sign(Fault):
    """Some numbers come with the opposite sign."""

    name = 'sign'

    def undoings(self, judge: Judge) -> Iterator[Undoing]:
        for part in judge.view.parts:
            if part.quaternion:
                continue
            columns = columns_of(part)

            def gain(flipped: Sequence[int], columns: Indices = columns) -> float:
                return _of_signs(judge, columns, flipped)

            starts = [list(range(part.size)), _mirrored(judge, columns), []]
            best = max(starts, key=gain)
            most = gain(best)
            for number in range(part.size):
                toggled = sorted(set(best) ^ {number})
                with_it = gain(toggled)
                if with_it > most + 1.0:
                    best, most = toggled, with_it
            if best:
                cost = np.log(max(2, part.size)) * min(len(best), part.size - len(best) + 1)
                yield Undoing(self.name, (part.name,), most - cost, (tuple(part.names[each] for each in best), tuple(best)))


def _mirrored(judge: Judge, columns: Indices) -> list[int]:
    """Return the numbers whose mean is nearer to that of simulation with the other sign."""
    came, ours = judge.lines.now[:, columns].mean(axis=0), judge.physics.young[columns]
    return np.flatnonzero(np.abs(came + ours) < np.abs(came - ours) - 0.1 * judge.physics.x.spread[columns]).tolist()


def _of_signs(judge: Judge, columns: Indices, flipped: Sequence[int]) -> float:
    sign = np.ones(len(columns))
    sign[list(flipped)] = -1.0
    return judge.gain(columns, lambda value: value * sign)


class Offset(Fault):
    """A constant is added to what comes, one for each number."""

    name = 'offset'

    def undoings(self, judge: Judge) -> Iterator[Undoing]:
        for part in judge.view.parts:
            if part.quaternion:
                continue
            columns = columns_of(part)
            shift = np.zeros(part.size)
            for _ in range(8):
                shift = shift + _newton(judge, columns, shift)

            def gain(kept: Floats, columns: Indices = columns) -> float:
                return judge.gain(columns, lambda value: value - kept)

            spread = judge.physics.x.spread[columns]
            order = np.argsort(-np.abs(shift) / spread)
            best, most = np.zeros(part.size), 0.0
            for count in sorted({1, 2, 3, part.size // 2, part.size} & set(range(1, part.size + 1))):
                kept = np.zeros(part.size)
                kept[order[:count]] = shift[order[:count]]
                worth = gain(kept) - PARAMETER * count
                if worth > most:
                    best, most = kept, worth
            if best.any():
                yield Undoing(self.name, (part.name,), most, (tuple(best.tolist()),), int((best != 0).sum()))


def _newton(judge: Judge, columns: Indices, shift: Floats) -> Floats:
    """Return a step of the constants (k,) that a robot's numbers have too much, towards the best ones."""
    p, lines = judge.physics, judge.lines
    count = lines.now.shape[1]
    # residual changes by +J b for b taken from the numbers; urges within their range follow the state
    inside = np.all([(p.urge.low < each) & (each < p.urge.high) for each in judge.urges], axis=0).mean(axis=0)
    forces = p.law[1 + 2 * count : 1 + 2 * count + len(inside)]
    law = p.law[1 + columns] - (p.urge.law[1 + columns] * inside) @ forces
    jacobian = law / p.x.spread[columns, np.newaxis] / p.sigma
    residual = judge.came.residual + shift @ jacobian
    weight = 5.0 / (4.0 + residual**2) * p.weights * judge.count / max(1, len(residual))
    normal = (jacobian * weight.sum(axis=0)) @ jacobian.T
    right = -jacobian @ (weight * residual).sum(axis=0)
    first = p.x.of_all(judge.came.first)
    first[:, columns] -= shift / p.x.spread[columns]
    half = p.begin.half[columns] / p.x.spread[columns, np.newaxis]
    white = (first - p.begin.mean) @ p.begin.half
    weight = 5.0 / (4.0 + white**2) * p.begin.weight
    normal += (half * weight.sum(axis=0)) @ half.T
    right += half @ (weight * white).sum(axis=0)
    ridge = 1e-6 * np.trace(normal) / len(columns) * np.eye(len(columns)) + 1e-12 * np.eye(len(columns))
    step: Floats = np.linalg.solve(normal + ridge, right)
    return step


class Order(Fault):
    """The numbers come in another order."""

    name = 'joint order'

    def undoings(self, judge: Judge) -> Iterator[Undoing]:
        for part in judge.view.parts:
            if part.quaternion or part.size < 2:
                continue
            columns = columns_of(part)

            def gain(order: Sequence[int], columns: Indices = columns) -> float:
                chosen = list(order)
                return judge.gain(columns, lambda value: value[:, chosen])

            order, most = self._best(judge, part, gain)
            moved = [each for each in range(part.size) if order[each] != each]
            if moved:
                cost = np.log(part.size) * (len(moved) - 1) if list(order) != list(range(part.size))[::-1] else np.log(2)
                yield Undoing(self.name, (part.name,), most - cost, (tuple(order), tuple(part.names[each] for each in order)))

    def _best(self, judge, part, gain):
        size = part.size
        reverse = list(range(size))[::-1]
        best, most = list(range(size)), 0.0
        if size <= 4:
            candidates = [list(each) for each in itertools.permutations(range(size))]
        else:
            candidates = [reverse, self._guess(judge, part)]
        for each in candidates:
            worth = gain(each)
            if worth > most:
                best, most = each, worth
        if size > 4:
            pairs = self._pairs(judge, part)
            improved = True
            while improved:
                improved = False
                trials = []
                for one, other in pairs:
                    each = list(best)
                    each[one], each[other] = each[other], each[one]
                    trials.append((gain(each), each))
                worth, each = max(trials, key=lambda trial: trial[0])
                if worth > most + 0.5:
                    best, most, improved = each, worth, True
        return best, most

    def _pairs(self, judge: Judge, part: Part):
        """Return the exchanges to try: all of few numbers, else those among the numbers that look most displaced."""
        numbers = list(range(part.size))
        if part.size > _MOST_PAIRS:
            odd = (judge.came.residual[:, columns_of(part)] ** 2).clip(max=25).mean(axis=0)
            numbers = np.argsort(-odd)[:_MOST_PAIRS].tolist()
        return list(itertools.combinations(numbers, 2))

    def _guess(self, judge: Judge, part: Part):
        """Return the order in which means and spreads of the first numbers are most alike."""
        p, columns = judge.physics, columns_of(part)
        z = p.x.of_all(judge.lines.now)[:, columns] * p.x.spread[columns] + p.x.mean[columns]
        came = np.stack([z.mean(axis=0), z.std(axis=0)])
        want = np.stack([p.x.mean[columns], p.x.spread[columns]])
        cost = (np.abs(want[:, :, None] - came[:, None, :]) / (came.std(axis=1)[:, None, None] + 1e-9)).sum(axis=0)
        order, free = [-1] * part.size, set(range(part.size))
        for place in np.argsort(cost.min(axis=1)):
            pick = min(free, key=lambda each: cost[place, each])
            order[place] = pick
            free.discard(pick)
        return order


class QuaternionOrder(Fault):
    """The numbers of a quaternion come in another order, or as those of the inverse rotation."""

    name = 'quaternion order'
    _ORDERS = {'w, x, y, z for x, y, z, w': [1, 2, 3, 0], 'x, y, z, w for w, x, y, z': [3, 0, 1, 2]}

    def undoings(self, judge: Judge) -> Iterator[Undoing]:
        for part in judge.view.parts:
            if not part.quaternion:
                continue
            columns = columns_of(part)
            w = 3 if part.quaternion == 'xyzw' else 0
            inverse = -np.ones(4)
            inverse[w] = 1.0
            ways: dict[str, Change] = {
                way: (lambda value, order=order: value[:, order]) for way, order in self._ORDERS.items()
            }
            ways['the inverse rotation'] = lambda value: value * inverse
            for way, change in list(ways.items()):
                for sign in (1.0, -1.0):
                    gain = judge.gain(columns, lambda value: sign * change(value))
                    yield Undoing(self.name, (part.name,), gain - np.log(6), (way,))


class QuaternionSign(Fault):
    """−q comes in place of q, always or now and then."""

    name = 'quaternion sign'

    def undoings(self, judge: Judge) -> Iterator[Undoing]:
        for part in judge.view.parts:
            if not part.quaternion:
                continue
            columns = columns_of(part)
            axis = judge.physics.x.mean[columns]

            def aligned(value: Floats) -> Floats:
                return np.where((value @ axis)[:, np.newaxis] < 0, -value, value)

            share = float(((judge.lines.now[:, columns] @ axis) < 0).mean())
            gain = judge.gain(columns, aligned)
            yield Undoing(self.name, (part.name,), gain - np.log(2), (share,))


class Frame(Fault):
    """Vectors and orientations of a source are seen from a turned frame."""

    name = 'frame'

    def undoings(self, judge: Judge) -> Iterator[Undoing]:
        for source in judge.view.sources:
            parts = [part for part in judge.view.of_source(source) if part.vector or part.quaternion]
            if not any(part.vector for part in parts):
                continue
            columns = np.concatenate([columns_of(part) for part in parts])
            for own in (False, True) if any(part.quaternion for part in parts) else (False,):

                def gain(vector: Floats, own: bool = own, parts: list[Part] = parts, columns: Indices = columns) -> float:
                    return judge.gain(columns, lambda value: _turned(parts, value, vector, own))

                angles = np.radians([-135, -90, -60, -45, -30, -20, -10, 10, 20, 30, 45, 60, 90, 135, 180])
                starts = [angle * axis for axis in np.eye(3) for angle in angles]
                best = max(starts, key=gain)
                best = _descended(gain, best, 0.1)
                if np.linalg.norm(best) > 0.03:
                    yield Undoing(
                        self.name, tuple(part.name for part in parts), gain(best) - 3 * PARAMETER, (source, tuple(best), own), 3
                    )


def _turned(parts: Sequence[Part], value: Floats, vector: Floats, own: bool) -> Floats:
    """Return vectors and quaternions (lines, k) turned by a rotation vector; own: about the body's own axes."""
    by = geometry.quaternion_from_rotation_vector(np.asarray(vector)[np.newaxis])
    by = np.broadcast_to(by, (len(value), 4))
    found, start = [], 0
    for part in parts:
        each = value[:, start : start + part.size]
        start += part.size
        if not part.quaternion:
            found.append(geometry.rotate(by, each))
            continue
        order = [0, 1, 2, 3] if part.quaternion == 'xyzw' else [1, 2, 3, 0]
        back = [0, 1, 2, 3] if part.quaternion == 'xyzw' else [3, 0, 1, 2]
        q = each[:, order]
        turned = geometry.multiply(q, geometry.conjugate(by)) if own else geometry.multiply(by, q)
        # the sign is not what a frame changes
        turned = np.where((turned @ in_axis(turned))[:, np.newaxis] < 0, -turned, turned)
        found.append(turned[:, back])
    return np.concatenate(found, axis=1)


def in_axis(quaternion: Floats) -> Floats:
    """Return the axis along which quaternions (lines, 4) lie, the largest number of it positive."""
    if not len(quaternion):
        return np.array([0.0, 0.0, 0.0, 1.0])
    axis = np.linalg.eigh(quaternion.T @ quaternion)[1][:, -1]
    return axis * (1.0 if axis[np.argmax(np.abs(axis))] > 0 else -1.0)


def _refined(gain, best: float, step: float) -> float:
    """Return where a function of one number is largest, from a good start."""
    most = gain(best)
    while step > 1e-3:
        for trial in (best - step, best + step):
            worth = gain(trial)
            if worth > most:
                best, most = trial, worth
                break
        else:
            step /= 2.5
    return best


def _descended(gain, best: Floats, step: float) -> Floats:
    """Return where a function of a vector is largest, from a good start, by steps along its axes."""
    most = gain(best)
    while step > 4e-3:
        for axis, sign in itertools.product(range(len(best)), (1.0, -1.0)):
            trial = best.copy()
            trial[axis] += sign * step
            worth = gain(trial)
            if worth > most:
                best, most = trial, worth
                break
        else:
            step /= 2.5
    return best


class Delay(Fault):
    """A source is some steps late."""

    name = 'delay'

    def undoings(self, judge: Judge) -> Iterator[Undoing]:
        view = judge.view
        groups = [view.of_source(source) for source in view.sources]
        if len(groups) > 1:
            groups.append(view.parts)
        for parts in groups:
            columns = np.concatenate([columns_of(part) for part in parts])
            best = (-np.inf, 0)
            for late in range(1, MOST_LATE + 1):
                x, known = _shifted(view, columns, late)
                best = max(best, (judge.gain_of(view.with_x(x, known), columns), late))
            if best[0] > -np.inf:
                yield Undoing(self.name, tuple(part.name for part in parts), best[0] - PARAMETER, (best[1],), 1)


def _shifted(view, columns, late):
    """Return the numbers with some columns taken from later steps, and where there are any."""
    x, known = view.x.copy(), np.zeros(view.steps.shape, dtype=bool)
    x[:-late, :, columns] = view.x[late:, :, columns]
    episode = view.episode
    known[:-late] = episode[late:] == episode[:-late]
    return x, known


class Filter(Fault):
    """A source passes a low-pass filter of the first order."""

    name = 'filter'
    _SHARES = (0.75, 0.6, 0.5, 0.4, 0.3, 0.25, 0.2, 0.15, 0.1, 0.07, 0.05)

    def undoings(self, judge: Judge) -> Iterator[Undoing]:
        view = judge.view
        for source in view.sources:
            parts = view.of_source(source)
            columns = np.concatenate([columns_of(part) for part in parts])
            best = (-np.inf, 0.0)
            for share in self._SHARES:
                x = view.x.copy()
                last = view.x[:-1, :, columns]
                sharp = (view.x[1:, :, columns] - (1 - share) * last) / share
                x[1:, :, columns] = np.where(view.steps[:-1, :, np.newaxis], sharp, x[1:, :, columns])
                best = max(best, (judge.gain_of(view.with_x(x), columns, relative=True), share))
            yield Undoing(self.name, tuple(part.name for part in parts), best[0] - PARAMETER, (best[1],), 1)


class LateCommand(Fault):
    """The robot follows its commands some steps later than the simulated one."""

    name = 'late command'

    def undoings(self, judge: Judge) -> Iterator[Undoing]:
        view = judge.view
        columns, best = np.arange(view.x.shape[2]), (-np.inf, 0)
        for late in range(1, MOST_LATE + 1):
            c, known = view.c.copy(), np.zeros(view.steps.shape, dtype=bool)
            c[late:] = view.c[:-late]
            known[late:] = view.episode[late:] == view.episode[:-late]
            best = max(best, (judge.gain_of(view.with_c(c, known), columns), late))
        if best[0] > -np.inf:
            # where a source and the commands may be late alike, look at the source first
            yield Undoing(self.name, (), 0.97 * best[0] - PARAMETER, (best[1],), 1)


FAULTS: dict[str, Fault] = {
    fault.name: fault
    for fault in (Scale(), Sign(), Offset(), Order(), QuaternionOrder(), QuaternionSign(), Frame(), Delay(), LateCommand(), Filter())
}
