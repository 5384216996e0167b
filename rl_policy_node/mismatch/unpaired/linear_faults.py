# SPDX-License-Identifier: Apache-2.0
"""Faults of scale, sign and offset."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

from rl_policy_node.mismatch.case import Indices
from rl_policy_node.mismatch.series import Floats
from rl_policy_node.mismatch.unpaired.fault import PARAMETER, refined, TermFault, Undoing
from rl_policy_node.mismatch.unpaired.judge_steps import Judge
from rl_policy_node.mismatch.unpaired.view import Part

_LOGS = np.linspace(-np.log(64), np.log(64), 37)
_LEAST_LOG = 0.02
_LIKELY = 6.0  # times the spread in simulation, or that part of it, that a right scale leaves
_NEWTON_STEPS = 8


class Scale(TermFault):
    """What comes is f times what it should be."""

    name = 'scale'

    def of_term(self, judge: Judge, part: Part, columns: Indices) -> Iterator[Undoing]:
        def gain(log: float) -> float:
            return judge.gain(columns, lambda value: value * np.exp(log), log)

        start = max(_LOGS.tolist(), key=gain)
        log = refined(gain, start, float(_LOGS[1] - _LOGS[0]))
        # one that makes next to nothing of a term explains away whatever is wrong with it
        left = abs(log + np.log(_spread_ratio(judge, columns)))
        if abs(log) > _LEAST_LOG and left < np.log(_LIKELY):
            yield Undoing(self.name, (part.name,), gain(log) - PARAMETER, (float(np.exp(log)),), 1)


def _spread_ratio(judge: Judge, columns: Indices) -> float:
    """Return how many times a term's spread is that of simulation, the median over its numbers."""
    came = judge.lines.now[:, columns].std(axis=0)
    return float(np.median(came / judge.physics.x.spread[columns])) + 1e-12


class Sign(TermFault):
    """Some numbers come with the opposite sign."""

    name = 'sign'

    def of_term(self, judge: Judge, part: Part, columns: Indices) -> Iterator[Undoing]:
        def gain(flipped: Sequence[int]) -> float:
            sign = np.ones(part.size)
            sign[list(flipped)] = -1.0
            return judge.gain(columns, lambda value: value * sign)

        best = max([list(range(part.size)), _mirrored(judge, columns), []], key=gain)
        most = gain(best)
        for number in range(part.size):
            toggled = sorted(set(best) ^ {number})
            worth = gain(toggled)
            if worth > most + 1.0:
                best, most = toggled, worth
        if best:
            cost = np.log(max(2, part.size)) * min(len(best), part.size - len(best) + 1)
            value = tuple(part.names[each] for each in best), tuple(best)
            yield Undoing(self.name, (part.name,), most - cost, value)


def _mirrored(judge: Judge, columns: Indices) -> list[int]:
    """Return the numbers whose mean is nearer to that of simulation with the other sign."""
    came, ours = judge.lines.now[:, columns].mean(axis=0), judge.physics.young[columns]
    margin = 0.1 * judge.physics.x.spread[columns]
    mirrored: list[int] = np.flatnonzero(np.abs(came + ours) < np.abs(came - ours) - margin).tolist()
    return mirrored


class Offset(TermFault):
    """A constant is added to what comes, one for each number."""

    name = 'offset'

    def of_term(self, judge: Judge, part: Part, columns: Indices) -> Iterator[Undoing]:
        shift = np.zeros(part.size)
        for _ in range(_NEWTON_STEPS):
            shift = shift + _newton(judge, columns, shift)
        order = np.argsort(-np.abs(shift) / judge.physics.x.spread[columns])
        counts = sorted({1, 2, 3, part.size // 2, part.size} & set(range(1, part.size + 1)))
        trials = [np.where(np.isin(np.arange(part.size), order[:count]), shift, 0.0) for count in counts]
        worths = [
            judge.gain(columns, partial(np.add, -kept)) - PARAMETER * count for kept, count in zip(trials, counts)
        ]
        best = int(np.argmax(worths))
        if worths[best] > 0:
            yield Undoing(self.name, (part.name,), worths[best], (tuple(trials[best].tolist()),), counts[best])


def _newton(judge: Judge, columns: Indices, shift: Floats) -> Floats:
    """Return a step towards the best constants (k,) to take from a robot's numbers, which lie at `shift` now."""
    normal, right = _of_steps(judge, columns, shift)
    p = judge.physics
    first = p.x.of_all(judge.came.first)
    first[:, columns] -= shift / p.x.spread[columns]
    half = p.begin.half[columns] / p.x.spread[columns, np.newaxis]
    white = (first - p.begin.mean) @ p.begin.half
    weight = 5.0 / (4.0 + white**2) * p.begin.weight
    normal = normal + (half * weight.sum(axis=0)) @ half.T
    right = right + half @ (weight * white).sum(axis=0)
    ridge = (1e-6 * np.trace(normal) / len(columns) + 1e-12) * np.eye(len(columns))
    step: Floats = np.linalg.solve(normal + ridge, right)
    return step


def _of_steps(judge: Judge, columns: Indices, shift: Floats) -> tuple[Floats, Floats]:
    """Return the normal equations (k, k), (k,) of the steps: residuals change by +J b for b taken from the numbers."""
    p, count = judge.physics, len(judge.physics.sigma)
    inside = np.all([(p.urge.low < each) & (each < p.urge.high) for each in judge.urges], axis=0).mean(axis=0)
    forces = p.law[1 + 2 * count : 1 + 2 * count + len(inside)]
    # urges within their range follow the state
    z = p.x.of_all(judge.lines.now)[:, columns] - shift / p.x.spread[columns]
    reached = (p.reach.of_columns(columns).place(z) == z).mean(axis=0)
    law = p.law[1 + columns] * reached[:, np.newaxis] - (p.urge.law[1 + columns] * inside) @ forces
    jacobian = law / p.x.spread[columns, np.newaxis] / p.sigma
    residual = judge.came.residual + shift @ jacobian
    weight = 5.0 / (4.0 + residual**2) * p.weights * judge.count / max(1, len(residual))
    return (jacobian * weight.sum(axis=0)) @ jacobian.T, -jacobian @ (weight * residual).sum(axis=0)
