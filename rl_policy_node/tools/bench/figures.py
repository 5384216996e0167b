# SPDX-License-Identifier: Apache-2.0
"""Plots of the results, one file for each section."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.rcsetup import cycler
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator

from rl_policy_node.tools.bench.markdown import LOADS
from rl_policy_node.tools.bench.section import Results

COLOURS = ('#6b7683', '#2f6f9f', '#d9822b', '#3a8f6a', '#8a5fa8', '#b5533c')
MARKERS = 'osD^vP'
# Any: some versions of matplotlib type the names
STYLE: dict[Any, Any] = {
    'font.family': 'sans-serif',
    'font.size': 11,
    'axes.edgecolor': '#b8c0c8',
    'axes.labelcolor': '#4a5560',
    'axes.spines.top': False,
    'axes.spines.right': False,
    'axes.grid': True,
    'grid.color': '#e9edf0',
    'axes.axisbelow': True,
    'axes.prop_cycle': cycler(color=COLOURS),
    'lines.linewidth': 1.8,
    'xtick.color': '#6b7683',
    'ytick.color': '#6b7683',
    'text.color': '#26323d',
    'legend.frameon': False,
    'legend.fontsize': 10,
    'axes.titlesize': 11,
    'axes.titlelocation': 'left',
    'savefig.dpi': 130,
    'figure.constrained_layout.use': True,
}


def draw(found: Results, folder: Path) -> list[Path]:
    """Write a PNG for each section of PICTURES; return their paths."""
    paths = []
    for name, section in found['sections'].items():
        if name in PICTURES:
            with matplotlib.rc_context(STYLE):
                paths.append(folder / f'{name}.png')
                PICTURES[name](section).savefig(paths[-1])
    return paths


def panels(count: int, height: float = 4.2) -> tuple[Figure, Sequence[Axes]]:
    """Return a figure and its axes, side by side."""
    figure = Figure(figsize=((5.6 if count < 3 else 4.8) * count, height))
    axes: Sequence[Axes] = figure.subplots(1, count, squeeze=False)[0]
    return figure, axes


def plain(axis: Axis, ticks: Sequence[float] | None = None) -> None:
    """Label an axis 1, 10, 1,000 instead of powers."""
    low, high = axis.get_view_interval()
    # over few decades there are ticks at 2 and 5, too
    axis.set_major_locator(FixedLocator(ticks) if ticks else LogLocator(subs=(1, 2, 5) if high < 80 * low else (1,)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f'{value:,.10g}'))
    axis.set_minor_formatter('')


def _step(section: Results) -> Figure:
    figure, axes = panels(len(section['models']))
    for place, (model, words) in zip(axes, section['models'].items()):
        cases = [case for case in section['cases'] if case['model'] == model]
        for index, name in enumerate(dict.fromkeys(name for case in cases for name in case['us'])):
            points = [(case['rows'], case['us'][name] / 1e3) for case in cases if name in case['us']]
            bare = name.startswith('bare')
            place.plot(
                *zip(*points),
                MARKERS[index],
                linestyle='--' if bare else '-',
                markersize=5,
                label=name,
                color=COLOURS[index],
            )
        place.set(
            xscale='log', yscale='log', xlabel='rows of the batch', ylabel='a step, ms', title=words.split(',')[0]
        )
        plain(place.xaxis, [case['rows'] for case in cases])
        plain(place.yaxis)
    axes[0].legend(loc='upper left')
    return figure


def _latency(section: Results) -> Figure:
    figure, axes = panels(len(section['cases']))
    for place, (load, case) in zip(axes, section['cases'].items()):
        for index, (name, each) in enumerate(case.items()):
            # observations without an answer are missing at the top
            place.step(
                [value / 1e3 for value in each['values']],
                [share * each['answered'] for share in each['shares']],
                where='post',
                label=name,
                color=COLOURS[index],
            )
        place.set(
            xscale='log',
            ylim=(0, 1.01),
            xlabel='observation → action, ms',
            ylabel='share of the observations',
            title=LOADS[load],
        )
        plain(place.xaxis)
    axes[-1].legend(loc='lower right')
    return figure


def _jitter(section: Results) -> Figure:
    rates = list(dict.fromkeys(case['rate'] for case in section['cases']))
    figure, axes = panels(len(rates))
    for place, rate in zip(axes, rates):
        for case in (case for case in section['cases'] if case['rate'] == rate):
            # the thread alone was measured without cameras
            for colour, (name, each) in zip(COLOURS[2::-1], reversed(case['jitter'].items())):
                place.step(
                    each['values'],
                    [1 - share for share in each['shares']],
                    where='post',
                    color=colour,
                    linestyle='--' if case['cameras'] else '-',
                    label=name + (', two cameras' if case['cameras'] else ''),
                )
        place.axhline(0.01, color=COLOURS[0], linewidth=1.0, linestyle=':')
        place.set(
            xscale='log',
            yscale='log',
            ylim=(1e-3, 1.0),
            xlim=(1, None),
            xlabel='|interval − period|, µs',
            ylabel='share of the steps beyond',
            title=f'{rate:g} Hz; dotted: 1 %',
        )
        plain(place.xaxis)
        plain(place.yaxis)
    axes[-1].legend(loc='upper left', bbox_to_anchor=(1.0, 1.0))
    return figure


def _robots(section: Results) -> Figure:
    figure, (late, taken) = panels(2)
    kinds = list(dict.fromkeys((case['rate'], case['arrival']) for case in section['cases']))
    for index, (rate, arrival) in enumerate(kinds):
        cases = [case for case in section['cases'] if (case['rate'], case['arrival']) == (rate, arrival)]
        look: dict[str, Any] = {
            'marker': MARKERS[index],
            'color': COLOURS[index + 1],
            'label': f'{rate:g} Hz, {arrival}',
        }
        counts = [case['robots'] for case in cases]
        late.plot(counts, [case['p99'] * rate / 1e6 for case in cases], **look)
        taken.plot(counts, [case['cpu'] for case in cases], **look)
    late.axhline(1.0, color=COLOURS[0], linewidth=1.0, linestyle=':')
    late.set(
        xlabel='robots',
        ylabel='p99 of the latency / period',
        xscale='log',
        yscale='log',
        title='observation → action; dotted: the period',
    )
    taken.set(xlabel='robots', ylabel='of a core', xscale='log', yscale='log', title='processor time of the node')
    for place in (late, taken):
        plain(place.xaxis, sorted({case['robots'] for case in section['cases']}))
        plain(place.yaxis)
    taken.legend(loc='upper left')
    return figure


def _batch(section: Results) -> Figure:
    figure, (whole, row) = panels(2)
    for index, case in enumerate(section['cases']):
        a, b = case['line']
        name, rows = case['words'].split(',')[0], case['rows']
        look: dict[str, Any] = {'color': COLOURS[index + 1], 'marker': MARKERS[index], 'label': name}
        whole.plot(rows, [us / 1e3 for us in case['us']], linestyle='', **look)
        whole.plot(
            rows,
            [(a + b * count) / 1e3 for count in rows],
            '--',
            color=COLOURS[index + 1],
            linewidth=1.2,
            label=f'{a:.3g} µs + {b:.3g} µs · rows',
        )
        row.plot(rows, [us / count for us, count in zip(case['us'], rows)], **look)
    whole.set(xscale='log', yscale='log', xlabel='rows of the batch', ylabel='a step, ms', title='a step, and the line')
    row.set(xscale='log', yscale='log', xlabel='rows of the batch', ylabel='a row, µs', title='per row')
    for place in (whole, row):
        plain(place.xaxis, section['cases'][0]['rows'])
        plain(place.yaxis)
    whole.legend(loc='upper left')
    return figure


PICTURES: dict[str, Callable[[Results], Figure]] = {
    'step': _step,
    'latency': _latency,
    'jitter': _jitter,
    'robots': _robots,
    'batch': _batch,
}
