# SPDX-License-Identifier: Apache-2.0
"""Figures of each term and command on both sides."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rl_policy_node.mismatch.recording import Recording
from rl_policy_node.mismatch.series import Floats
from rl_policy_node.mismatch.unpaired.account import CommandAccount, Figures, Following, Spread, TermAccount

FAR = 5.0  # deviations from training's mean, where rl_games' normaliser clamps
_ALIKE = 0.9  # correlation of a command with what is measured of it, in simulation
_MOST_LAG = 20  # steps


def terms_of(robot: Recording, simulation: Recording) -> Iterator[TermAccount]:
    """Yield each term of both recordings."""
    for name, track in robot.terms.items():
        if name not in simulation.terms:
            continue
        mean, spread = reference(simulation, name)
        sides = [_figures(each, name, mean, spread) for each in (robot, simulation)]
        yield TermAccount(name, track.source, sides[0], sides[1], _odd(robot, simulation, name))


def reference(simulation: Recording, name: str) -> tuple[Floats, Floats]:
    """Return mean and deviation (size,) that numbers of a term are shown in: of training, else of simulation."""
    flat = _flat(simulation.values(name))
    trained = simulation.trained(name)
    mean, spread = trained if trained is not None else (flat.mean(axis=0), flat.std(axis=0))
    least = np.maximum(flat.std(axis=0), 1e-6 * np.maximum(1.0, np.abs(mean)))
    return mean, np.where(spread > 1e-6, spread, least)


def _flat(values: Floats) -> Floats:
    flat = values.reshape(-1, values.shape[2]).astype(np.float64)
    return flat[np.isfinite(flat).all(axis=1)]


def _figures(recording: Recording, name: str, mean: Floats, spread: Floats) -> Figures:
    flat = _flat(recording.values(name))
    z = (flat - mean) / spread
    low, middle, high = np.quantile(z, [0.05, 0.5, 0.95]) if z.size else (np.nan,) * 3
    varied = np.ptp(flat, axis=0) > 0 if len(flat) else np.zeros(flat.shape[1], dtype=bool)
    ends = (flat == flat.min(axis=0)) | (flat == flat.max(axis=0)) if len(flat) else flat > 0
    known = recording.trained(name) is not None
    return Figures(
        Spread(float(low), float(middle), float(high)),
        float((np.abs(z) > FAR).mean()) if known and z.size else float('nan'),
        float(ends[:, varied].mean()) if varied.any() else 0.0,
        _still(recording, name),
        _gap(recording, recording.terms[name].source),
    )


def _still(recording: Recording, name: str) -> float:
    """Return the share of steps in which a term repeats, and the actions change."""
    same = (np.diff(recording.values(name), axis=0) == 0).all(axis=2)
    moved = (np.diff(recording.actions, axis=0) != 0).any(axis=2) & recording.acted[1:] & ~recording.reset[1:]
    return float(same[moved].mean()) if moved.any() else 0.0


def _gap(recording: Recording, source: str) -> float:
    """Return the longest time between two messages of a source, in usual ones."""
    times = recording.received.get(source)
    if times is None or len(times) < 3:
        return float('nan')
    gaps = np.diff(times, axis=0)
    usual = np.nanmedian(gaps)
    return float(np.nanmax(gaps) / usual) if usual > 0 else float('nan')


def _odd(robot: Recording, simulation: Recording, name: str) -> float:
    """Return how far a robot's mean and spread of a term are from those of simulated robots, in their differences."""
    rows = simulation.values(name).astype(np.float64)
    figures = [np.stack([np.nanmean(each, axis=0), np.nanstd(each, axis=0)]) for each in (rows, robot.values(name))]
    middle, usual = figures[0].mean(axis=1), figures[0].std(axis=1)
    scale = np.maximum(usual, 0.1 * middle[1] + 1e-6 * np.maximum(1.0, np.abs(middle[0])))
    return float(np.max(np.abs(figures[1].mean(axis=1) - middle) / scale))


def commands_of(robot: Recording, simulation: Recording) -> Iterator[CommandAccount]:
    """Yield each command that something measured corresponds to in simulation."""
    for action, fields in simulation.commands.items():
        for field, command in fields.items():
            found = _counterpart(simulation, field, command)
            there = robot.commands.get(action, {}).get(field)
            if found is None or there is None:
                continue
            source = robot.measured.get(found, {}).get(field)
            if source is not None and source.shape == there.shape:
                sides = (
                    _following(robot, there, source),
                    _following(simulation, command, simulation.measured[found][field]),
                )
                yield CommandAccount(f'{action}.{field}', *sides)


def _counterpart(recording: Recording, field: str, command: Floats) -> str | None:
    """Return the source whose field of the same name moves with a command."""
    for source, fields in recording.measured.items():
        measured = fields.get(field)
        if measured is None or measured.shape != command.shape:
            continue
        pair = [_flat(each) for each in (command, measured)]
        moving = (pair[0].std(axis=0) > 0) & (pair[1].std(axis=0) > 0)
        alike = [np.corrcoef(pair[0][:, k], pair[1][:, k])[0, 1] for k in np.flatnonzero(moving)]
        if alike and np.median(alike) > _ALIKE:
            return source
    return None


def _following(recording: Recording, command: Floats, measured: Floats) -> Following:
    command, measured = command.astype(np.float64), measured.astype(np.float64)
    change = np.diff(command, axis=0)
    there = recording.acted[1:] & ~recording.reset[1:]
    change, moved = np.where(there[..., None], change, 0.0), np.where(there[..., None], np.diff(measured, axis=0), 0.0)
    lags = [
        float(np.sum(change[: len(change) - lag] * moved[lag:])) for lag in range(min(_MOST_LAG, len(change) - 1) + 1)
    ]
    lag = int(np.argmax(lags))
    error = command - measured
    turned = (change[1:] * change[:-1] < 0) & (np.abs(change[1:]) > 0)
    flat = _flat(command)
    ends = ((flat == flat.min(axis=0)) | (flat == flat.max(axis=0))) & (np.ptp(flat, axis=0) > 0)
    ahead = error[:-1][there]
    gain = float(np.sum(ahead * moved[there]) / max(np.sum(ahead**2), 1e-12))
    return Following(
        float(np.sqrt(np.nanmean(error[recording.acted] ** 2))),
        lag / recording.rate,
        gain,
        float(turned.mean()) if turned.size else 0.0,
        float(ends.mean()),
    )
