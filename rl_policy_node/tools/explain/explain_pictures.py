# SPDX-License-Identifier: Apache-2.0
"""Pictures of a term: how its numbers are distributed and how they run, on the robot, in simulation, in training."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
import numpy as np

from rl_policy_node.control.arrays import Array, Floats
from rl_policy_node.mismatch.recording import Recording

ROBOT, SIMULATION, TRAINING = '#d9822b', '#2f6f9f', '#6b7683'
_MOST_NUMBERS, _BINS, _STEPS = 3, 60, 240


def term_picture(robot: Recording, simulation: Recording, name: str) -> Figure:
    """Return a row for each of the numbers of a term that differ most: their distributions, and an episode of each."""
    places = _oddest(robot.values(name), simulation.values(name))
    figure = Figure(figsize=(10.4, 0.5 + 1.75 * len(places)))
    axes = figure.subplots(len(places), 2, squeeze=False, width_ratios=(2, 3))
    labels = robot.terms[name].labels
    for (left, right), place in zip(axes, places):
        _distributions(left, robot, simulation, name, place)
        _runs(right, robot, simulation, name, place)
        left.set_ylabel(f'{name} {labels[place]}')
    axes[0, 0].set_title('how often', loc='left', fontsize=9)
    axes[0, 1].set_title('one episode of some robots, over time, s', loc='left', fontsize=9)
    axes[0, 0].legend(loc='best')
    return figure


def _oddest(robot: Array, simulation: Array) -> Sequence[int]:
    """Return the numbers whose distributions differ most, in their own order."""
    sides = [each.reshape(-1, each.shape[2]).astype(np.float64) for each in (robot, simulation)]
    quantiles = [np.nanquantile(each, [0.05, 0.25, 0.5, 0.75, 0.95], axis=0) for each in sides]
    width = quantiles[1][-1] - quantiles[1][0] + 1e-3 * np.abs(quantiles[1][2]) + 1e-9
    apart = np.abs(quantiles[0] - quantiles[1]).max(axis=0) / width
    return sorted(np.argsort(-apart)[:_MOST_NUMBERS].tolist())


def _distributions(axes: Axes, robot: Recording, simulation: Recording, name: str, place: int) -> None:
    sides = [_known(each.values(name)[:, :, place]) for each in (robot, simulation)]
    low, high = (float(edge([edge(each) for each in sides])) for edge in (np.min, np.max))
    margin = 0.02 * (high - low) + 1e-9
    bins = np.linspace(low - margin, high + margin, _BINS)
    for values, colour, label in zip(sides, (ROBOT, SIMULATION), ('robot', 'simulation')):
        weights = np.full(len(values), 1 / max(1, len(values)))
        axes.hist(values, bins.tolist(), weights=weights, color=colour, alpha=0.55, label=label)
    trained = robot.trained(name) or simulation.trained(name)
    if trained is not None and trained[1][place] > 0:
        mean, deviation = trained[0][place], trained[1][place]
        span = np.linspace(low - margin, high + margin, 200)
        density = np.exp(-((span - mean) ** 2) / (2 * deviation**2)) / (deviation * np.sqrt(2 * np.pi))
        axes.plot(span, density * (bins[1] - bins[0]), color=TRAINING, label='training', linestyle='--')
    axes.set_yticks([])


def _runs(axes: Axes, robot: Recording, simulation: Recording, name: str, place: int) -> None:
    for recording, colour in ((simulation, SIMULATION), (robot, ROBOT)):
        for row in range(min(3, recording.rows)):
            start, stop = _first_episode(recording, row)
            time = recording.time[start:stop] - recording.time[start]
            axes.plot(time, recording.values(name)[start:stop, row, place], color=colour, linewidth=0.9, alpha=0.8)


def _first_episode(recording: Recording, row: int) -> tuple[int, int]:
    """Return the steps of the longest episode of a row, or its beginning."""
    starts = [0, *(np.flatnonzero(recording.reset[1:, row]) + 1).tolist(), recording.steps]
    lengths = np.diff(starts)
    longest = int(np.argmax(lengths))
    return starts[longest], min(starts[longest + 1], starts[longest] + _STEPS)


def _known(values: Array) -> Floats:
    flat: Floats = values.reshape(-1).astype(np.float64)
    return flat[np.isfinite(flat)]
