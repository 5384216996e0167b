# SPDX-License-Identifier: Apache-2.0
"""The learning curves of a training folder as a picture."""

import csv
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

CURVES = {'curve.csv': ('with touch', '#2f6f9f'), 'blind_curve.csv': ('without touch', '#d9822b')}


def draw_curves(folder: str | Path) -> None:
    """Draw `curve.png` from the curve.csv files (epoch, frame, return, success) in a folder."""
    folder = Path(folder)
    figure = Figure(figsize=(9, 3.2), layout='constrained')
    left, right = figure.subplots(1, 2)
    for name, (label, colour) in CURVES.items():
        if (folder / name).exists():
            with open(folder / name) as file:
                _draw(left, right, list(csv.DictReader(file)), label, colour)
    left.set(xlabel='environment steps, million', ylabel='return of an episode')
    right.set(xlabel='environment steps, million', ylabel='success, deterministic', ylim=(0, 1.03))
    for axes in (left, right):
        axes.grid(color='#e9edf0')
        axes.spines[['top', 'right']].set_visible(False)
        axes.legend(frameon=False, loc='center right')
    figure.savefig(folder / 'curve.png', dpi=130)


def _draw(left: Axes, right: Axes, rows: list[dict[str, str]], label: str, colour: str) -> None:
    left.plot([float(r['frame']) / 1e6 for r in rows], [float(r['return']) for r in rows], color=colour, label=label)
    measured = [r for r in rows if r['success']]
    right.plot(
        [float(r['frame']) / 1e6 for r in measured],
        [float(r['success']) for r in measured],
        '.-',
        color=colour,
        label=label,
    )
