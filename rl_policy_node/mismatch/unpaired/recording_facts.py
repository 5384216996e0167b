# SPDX-License-Identifier: Apache-2.0
"""Faults that show in a robot's numbers by themselves: repeated, stepped, bounded or noisy values, and rates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from rl_policy_node.mismatch.recording import Recording
from rl_policy_node.mismatch.series import Floats, Mask
from rl_policy_node.mismatch.unpaired.view import Part, View

_MORE = 0.04  # share of the steps by which a robot must stand still, or at a bound, more than the simulator
_LEAST_CHANGES = 8
_DUST = 2e-3  # of the spread in simulation
_STATIC = 0.5  # share of steps
_MOSTLY = 0.95  # share of the steps from which on a term that stands still never moves again
_LEAST_STILL, _SUDDEN = 3, 0.4  # steps, and usual steps before a sudden standstill
_FEW = 0.35  # different values for each change of a number: fewer are steps of a lattice
_LEAST_LATTICE = 0.05  # of the spread in simulation
_LEAST_NOISE = 0.08  # of the spread in simulation
_WHITE = np.array([6.0, -4.0, 1.0])  # autocovariances of the second differences of white noise
_LEAST_WHITE = 0.9  # share of these that white noise must explain
_RATE = 0.05  # share by which rates may differ
_BLOCK = 32  # steps: noise is the median over blocks, so that impacts count in few of them


@dataclass(frozen=True)
class Fact:
    """What is seen of a robot and not of the simulator.

    size: of the fault, such as a share. value: for the sentence.
    """

    kind: str
    where: tuple[str, ...]
    size: float
    value: tuple[Any, ...] = ()


def facts(robot: Recording, simulation: Recording, came: View, ours: View) -> Iterator[Fact]:
    """Yield every Fact. came, ours: the views of the robot's recording and of the simulator's."""
    yield from _rates(robot, simulation)
    for part in came.parts:
        yield from _of_values(came, ours, part)


def noises(came: View, ours: View) -> Iterator[Fact]:
    """Yield the white noise that a robot's terms have more than the simulator's, in spreads of the latter."""
    for part in came.parts:
        spread = ours.x[np.isfinite(ours.x).all(axis=2)][:, part.columns].std(axis=0)
        moving = spread > 0
        if not moving.any():
            continue
        more = [_white(view, part)[:, moving] / spread[moving] ** 2 for view in (came, ours)]
        excess = np.median(more[0] - more[1], axis=1)
        variance = max(0.0, float(excess @ _WHITE / (_WHITE @ _WHITE)))
        left = np.sum((excess - variance * _WHITE) ** 2) / max(np.sum(excess**2), 1e-300)
        if np.sqrt(variance) > _LEAST_NOISE and left < 1 - _LEAST_WHITE:
            yield Fact('noise', (part.name,), float(np.sqrt(variance)), (float(np.sqrt(variance)),))


def _white(view: View, part: Part) -> Floats:
    """Return autocovariances (3, k) of second differences, each the median over blocks of time."""
    x = view.x[:, :, part.columns]
    second = x[2:] - 2 * x[1:-1] + x[:-2]
    known = (view.steps[:-2] & view.steps[1:-1])[:, :, np.newaxis]
    second = np.where(known, second, np.nan)
    blocks = []
    for start in range(0, max(1, len(second) - _BLOCK + 1), _BLOCK):
        block = second[start : start + _BLOCK]
        products = [block * block, block[1:] * block[:-1], block[2:] * block[:-2]]
        if all(np.isfinite(each).any() for each in products):
            with np.errstate(invalid='ignore'):
                blocks.append(np.stack([_mean(each) for each in products]))
    if not blocks:
        return np.zeros((3, part.size))
    every = np.concatenate(blocks, axis=1)
    every = every[:, np.isfinite(every).all(axis=(0, 2))]
    return np.median(every, axis=1) if every.shape[1] else np.zeros((3, part.size))


def _mean(products: Floats) -> Floats:
    """Return the mean over time (rows, k), NaN where there is nothing."""
    known = np.isfinite(products)
    count = known.sum(axis=0)
    total = np.where(known, products, 0.0).sum(axis=0)
    return np.where(count > 4, total / np.maximum(count, 1), np.nan)


def _rates(robot: Recording, simulation: Recording) -> Iterator[Fact]:
    rates = [_rate(each) for each in (robot, simulation)]
    if abs(rates[0] / rates[1] - 1) > _RATE:
        yield Fact('rate', (), abs(float(np.log(rates[0] / rates[1]))), tuple(rates))


def _rate(recording: Recording) -> float:
    """Return the rate at which the policy stepped, Hz; pauses do not count."""
    gaps = np.diff(recording.time)
    gaps = gaps[(gaps > 0) & (gaps < 10 * np.median(gaps))]
    return 1.0 / float(gaps.mean()) if len(gaps) else recording.rate


def _of_values(came: View, ours: View, part: Part) -> Iterator[Fact]:
    there = ours.part(part.name)
    spread = ours.x[np.isfinite(ours.x).all(axis=2)][:, there.columns].std(axis=0)
    moved = [_others_move(view, each, ours) for view, each in ((came, part), (ours, there))]
    still = [_still(view, each, mask) for view, each, mask in zip((came, ours), (part, there), moved)]
    values = [view.x[1:][mask][:, each.columns] for view, each, mask in zip((came, ours), (part, there), moved)]
    if min(map(len, values)) < 20:
        return
    lattice = [_lattice(values[0][:, number], values[1][:, number]) for number in range(part.size)]
    coarse = [number for number in range(part.size) if lattice[number] > _LEAST_LATTICE * spread[number] > 0]
    if len(coarse) > 0.3 * (spread > 0).sum():
        steps = float(np.median([lattice[number] / spread[number] for number in coarse]))
        yield Fact('frozen', (part.name,), steps, ('steps', steps))
        return
    # what is drawn once an episode stands still at whatever it was
    bounded = list(_saturation(part, *values)) if still[1] < _STATIC else []
    yield from bounded
    if not bounded and still[0] - still[1] > _MORE and (still[0] > _MOSTLY or _stops(came, part)):
        yield Fact('frozen', (part.name,), still[0], ('still', still[0], still[1]))


def _saturation(part: Part, came: Floats, ours: Floats) -> Iterator[Fact]:
    """Yield whether a term often is at bounds that it passes in simulation."""
    ends = _at_bounds(came)
    bounds = np.stack([came.min(axis=0), came.max(axis=0)])
    beyond = np.stack([(ours < bounds[0]).mean(axis=0), (ours > bounds[1]).mean(axis=0)])
    # forces that end at zero in simulation, too, are no bound of a sensor
    there = np.stack([(ours == bound).mean(axis=0) for bound in bounds])
    bounded = (ends > _MORE) & (beyond > _MORE / 2) & (there < _MORE / 4)
    if bounded.any(axis=0).mean() > _MORE and bounded.any():
        side, number = np.unravel_index(int(np.where(bounded, ends, 0.0).argmax()), ends.shape)
        share = float(np.where(bounded, ends, 0.0).sum(axis=0)[bounded.any(axis=0)].mean())
        yield Fact(
            'saturated', (part.name,), share, (part.names[number], float(bounds[side][number]), share, int(side))
        )


def _others_move(view: View, part: Part, ours: View) -> Mask:
    """Return the steps (T − 1, N) in which another term moves by more than the dust of an arm at rest."""
    spread = ours.x[np.isfinite(ours.x).all(axis=2)].std(axis=0)
    change = np.abs(np.diff(view.x, axis=0)) > _DUST * np.maximum(spread, 1e-9)
    change[:, :, part.columns] = False
    return np.asarray(view.steps[:-1] & change.any(axis=2))


def _stops(view: View, part: Part) -> bool:
    """Return whether a term stops in the middle of a motion, each time elsewhere; an arm comes to rest slowly."""
    change = np.abs(np.diff(view.x[:, :, part.columns], axis=0)).sum(axis=2)
    known = view.steps[:-1]
    still, moving = known & (change == 0), known & (change > 0)
    # still from the second of these steps on, for so long at least
    begins = moving[:-_LEAST_STILL].copy()
    for ahead in range(1, _LEAST_STILL + 1):
        begins &= still[ahead : len(still) - _LEAST_STILL + ahead]
    if begins.sum() < 2:
        return False
    usual = np.median(change[1:][moving[1:] & moving[:-1]]) if (moving[1:] & moving[:-1]).any() else 0.0
    where = view.x[1 : 1 + len(begins), :, part.columns][begins]
    elsewhere = len(np.unique(where.round(9), axis=0)) > len(where) / 2
    return bool(elsewhere and np.median(change[: len(begins)][begins]) > _SUDDEN * usual)


def _still(view: View, part: Part, mask: Mask) -> float:
    """Return the share of the steps in `mask` in which no number of a term changes."""
    same = (np.diff(view.x[:, :, part.columns], axis=0) == 0).all(axis=2)
    return float(same[mask].mean()) if mask.any() else 0.0


def _lattice(came: Floats, ours: Floats) -> float:
    """Return the step of the lattice on which a number lies, and in simulation does not; else 0."""
    values, changes = np.unique(came), int((np.diff(came) != 0).sum())
    if changes < _LEAST_CHANGES or len(values) < 2 or len(values) > _FEW * changes:
        return 0.0
    if len(np.unique(ours)) < 3 * len(values):
        return 0.0
    gaps = np.diff(values)
    step = float(np.median(gaps[gaps <= 1.5 * gaps.min()]))
    even = np.abs(gaps / step - np.round(gaps / step)) < 0.05
    return step if even.mean() > 0.9 else 0.0


def _at_bounds(values: Floats) -> Floats:
    """Return which share of the samples is exactly the least, and the greatest, of each number: (2, k)."""
    varied = np.ptp(values, axis=0) > 0
    least, greatest = (values == values.min(axis=0)).mean(axis=0), (values == values.max(axis=0)).mean(axis=0)
    return np.where(varied, np.stack([least, greatest]), 0.0)
