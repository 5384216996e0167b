# SPDX-License-Identifier: Apache-2.0
"""Check that a backend acts as rl_games' player does before it is used."""

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np

from rl_policy_node.policy.backends.backend import Backend
from rl_policy_node.policy.backends.inputs import Inputs
from rl_policy_node.policy.shared_types import Array, Observations

# key → (mean, variance) of the observations of training
Statistics: TypeAlias = Mapping[str, tuple[Array, Array]]

STEPS, SEED = 8, 0


def difference(backend: Backend, reference: Backend, statistics: Statistics | None = None) -> float:
    """Return the greatest difference of actions over some steps on seeded observations; both restart before and after.

    Absolute up to 1, relative beyond; different choices, and NaN in only one of the two, count as infinite.
    statistics: key → (mean, variance) of the observations of training, where known. Every row is held and reset
    meanwhile, each at its own time, because both backends must do that alike, too.
    """
    random, worst = np.random.default_rng(SEED), 0.0
    for each in (backend, reference):
        each.restart()
    for step in range(STEPS):
        observations = _observations(reference.inputs, random, step, statistics or {})
        phase = (step + np.arange(reference.rows)) % STEPS
        hold, reset = (phase == 2) | (phase == 5), phase == 3
        found, wanted = (each.act(observations, hold) for each in (backend, reference))
        worst = max(worst, _distance(found, wanted))
        for each in (backend, reference):
            each.reset(reset)
    for each in (backend, reference):
        each.restart()
    return worst


def _observations(inputs: Inputs, random: np.random.Generator, step: int, statistics: Statistics) -> Observations:
    """Return random observations: distributed as in training in even steps, of the size of one in odd ones."""
    observations: dict[str, Array] = {}
    for key, shape in inputs.shapes.items():
        choices = _choices(inputs, key)
        if choices:
            observations[key] = random.integers(0, choices, shape).astype(inputs.dtypes[key])
            continue
        mean, variance = statistics.get(key, (0.0, 1.0)) if step % 2 == 0 else (0.0, 1.0)
        observations[key] = (mean + np.sqrt(variance) * random.standard_normal(shape)).astype(np.float32)
    return observations if inputs.spaces.is_dict else observations['obs']


def _choices(inputs: Inputs, key: str) -> int:
    """Return the number of values that an observation may have, 0 if it may have any."""
    if inputs.dtypes[key] == np.uint8:
        return 256
    # rl_games' resnet looks the last action up in a table
    action = inputs.spaces.action
    return int(action.get('discrete', 0)) if key == 'last_action' and isinstance(action, dict) else 0


def _distance(found: Array, wanted: Array) -> float:
    if found.dtype != wanted.dtype or found.shape != wanted.shape:
        return np.inf
    if wanted.dtype.kind == 'i':
        return 0.0 if np.array_equal(found, wanted) else np.inf
    finite = np.isfinite(found) & np.isfinite(wanted)
    if not np.array_equal(found[~finite], wanted[~finite], equal_nan=True):
        return np.inf
    apart = np.abs(found[finite] - wanted[finite]) / np.maximum(1.0, np.abs(wanted[finite]))
    return float(apart.max(initial=0.0))
