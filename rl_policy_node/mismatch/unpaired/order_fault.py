# SPDX-License-Identifier: Apache-2.0
"""A fault of the order of numbers, such as joints."""

from __future__ import annotations

from collections.abc import Callable, Iterator
import itertools
from typing import TypeAlias

import numpy as np

from rl_policy_node.mismatch.case import Indices
from rl_policy_node.mismatch.unpaired.fault import TermFault, Undoing
from rl_policy_node.mismatch.unpaired.judge_steps import Judge
from rl_policy_node.mismatch.unpaired.view import Part

_ALL_ORDERS, _MOST_PAIRS = 4, 12  # numbers of which every order, and every exchange, is tried
_LEAST = 0.5  # nats that an exchange must gain
_OUTLIER = 25.0

Numbers: TypeAlias = list[int]


class Order(TermFault):
    """The numbers come in another order."""

    name = 'joint order'

    def of_term(self, judge: Judge, part: Part, columns: Indices) -> Iterator[Undoing]:
        def gain(order: Numbers) -> float:
            return judge.gain(columns, lambda value: value[:, order])

        own = list(range(part.size))
        candidates = [own, own[::-1], _alike(judge, columns)]
        if part.size <= _ALL_ORDERS:
            candidates = [list(each) for each in itertools.permutations(own)]
        order, most = max(((each, gain(each)) for each in candidates), key=lambda trial: trial[1])
        if part.size > _ALL_ORDERS:
            order, most = _exchanged(gain, order, most, _pairs(judge, columns))
        moved = [place for place in own if order[place] != place]
        if moved:
            cost = np.log(2) if order == own[::-1] else np.log(part.size) * (len(moved) - 1)
            value = tuple(order), tuple(part.names[each] for each in order)
            yield Undoing(self.name, (part.name,), most - float(cost), value)


def _exchanged(
    gain: Callable[[Numbers], float], order: Numbers, most: float, pairs: list[tuple[int, int]]
) -> tuple[Numbers, float]:
    """Return an order in which no exchange of a pair gains anything."""
    while True:
        trials = []
        for one, other in pairs:
            trial = list(order)
            trial[one], trial[other] = trial[other], trial[one]
            trials.append((gain(trial), trial))
        worth, trial = max(trials, key=lambda each: each[0])
        if worth <= most + _LEAST:
            return order, most
        order, most = trial, worth


def _pairs(judge: Judge, columns: Indices) -> list[tuple[int, int]]:
    """Return the exchanges to try: all of few numbers, else those among the numbers that look most displaced."""
    odd = (judge.came.residual[:, columns] ** 2).clip(max=_OUTLIER).mean(axis=0)
    return list(itertools.combinations(np.argsort(-odd)[:_MOST_PAIRS].tolist(), 2))


def _alike(judge: Judge, columns: Indices) -> Numbers:
    """Return the order in which means and spreads are most like those of simulation, the clearest places first."""
    p, came = judge.physics, judge.lines.now[:, columns]
    want, have = (
        np.stack(each) for each in ((p.x.mean[columns], p.x.spread[columns]), (came.mean(axis=0), came.std(axis=0)))
    )
    apart = np.abs(want[:, :, np.newaxis] - have[:, np.newaxis, :])
    cost = (apart / (have.std(axis=1)[:, np.newaxis, np.newaxis] + 1e-9)).sum(axis=0)
    order, free = [-1] * len(columns), set(range(len(columns)))
    for place in np.argsort(cost.min(axis=1)).tolist():
        order[place] = min(free, key=lambda number: cost[place, number])
        free.discard(order[place])
    return order
