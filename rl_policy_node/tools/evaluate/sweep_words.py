# SPDX-License-Identifier: Apache-2.0
"""What a curve says, in words."""

from __future__ import annotations

import math

from rl_policy_node.tools.evaluate.budget import Budget
from rl_policy_node.tools.evaluate.sweep import Curve

NOTICED = 0.01  # share of steps on the fallback that a sentence names


def sentence(curve: Curve) -> str:
    """Return the budget of a curve in words."""
    return _told(curve, curve.budget)


def of_return(curve: Curve) -> str:
    """Return the budget of the return in words, '' where `sentence` tells it."""
    told = curve.budget is not None and curve.budget.figure == 'return'
    return '' if told or curve.of_return is None else _told(curve, curve.of_return)


def _told(curve: Curve, found: Budget | None) -> str:
    axis = curve.axis
    if found is None:
        return f'no budget: without {axis.what} no episode succeeds'
    kept = f'{found.share:.0%} of the {found.figure} without {axis.what}'.replace('%', ' %')
    if math.isinf(found.value):
        lower = '' if math.isinf(found.low) else f' (95 %: {_range(curve, found)})'
        return f'{kept} up to {axis.shown(found.most)} at least, the most that was played{lower}'
    return f'{kept} up to {axis.shown(found.value)} (95 %: {_range(curve, found)})'


def watchdogs(curve: Curve) -> str:
    """Return in words from where on the file's own watchdogs act; '' if they were not played."""
    if all(point.file is None for point in curve.points):
        return ''
    beyond = [point for point in curve.points if point.file is not None and point.file.fallback > NOTICED]
    if not beyond:
        return f'the watchdogs of the file keep robots on the fallback in less than {NOTICED:.0%} of the steps'
    first = min(beyond, key=lambda point: point.value)
    share = first.file.fallback if first.file is not None else 0.0
    at = curve.axis.shown(first.value)
    return f'from {at} on the watchdogs of the file act: {share:.1%} of the steps on the fallback'


def _range(curve: Curve, found: Budget) -> str:
    """Return the interval of a budget in words."""
    high = f'more than {curve.axis.shown(found.most)}' if math.isinf(found.high) else curve.axis.shown(found.high)
    low = f'more than {curve.axis.shown(found.most)}' if math.isinf(found.low) else curve.axis.shown(found.low)
    return f'{low} to {high}'
