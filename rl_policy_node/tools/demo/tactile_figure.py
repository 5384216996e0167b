# SPDX-License-Identifier: Apache-2.0
"""What the fingers feel and the cameras see at the moments of an episode, as pictures."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
import numpy as np

from rl_policy_node.control.arrays import Array, Indices
from rl_policy_node.tools.demo.run_record import Episode, Record

FIELD = 'force_field'
MOST_ARROWS = 24  # along an axis of a field
_PRESSURE = LinearSegmentedColormap.from_list('pressure', ['#f6f8fa', '#9dbdd6', '#2f6f9f', '#12324a'])


def tactile_figure(record: Record, episode: Episode, moments: Indices, titles: Sequence[str]) -> Figure | None:
    """Return force fields and images of an episode, a line for each input, a column for each moment; None: it has none.

    A force field (rows, columns, 3): normal forces as colour, shear forces as arrows, rows upwards.
    """
    seen = {key: record[key][moments, episode.row] for key in record if _is_picture(key, record[key])}
    if not seen:
        return None
    figure = Figure(figsize=(10.4, 1.75 * len(seen) + 0.3))
    grid = figure.subplots(len(seen), len(moments), squeeze=False)
    for line, (key, values) in zip(grid, seen.items()):
        for axes, value in zip(line, values):
            axes.set(xticks=[], yticks=[])
            axes.grid(visible=False)
            if FIELD in key:
                _draw_field(axes, value, values)
            else:
                axes.imshow(_shown(value), interpolation='nearest')
        line[0].set_ylabel(
            key.removeprefix('obs/').replace('_', ' ').replace(' force field', '\nforce field'), fontsize=8
        )
        if FIELD in key:
            bar = figure.colorbar(line[-1].images[0], ax=line.tolist(), shrink=0.8, pad=0.01)
            bar.set_label('normal force, N', fontsize=7)
            bar.ax.tick_params(labelsize=7)
    for axes, title in zip(grid[0], titles):
        axes.set_title(title, fontsize=9)
    return figure


def _is_picture(key: str, values: Array) -> bool:
    """Return whether an input is a force field or an image: (T, N, rows, columns, channels)."""
    if not key.startswith('obs/') or values.ndim != 5 or min(values.shape[2:4]) < 2:
        return False
    return values.shape[4] == 3 if FIELD in key else values.shape[4] in (1, 3, 4)


def _draw_field(axes: Axes, field: Array, fields: Array) -> None:
    """Draw a field (rows, columns, 3) with the scales of all the `fields`."""
    axes.imshow(field[..., 0], cmap=_PRESSURE, vmin=0.0, vmax=max(float(fields[..., 0].max()), 1e-9), origin='lower')
    rows, columns = (np.arange(0, count, -(-count // MOST_ARROWS)) for count in field.shape[:2])
    shear = field[np.ix_(rows, columns)][..., 1:]
    longest = max(float(np.linalg.norm(fields[..., 1:], axis=-1).max()), 1e-9)
    # the longest arrow of all moments is as long as the way to the next one
    scale = longest / max(columns[1] - columns[0] if len(columns) > 1 else 1, 1)
    axes.quiver(
        *np.meshgrid(columns, rows),
        shear[..., 0],
        shear[..., 1],
        angles='xy',
        scale_units='xy',
        scale=scale,
        color='#d9822b',
        width=0.012,
        pivot='mid',
    )


def _shown(image: Array) -> Array:
    """Return an image as matplotlib takes it: bytes, or numbers from 0 to 1; differences are shown about the middle."""
    if image.dtype != np.uint8:
        image = image / 2 + 0.5 if image.min() < 0 else image / 255 if image.max() > 1 else image
        image = np.clip(image, 0.0, 1.0)
    return np.repeat(image, 3, axis=-1) if image.shape[-1] == 1 else image
