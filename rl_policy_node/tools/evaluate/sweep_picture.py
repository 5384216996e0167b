# SPDX-License-Identifier: Apache-2.0
"""The picture of a sweep: success, return and share on the fallback over what was varied, one line for each axis."""

from __future__ import annotations

from collections.abc import Sequence
import math
from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from rl_policy_node.tools.demo.report_figures import COLOURS, STYLE
from rl_policy_node.tools.evaluate.budget import Budget
from rl_policy_node.tools.evaluate.compare import Estimate
from rl_policy_node.tools.evaluate.sweep import Curve, FILE, POLICY


def draw_sweep(path: str | Path, curves: Sequence[Curve], sentences: Sequence[str]) -> None:
    """Write a PNG of curves, each with its sentence as title."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(10.4, 3.3 * len(curves)))
        for part, curve, text in zip(figure.subfigures(len(curves), 1, squeeze=False)[:, 0], curves, sentences):
            names = [name for name in ('success', 'return') if name in curve.points[0].policy.side.figures()]
            watched = any(point.file is not None for point in curve.points)
            panels = part.subplots(1, len(names) + watched, squeeze=False)[0]
            part.suptitle(text, fontsize=10, x=0.01, ha='left')
            for axes, name in zip(panels, names):
                _draw_figure(axes, curve, name)
            if watched:
                _draw_fallback(panels[-1], curve)
            panels[0].legend(loc='best')
            for axes in panels:
                axes.set_xlabel(f'{curve.axis.what}, {curve.axis.unit}'.rstrip(', '))
        figure.savefig(path)


def _draw_figure(axes: Axes, curve: Curve, name: str) -> None:
    places = [curve.axis.factor * value for value in (point.value for point in curve.points)]
    own = [point.policy.side.figures()[name] for point in curve.points]
    _draw_estimates(axes, places, own, COLOURS[0], POLICY)
    watched = [point.file.side.figures()[name] for point in curve.points if point.file is not None]
    if len(watched) == len(places):
        _draw_estimates(axes, places, watched, COLOURS[1], FILE)
    for found in (curve.budget, curve.of_return):
        if found is not None and found.figure == name and not math.isinf(found.value):
            _mark_budget(axes, curve, found)
            break
    axes.set_title(f'{name}, with 95 % intervals', fontsize=9, loc='left')
    if name == 'success':
        axes.set_ylim(-0.03, 1.05)
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))


def _draw_estimates(axes: Axes, places: Sequence[float], figures: Sequence[Estimate], colour: str, label: str) -> None:
    axes.plot(places, [figure.value for figure in figures], 'o-', color=colour, markersize=3.5, label=label)
    ends = [
        (figure.value if figure.low is None else figure.low, figure.value if figure.high is None else figure.high)
        for figure in figures
    ]
    axes.fill_between(places, [low for low, _ in ends], [high for _, high in ends], color=colour, alpha=0.18, lw=0)


def _mark_budget(axes: Axes, curve: Curve, found: Budget) -> None:
    factor = curve.axis.factor
    axes.axvspan(factor * found.low, factor * min(found.high, found.most), color=COLOURS[2], alpha=0.15, lw=0)
    axes.axvline(factor * found.value, color=COLOURS[2], label=f'budget {curve.axis.shown(found.value)}')
    axes.legend(loc='best')


def _draw_fallback(axes: Axes, curve: Curve) -> None:
    known = [(curve.axis.factor * point.value, point.file.fallback) for point in curve.points if point.file is not None]
    axes.plot(*zip(*known), 'o-', color=COLOURS[1], markersize=3.5)
    axes.set_title('steps on the fallback, with watchdogs', fontsize=9, loc='left')
    axes.set_ylim(-0.03, 1.05)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
