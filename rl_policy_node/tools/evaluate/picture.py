# SPDX-License-Identifier: Apache-2.0
"""The picture of an evaluation: success with its intervals, returns and lengths of both sides in the same axes."""

from collections.abc import Sequence
from pathlib import Path
import textwrap
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
import numpy as np

from rl_policy_node.control.arrays import Array
from rl_policy_node.tools.demo.report_figures import COLOURS, STYLE
from rl_policy_node.tools.evaluate.compare import Estimate, figure_texts, Side

BINS = 30
MARGIN = 5.0  # empty space on both sides of a distribution with a single value
HEADROOM = 0.28  # of the axes' height, above the distributions: the means with their intervals stand there


def draw(path: str | Path, sides: Sequence[Side], sentence: str = '') -> None:
    """Write a PNG of one or two Sides; the first is filled, the second an outline, so that equal ones both show."""
    figures = [side.figures() for side in sides]
    with_success = all('success' in each for each in figures)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(10.4, 3.5))
        widths = [0.9, 1.0, 1.0] if with_success else [1.0, 1.0]
        panels = figure.subplots(1, len(widths), squeeze=False, gridspec_kw={'width_ratios': widths})[0]
        if with_success:
            _draw_success(panels[0], sides, [each['success'] for each in figures])
        _draw_distribution(panels[-2], [side.returns for side in sides], [each['return'] for each in figures])
        _draw_distribution(panels[-1], [side.lengths for side in sides], [each['length'] for each in figures], 'steps')
        panels[-2].legend(panels[-2].get_legend_handles_labels()[0], [side.name for side in sides], loc='best')
        figure.suptitle(textwrap.fill(sentence, 120), fontsize=10, x=0.01, ha='left')
        figure.savefig(path)


def _draw_success(axes: Axes, sides: Sequence[Side], figures: Sequence[Estimate]) -> None:
    for place, figure in enumerate(figures):
        axes.errorbar(
            [place],
            [figure.value],
            _ends(figure),
            fmt='o',
            color=COLOURS[place],
            markersize=7,
            capsize=5,
            linewidth=1.8,
        )
    labels = [f'{side.name}\n{{}} %\n({{}})'.format(*figure_texts(figure)) for side, figure in zip(sides, figures)]
    axes.set_xticks(range(len(sides)), labels)
    axes.tick_params(axis='x', length=0, labelsize=8)
    axes.set_title('success, with 95 % intervals', fontsize=9, loc='left')
    axes.set(xlim=(-0.5, len(sides) - 0.5), ylim=(-0.03, 1.05))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))


def _draw_distribution(axes: Axes, values: Sequence[Array], figures: Sequence[Estimate], unit: str = '') -> None:
    edges = _bin_edges(np.concatenate(values))
    top = max(np.histogram(each, edges)[0].max() for each in values)
    for place, (each, figure) in enumerate(zip(values, figures)):
        look: dict[str, Any] = {'histtype': 'step', 'linewidth': 1.6}
        if place == 0:
            look = {'histtype': 'stepfilled', 'alpha': 0.45}
        axes.hist(each, edges.tolist(), color=COLOURS[place], label=str(place), **look)
        height = top * (1 + HEADROOM * (0.7 - 0.4 * place))
        axes.errorbar(
            [figure.value], [height], xerr=_ends(figure), fmt='o', color=COLOURS[place], markersize=4, capsize=3
        )
    axes.set_title(f'{figures[0].name}; above, the means with 95 % intervals', fontsize=9, loc='left')
    axes.set(xlabel=unit or figures[0].name, ylabel='episodes', ylim=(0, top * (1 + HEADROOM)))
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    if len(edges) == 2:
        axes.set_xlim(edges[0] - MARGIN, edges[1] + MARGIN)


def _ends(figure: Estimate) -> list[list[float]]:
    """Return how far below and above its value an estimate's interval reaches."""
    if figure.low is None or figure.high is None:
        return [[0.0], [0.0]]
    return [[figure.value - figure.low], [figure.high - figure.value]]


def _bin_edges(values: Array) -> Array:
    """Return the edges of the bins: one bin for each integer where there are few."""
    low, high = float(values.min()), float(values.max())
    if high == low or (np.issubdtype(values.dtype, np.integer) and high - low < BINS):
        return np.arange(low - 0.5, high + 1.0)
    return np.linspace(low, high, BINS + 1)
