# SPDX-License-Identifier: Apache-2.0
"""How the simulator moves: one step as a linear law with outliers that count little, and where its episodes begin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from rl_policy_node.mismatch.case import Indices
from rl_policy_node.mismatch.series import Floats
from rl_policy_node.mismatch.unpaired.urge import Urge
from rl_policy_node.mismatch.unpaired.view import View

NOISE = 0.02  # of a number's spread: that much noise is ordinary, and the law has to bear it
_FREEDOM = 4.0  # of Student's t: how heavy tails are
_MOST_VOTES = 2.0  # numbers that the largest term counts as
_MOST_STRIDE = 2.0  # larger steps than these are no reason for larger residuals
COUNTED = 300.0  # steps that neighbours' likeness leaves of any number of them
_MOST_LINES = 1200
_SHRINK = 0.1
_SMALL, _DIRECTIONS = 8, 4  # numbers of a term that all count at the begin; of a larger one so many directions
_TRUSTED = 3.0  # what begins an episode is no consequence of what the policy did
_SLACK = 1.0  # standard deviations between robots of a simulator by which its own figures may be missed


@dataclass(frozen=True, eq=False)
class Scale:
    """Mean and spread (n,) of numbers in simulation; what stands still there has a thousandth of its size."""

    mean: Floats
    spread: Floats

    @classmethod
    def of(cls, values: Floats) -> Scale:
        """Return that of values (lines, n)."""
        mean, spread = values.mean(axis=0), values.std(axis=0)
        return cls(mean, np.maximum(spread, 1e-3 * np.maximum(np.abs(mean), 1e-3)))

    def of_all(self, values: Floats) -> Floats:
        """Return the normalised values."""
        scaled: Floats = (values - self.mean) / self.spread
        return scaled


@dataclass(frozen=True, eq=False)
class Lines:
    """Steps of a view: the numbers before (n), now and next, the commands before and now; and the row of each."""

    before: Floats
    now: Floats
    next: Floats
    command: Floats
    last_command: Floats
    row: Indices

    @classmethod
    def of(cls, view: View, most: int = _MOST_LINES) -> Lines:
        """Return the steps that have a step before them, or a share of them where there are very many."""
        steps = view.steps & view.young
        steps[0] = False
        steps[1:] &= view.steps[:-1]
        # drawn step by step: a correction is judged by the lines that it leaves of these
        drawn = np.random.default_rng(0).random(steps.shape) < most / max(1, int(steps.sum()))
        time, row = np.nonzero(steps & drawn)
        x, c = view.x, view.c
        return cls(x[time - 1, row], x[time, row], x[time + 1, row], c[time, row], c[time - 1, row], row)


@dataclass(frozen=True, eq=False)
class Whitening:
    """A normal law of few samples, shrunk to its diagonal, with outliers that count little."""

    mean: Floats
    half: Floats
    weight: float

    @classmethod
    def of(cls, samples: Floats, sizes: Sequence[int]) -> Whitening:
        """Return that of normalised samples (lines, n). sizes: of terms; of large ones the main directions count."""
        if len(samples) < 3:
            return cls(np.zeros(sum(sizes)), np.zeros((sum(sizes), 1)), 0.0)
        mean = samples.mean(axis=0)
        away = samples - mean
        # the main directions of what comes along, one after another: (n, d)
        ways = np.zeros((sum(sizes), 0))
        for size, start in zip(sizes, np.cumsum([0, *sizes])):
            way = np.zeros((sum(sizes), min(size, _DIRECTIONS if size > _SMALL else size)))
            part = away[:, start : start + size]
            way[start : start + size] = np.eye(size) if size <= _SMALL else np.linalg.svd(part)[2][:_DIRECTIONS].T
            ways = np.concatenate([ways, way], axis=1)
        cov, count = np.cov((away @ ways).T).reshape(ways.shape[1], -1), ways.shape[1]
        floor = np.diag(np.maximum(np.diag(cov), (3 * NOISE) ** 2))
        # few samples say little of many numbers
        share = min(1.0, _SHRINK + count / (count + 4 * len(samples)))
        values, vectors = np.linalg.eigh((1 - share) * cov + share * floor)
        half = ways @ vectors / np.sqrt(np.maximum(values, NOISE**2))
        return cls(mean, half, min(1.0, _TRUSTED / np.sqrt(count)))

    def log(self, samples: Floats) -> Floats:
        """Return the log-likelihood of normalised samples (lines, n)."""
        logs: Floats = log_t((samples - self.mean) @ self.half).sum(axis=1) * self.weight
        return logs


@dataclass(frozen=True, eq=False)
class Reach:
    """Least and greatest place and step (2, n) in simulation: beyond them a law that is linear says nothing."""

    places: Floats
    steps: Floats

    @classmethod
    def of(cls, now: Floats, before: Floats) -> Reach:
        """Return that of normalised numbers (lines, n)."""
        step = now - before
        return cls(np.stack([now.min(axis=0), now.max(axis=0)]), np.stack([step.min(axis=0), step.max(axis=0)]))

    def place(self, z: Floats) -> Floats:
        """Return places (lines, n) within reach."""
        return np.clip(z, self.places[0] - NOISE, self.places[1] + NOISE)

    def step(self, change: Floats) -> Floats:
        """Return steps (lines, n) within reach."""
        return np.clip(change, self.steps[0] - NOISE, self.steps[1] + NOISE)

    def of_columns(self, columns: Indices) -> Reach:
        """Return that of some numbers."""
        return Reach(self.places[:, columns], self.steps[:, columns])


@dataclass(frozen=True, eq=False)
class Level:
    """What the simulator itself reaches (n,): log-likelihood of its steps, and the same against standing still."""

    steps: Floats
    relative: Floats


@dataclass(frozen=True, eq=False)
class Physics:
    """The law of one step, z' − z = W f(z, z of before, commands), of a simulator's view.

    x: scale of the numbers. urge: of the commands. weights (n,): how much a number counts, as terms of many numbers
    must not outvote those of few. sigma (n,): of residuals; stride (n,): of the steps themselves. begin: the law of the
    first numbers of episodes. low, high (n,): where values lie. level: of the simulator's own rows that were not
    fitted. young (n,): mean soon after episodes begin. reach: of the numbers.
    """

    x: Scale
    urge: Urge
    law: Floats
    weights: Floats
    sigma: Floats
    stride: Floats
    begin: Whitening
    low: Floats
    high: Floats
    level: Level
    young: Floats
    reach: Reach

    @classmethod
    def of(cls, view: View) -> Physics:
        """Fit the law to a simulator's view; every other row judges the residuals of a fit to the others."""
        every = Lines.of(replace(view, young=np.ones_like(view.young)), 6 * _MOST_LINES)
        lines = Lines.of(view, 6 * _MOST_LINES)
        known = view.x[np.isfinite(view.x).all(axis=2)]
        x = Scale.of(known)
        c = Urge.of(every.command, x.of_all(every.now), view.names)
        reach = Reach.of(x.of_all(every.now), x.of_all(every.before))
        features, change = _features(every, x, c, reach), _change(every, x)
        young, step = _features(lines, x, c, reach), _change(lines, x)
        residual = np.empty_like(step)
        for half in (0, 1):
            others, mine = every.row % 2 != half, lines.row % 2 == half
            others = others if others.any() else ~others
            residual[mine] = step[mine] - young[mine] @ _fit(features[others], change[others])
        law = _fit(features, change)
        noise = NOISE * np.sqrt(_noise_gain(law, change.shape[1]))
        sigma = np.sqrt(_spread_of(residual) ** 2 + noise**2)
        stride = np.sqrt(_spread_of(step) ** 2 + 2 * NOISE**2)
        sizes = np.concatenate([np.full(part.size, part.size) for part in view.parts])
        low, high = np.quantile(x.of_all(known), [0.02, 0.98], axis=0)
        begin = Whitening.of(x.of_all(view.x[view.begins]), [part.size for part in view.parts])
        level = _level(residual / sigma, step / stride, lines.row)
        weights = np.minimum(1.0 / np.sqrt(sizes), _MOST_VOTES / sizes)
        return cls(x, c, law, weights, sigma, stride, begin, low, high, level, lines.now.mean(axis=0), reach)

    def residuals(self, lines: Lines) -> Floats:
        """Return what the law leaves of each step (lines, n), in sigmas."""
        left: Floats = (
            _change(lines, self.x) - _features(lines, self.x, self.urge, self.reach) @ self.law
        ) / self.sigma
        return left

    def strides(self, lines: Lines) -> Floats:
        """Return each step (lines, n), in the usual ones."""
        steps: Floats = _change(lines, self.x) / self.stride
        return steps

    @staticmethod
    def standing(strides: Floats) -> Floats:
        """Return the log-likelihood of strides for who expects none."""
        return log_t(np.clip(strides, -_MOST_STRIDE, _MOST_STRIDE))

    def beyond(self, values: Floats) -> float:
        """Return the log-likelihood of values (lines, n) that lie beyond those of simulation, a line's worth."""
        z = self.x.of_all(values)
        beyond = np.maximum(0.0, np.maximum(z - self.high, self.low - z)) / np.maximum(self.high - self.low, 0.5)
        return float(log_t(3 * beyond).mean(axis=0) @ self.weights) if len(z) else 0.0


def log_t(residual: Floats) -> Floats:
    """Return the log-likelihood of residuals in sigmas, without its constant."""
    logs: Floats = -(_FREEDOM + 1) / 2 * np.log1p(residual**2 / _FREEDOM)
    return logs


def _level(residual: Floats, stride: Floats, row: Indices) -> Level:
    """Return what the rows of a simulator reach, less what they differ by."""
    steps = log_t(residual)
    relative = steps - Physics.standing(stride)
    found = []
    for logs in (steps, relative):
        rows = np.stack([logs[row == each].mean(axis=0) for each in np.unique(row)])
        found.append(rows.mean(axis=0) - _SLACK * rows.std(axis=0))
    return Level(*found)


def _spread_of(residual: Floats) -> Floats:
    """Return a standard deviation of each column in which outliers count little."""
    middle = 1.48 * np.median(np.abs(residual), axis=0) + 1e-3 * residual.std(axis=0) + 1e-9
    spread: Floats = np.sqrt(np.mean(residual**2 / (1 + residual**2 / (9 * middle) ** 2), axis=0))
    return spread


def _features(lines: Lines, x: Scale, urge: Urge, reach: Reach) -> Floats:
    now, before = x.of_all(lines.now), x.of_all(lines.before)
    asked = urge.within(urge.scaled(lines.command) - urge.of_state(now))
    asked_before = urge.within(urge.scaled(lines.last_command) - urge.of_state(before))
    parts = [np.ones((len(now), 1)), reach.place(now), reach.step(now - before), asked, asked - asked_before]
    return np.concatenate(parts, axis=1)


def _change(lines: Lines, x: Scale) -> Floats:
    change: Floats = (lines.next - lines.now) / x.spread
    return change


def _fit(features: Floats, change: Floats) -> Floats:
    """Return the ridge regression (features, n), with the penalty that noise on the numbers would be."""
    count, lines = change.shape[1], len(features)
    gram = features.T @ features + np.diag(np.full(features.shape[1], 1e-5 * lines))
    now, step = slice(1, 1 + count), slice(1 + count, 1 + 2 * count)
    extra = NOISE**2 * lines * np.eye(count)
    gram[now, now] += extra
    gram[step, step] += 2 * extra
    gram[now, step] += extra
    gram[step, now] += extra
    right = features.T @ change
    # noise of a number is in the step that begins with it, too
    right[now] -= extra
    right[step] -= extra
    law: Floats = np.linalg.solve(gram, right)
    return law


def _noise_gain(law: Floats, count: int) -> Floats:
    """Return the variance (n,) of residuals that noise of variance 1 on every number makes."""
    now, step = law[1 : 1 + count], law[1 + count : 1 + 2 * count]
    gain: Floats = 1.0 + ((np.eye(count) + now + step) ** 2).sum(axis=0) + (step**2).sum(axis=0)
    return gain
