# SPDX-License-Identifier: Apache-2.0
"""Compare the same episodes, played by the two nodes and by rl_games: one by one, then by estimates."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from rl_policy_node.tools.evaluate.intervals import (
    CONFIDENCE,
    mean_difference,
    mean_interval,
    proportion_difference,
    proportion_interval,
)

SAME, NOTHING_FOUND, DIFFERENT = 'the same, episode by episode', 'no difference found', 'different'
# row, index, return, length, success → one value for each episode, as the bridge's summary has them
Columns: TypeAlias = Mapping[str, list[float | None]]

UNITS = {'success': 'points', 'return': '', 'length': 'steps', 'latency p50': 'ms', 'latency p99': 'ms'}


@dataclass(frozen=True)
class Estimate:
    """An estimate with its interval; low and high are None if there are too few episodes for one.

    success, and a difference of it, is a share from 0 to 1; length in steps.
    """

    name: str
    value: float
    low: float | None
    high: float | None

    @property
    def width(self) -> float:
        """Width of the interval; 0 without one."""
        return 0.0 if self.low is None or self.high is None else self.high - self.low

    @property
    def excludes_zero(self) -> bool:
        """Whether 0 lies outside the interval."""
        return self.low is not None and self.high is not None and not self.low <= 0.0 <= self.high


class Side:
    """N episodes of one player, in the order in which they ended.

    columns: row, index, return, length, success, each (N,), as in the bridge's summary. success is an array (N,) of 0
    and 1, or None if the environment does not report it.
    """

    def __init__(self, name: str, columns: Columns, about: Mapping[str, object] | None = None) -> None:
        self.name, self.columns, self.about = name, columns, about or {}
        self.returns = np.array(columns['return'], dtype=np.float64)
        self.lengths = np.array(columns['length'], dtype=np.int64)
        self.success = None if None in columns['success'] else np.array(columns['success'], dtype=np.int64)

    def __len__(self) -> int:
        return len(self.returns)

    def figures(self) -> dict[str, Estimate]:
        """Return name → Estimate: success (if reported), return and length, with intervals of 95 % each."""
        found = {}
        if self.success is not None:
            count = int(self.success.sum())
            found['success'] = Estimate('success', count / len(self), *proportion_interval(count, len(self)))
        for name, values in (('return', self.returns), ('length', self.lengths)):
            found[name] = Estimate(name, float(values.mean()), *(mean_interval(values) or (None, None)))
        return found


class Comparison:
    """How `nodes` differs from `reference`, two Sides.

    same: number of episodes, from the first on, with the same row, return (to the last bit), length and success.
    differences: name → Estimate of nodes − reference. Their intervals hold jointly with 95 %: each has the
    confidence 1 − 0.05 / their number (Bonferroni), so that equal sides are rarely called different.
    """

    def __init__(self, nodes: Side, reference: Side) -> None:
        self.nodes, self.reference = nodes, reference
        self.same = _first_difference(nodes, reference)
        self.differences = _differences(nodes, reference)

    @property
    def verdict(self) -> str:
        """SAME, NOTHING_FOUND or DIFFERENT."""
        if self.same == len(self.nodes) == len(self.reference):
            return SAME
        return DIFFERENT if any(d.excludes_zero for d in self.differences.values()) else NOTHING_FOUND

    def sentence(self) -> str:
        """Return the verdict and its reason in one line."""
        if self.verdict == SAME:
            equal = (
                'return (to the last bit), length and success'
                if self.nodes.success is not None
                else 'return (to the last bit) and length'
            )
            return f'{SAME}: all {self.same} have the same {equal}'
        named = [d for d in self.differences.values() if d.excludes_zero or self.verdict == NOTHING_FOUND]
        return (
            f'{self.verdict}: {", ".join(map(difference_text, named))}; '
            f'episode {self.same + 1} is the first that is not the same'
        )


def _first_difference(nodes: Side, reference: Side) -> int:
    """Return the number of episodes before the first one that differs."""
    count = min(len(nodes), len(reference))
    equal = np.ones(count, dtype=bool)
    for name in ('row', 'index', 'return', 'length', 'success'):
        equal &= [a == b for a, b in zip(nodes.columns[name], reference.columns[name])]
    return count if equal.all() else int(np.argmin(equal))


def _differences(nodes: Side, reference: Side) -> dict[str, Estimate]:
    found = {}
    confidence = 1 - (1 - CONFIDENCE) / 2
    if nodes.success is not None and reference.success is not None:
        confidence = 1 - (1 - CONFIDENCE) / 3
        one, other = (int(nodes.success.sum()), len(nodes)), (int(reference.success.sum()), len(reference))
        value = one[0] / one[1] - other[0] / other[1]
        found['success'] = Estimate('success', value, *proportion_difference(one, other, confidence))
    for name, a, b in (('return', nodes.returns, reference.returns), ('length', nodes.lengths, reference.lengths)):
        interval = mean_difference(a, b, confidence) or (None, None)
        found[name] = Estimate(name, float(a.mean() - b.mean()), *interval)
    return found


def difference_text(figure: Estimate) -> str:
    """Return `success −12.0 points (95 % −20.1 to −4.0)`."""
    value, interval = figure_texts(figure, sign=True)
    return f'{figure.name} {value} {UNITS[figure.name]}'.rstrip() + (f' (95 % {interval})' if interval else '')


def figures_of(figures: Mapping[str, Estimate]) -> dict[str, dict[str, float | None]]:
    """Return name → value, low and high of estimates, for JSON."""
    return {name: {'value': f.value, 'low': f.low, 'high': f.high} for name, f in figures.items()}


def figure_texts(figure: Estimate, sign: bool = False) -> tuple[str, str]:
    """Return value and interval of an Estimate as texts, with the places that the interval justifies; success × 100."""
    factor = 100 if figure.name == 'success' else 1
    places = 1
    if figure.name != 'success' and figure.width > 0.0:
        places = int(np.clip(1 - np.floor(np.log10(figure.width / 2)), 0, 6))
    value, *interval = (
        _number(factor * number, places, sign)
        for number in (figure.value, figure.low, figure.high)
        if number is not None
    )
    return value, ' to '.join(interval)


def _number(value: float, places: int, sign: bool) -> str:
    text = f'{abs(value):.{places}f}'
    negative = value < 0 and float(text) > 0.0
    return ('−' if negative else '+' if sign and float(text) > 0.0 else '') + text
