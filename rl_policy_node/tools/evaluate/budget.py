# SPDX-License-Identifier: Apache-2.0
"""How much of an imperfection a policy bears before it loses a tenth of its success: an estimate with an interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
import math
from typing import Final

import numpy as np

from rl_policy_node.control.arrays import Floats
from rl_policy_node.tools.evaluate.compare import Side
from rl_policy_node.tools.evaluate.intervals import CONFIDENCE

SHARE: Final = 0.9  # of the figure at 0, which the budget keeps
DRAWS: Final = 2000  # of the bootstrap


@dataclass(frozen=True)
class Budget:
    """The greatest value of an imperfection up to which a figure keeps `share` of what it is at 0.

    figure: success, or return where no success is reported. value, low, high: in the parameter's unit, the estimate
    and its interval of 95 %; infinite: beyond the greatest value that was played, `most`.
    """

    figure: str
    share: float
    value: float
    low: float
    high: float
    most: float


def budget(values: Sequence[float], sides: Sequence[Side], figure: str = '') -> Budget | None:
    """Return the Budget of sides, one for each value, the first one at 0; None if there is nothing to lose at 0.

    figure: 'success' or 'return'; '': success, or the return where no success is reported.

    The means are first made to fall (isotonic regression): chance must not end the budget early. Between two values
    they are joined by lines. The interval is that of a bootstrap over episodes. Where all sides have the same episodes,
    by row and index, these are drawn together for all values, since they began alike.
    """
    figure = figure or ('return' if any(side.success is None for side in sides) else 'success')
    outcomes = _aligned(sides, figure)
    places = np.asarray(values, dtype=np.float64)
    means = np.array([each.mean() for each in outcomes])
    if means[0] == 0.0:
        return None
    value = _crossing(places, means)
    random, drawn = np.random.default_rng(0), np.empty(DRAWS)
    paired = isinstance(outcomes, np.ndarray)
    for draw in range(DRAWS):
        chosen = random.integers(len(outcomes[0]), size=len(outcomes[0])) if paired else None
        drawn[draw] = _crossing(
            places,
            np.array(
                [
                    each[random.integers(len(each), size=len(each)) if chosen is None else chosen].mean()
                    for each in outcomes
                ]
            ),
        )
    # an order statistic each: infinite ones cannot be interpolated
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail], method='inverted_cdf')
    return Budget(figure, SHARE, value, float(low), float(high), float(places[-1]))


def _aligned(sides: Sequence[Side], figure: str) -> Floats | list[Floats]:
    """Return the outcomes of each side; (sides, episodes), in the same order, if all have the same episodes."""
    columns = [side.columns for side in sides]
    episodes = [list(zip(each['row'], each['index'])) for each in columns]
    found: list[Floats] = [np.asarray(each[figure], dtype=np.float64) for each in columns]
    if any(sorted(each) != sorted(episodes[0]) for each in episodes):
        return found
    orders = [np.array(sorted(range(len(each)), key=each.__getitem__)) for each in episodes]
    return np.array([each[order] for each, order in zip(found, orders)])


def _crossing(places: Floats, means: Floats) -> float:
    """Return the place at which falling means leave SHARE of the first one; infinite if they never do."""
    falling = _falling(means)
    level = falling[0] - (1 - SHARE) * abs(falling[0])
    below = np.nonzero(falling < level)[0]
    if not below.size:
        return math.inf
    at = int(below[0])
    drop = falling[at - 1] - falling[at]
    return float(places[at - 1] + (places[at] - places[at - 1]) * (falling[at - 1] - level) / drop)


def _falling(means: Floats) -> Floats:
    """Return the closest sequence to means that never rises: pool adjacent violators (Ayer et al., 1955)."""
    pools: list[tuple[float, int]] = []
    for mean in means.tolist():
        pools.append((mean, 1))
        while len(pools) > 1 and pools[-2][0] < pools[-1][0]:
            (one, count), (other, more) = pools.pop(-2), pools.pop()
            pools.append(((one * count + other * more) / (count + more), count + more))
    return np.repeat([mean for mean, _ in pools], [count for _, count in pools])
