# SPDX-License-Identifier: Apache-2.0
"""How one side differs from another: paired by episode where both began alike, with intervals, in one sentence."""

from __future__ import annotations

from typing import Final

import numpy as np

from rl_policy_node.control.arrays import Array, Floats
from rl_policy_node.tools.compare.contestant import Contestant
from rl_policy_node.tools.evaluate.compare import difference_text, Estimate, NOTHING_FOUND, SAME
from rl_policy_node.tools.evaluate.intervals import (
    CONFIDENCE,
    mean_difference,
    mean_interval,
    paired_proportion_difference,
    proportion_difference,
    quantile_difference,
)

BETTER, WORSE, DIFFERENT = 'better', 'worse', 'different'
LATENCIES: Final = {'latency p50': 0.5, 'latency p99': 0.99}
# figures of which more is better; the others say that something differs
_GOOD: Final = ('success', 'return')


class Contest:
    """B against A. differences: name → Estimate of B − A; latencies in ms.

    paired: whether each episode of B is compared with the one of A that began alike (same environment, seed, rows, and
    the same episodes of each row). The intervals hold jointly with 95 % (Bonferroni). timed_alike: whether differences
    of latency decide, too; False where other load on the machine may have made them.
    """

    def __init__(self, a: Contestant, b: Contestant, timed_alike: bool = True) -> None:
        self.a, self.b, self._timed_alike = a, b, timed_alike
        orders = _orders(a, b)
        self.paired = orders is not None
        names = ['success'] * (a.side.success is not None and b.side.success is not None) + ['return', 'length']
        timed = list(LATENCIES) if len(a.latencies) and len(b.latencies) else []
        confidence = 1 - (1 - CONFIDENCE) / (len(names) + len(timed))
        self.differences = {name: _difference(name, a, b, orders, confidence) for name in names}
        for name in timed:
            self.differences[name] = _latency(name, a.latencies, b.latencies, confidence)

    @property
    def verdict(self) -> str:
        """SAME, NOTHING_FOUND, BETTER, WORSE (success, else return, alone decides these), or DIFFERENT."""
        found = self._found
        if not found:
            return SAME if self._alike else NOTHING_FOUND
        signs = {found[name].value > 0 for name in _GOOD if name in found}
        return DIFFERENT if len(signs) != 1 else BETTER if signs.pop() else WORSE

    def sentence(self) -> str:
        """Return the verdict and its reason in one line."""
        alike = f'all {len(self.a.side)} episodes have the same return, length and success'
        if self.verdict == SAME:
            return f'the same: {alike}'
        named = self._found.values() or [self.differences[name] for name in self._judged]
        start = self.verdict if self.verdict == NOTHING_FOUND else f'B is {self.verdict}'
        how = 'paired by episode' if self.paired else f'{len(self.a.side)} and {len(self.b.side)} episodes, not paired'
        how = alike if self._alike else how
        return f'{start}: {", ".join(map(difference_text, named))}; {how}'

    @property
    def _judged(self) -> list[str]:
        """Return the names of the differences that decide."""
        return [name for name in self.differences if self._timed_alike or name not in LATENCIES]

    @property
    def _found(self) -> dict[str, Estimate]:
        return {name: self.differences[name] for name in self._judged if self.differences[name].excludes_zero}

    @property
    def _alike(self) -> bool:
        """Whether all episodes are the same."""
        one, other = self.a.side.columns, self.b.side.columns
        return self.paired and all(one[name] == other[name] for name in one)


def _orders(a: Contestant, b: Contestant) -> tuple[Array, Array] | None:
    """Return the orders that put the episodes of both side by side, None if they did not begin alike."""
    if a.origin != b.origin or None in a.origin:
        return None
    keys = [list(zip(each.side.columns['row'], each.side.columns['index'])) for each in (a, b)]
    if sorted(keys[0]) != sorted(keys[1]):
        return None
    first, second = (np.array(sorted(range(len(each)), key=each.__getitem__)) for each in keys)
    return first, second


def _difference(
    name: str, a: Contestant, b: Contestant, orders: tuple[Array, Array] | None, confidence: float
) -> Estimate:
    one, other = (np.asarray(each.side.columns[name], dtype=np.float64) for each in (a, b))
    value = float(other.mean() - one.mean())
    if orders is None and name == 'success':
        counts = (int(other.sum()), len(other)), (int(one.sum()), len(one))
        return Estimate(name, value, *proportion_difference(*counts, confidence))
    if orders is None:
        return Estimate(name, value, *(mean_difference(other, one, confidence) or (None, None)))
    one, other = one[orders[0]], other[orders[1]]
    if name == 'success':
        return Estimate(name, value, *paired_proportion_difference(other > 0, one > 0, confidence))
    return Estimate(name, value, *(mean_interval(other - one, confidence) or (None, None)))


def _latency(name: str, one: Floats, other: Floats, confidence: float) -> Estimate:
    share = LATENCIES[name]
    value = float(np.quantile(other, share) - np.quantile(one, share))
    low, high = quantile_difference(other, one, share, confidence)
    return Estimate(name, 1e3 * value, 1e3 * low, 1e3 * high)
