"""The plots of what was found, one file for each section."""
import matplotlib
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from rl_policy_node.tools.bench.markdown import LOADS

COLOURS = ('#6b7683', '#2f6f9f', '#d9822b', '#3a8f6a', '#8a5fa8', '#b5533c')
MARKERS = 'osD^vP'
STYLE = {
    'font.family': 'sans-serif', 'font.size': 11, 'axes.edgecolor': '#b8c0c8', 'axes.labelcolor': '#4a5560',
    'axes.spines.top': False, 'axes.spines.right': False, 'axes.grid': True, 'grid.color': '#e9edf0',
    'axes.axisbelow': True, 'axes.prop_cycle': matplotlib.cycler(color=COLOURS), 'lines.linewidth': 1.8,
    'xtick.color': '#6b7683', 'ytick.color': '#6b7683', 'text.color': '#26323d', 'legend.frameon': False,
    'legend.fontsize': 10, 'axes.titlesize': 11, 'axes.titlelocation': 'left', 'savefig.dpi': 130,
    'figure.constrained_layout.use': True,
}


def draw(found, folder):
    """Write a PNG for each section that has a picture; return their paths."""
    paths = []
    for name, section in found['sections'].items():
        if name in PICTURES:
            with matplotlib.rc_context(STYLE):
                paths.append(folder / f'{name}.png')
                PICTURES[name](section).savefig(paths[-1])
    return paths


def panels(count, height=4.2):
    """Return a figure and its axes, side by side."""
    figure = Figure(figsize=(5.6 * count, height))
    return figure, figure.subplots(1, count, squeeze=False)[0]


def plain(axis, ticks=None):
    """Have an axis say 1, 10, 1,000 instead of powers."""
    if ticks:
        axis.set_ticks(ticks)
    axis.set_major_formatter(FuncFormatter(lambda value, _: f'{value:,.10g}'))
    axis.set_minor_formatter('')


def _step(section):
    figure, axes = panels(len(section['models']))
    for place, (model, words) in zip(axes, section['models'].items()):
        cases = [case for case in section['cases'] if case['model'] == model]
        for index, name in enumerate(dict.fromkeys(name for case in cases for name in case['us'])):
            points = [(case['rows'], case['us'][name] / 1e3) for case in cases if name in case['us']]
            bare = name.startswith('bare')
            place.plot(*zip(*points), MARKERS[index], linestyle='--' if bare else '-', markersize=5, label=name,
                       color=COLOURS[index])
        place.set(xscale='log', yscale='log', xlabel='rows of the batch', ylabel='a step, ms',
                  title=words.split(',')[0])
        plain(place.xaxis, [case['rows'] for case in cases])
        plain(place.yaxis)
    axes[0].legend(loc='upper left')
    return figure


def _latency(section):
    figure, axes = panels(len(section['cases']))
    for place, (load, case) in zip(axes, section['cases'].items()):
        for index, (name, each) in enumerate(case.items()):
            place.step([value / 1e3 for value in each['values']], each['shares'], where='post', label=name,
                       color=COLOURS[index])
        place.set(xscale='log', ylim=(0, 1.01), xlabel='observation → action, ms', ylabel='share of the answers',
                  title=LOADS[load])
        plain(place.xaxis)
    axes[0].legend(loc='lower right')
    return figure


PICTURES = {'step': _step, 'latency': _latency}
