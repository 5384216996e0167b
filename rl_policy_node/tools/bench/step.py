# SPDX-License-Identifier: Apache-2.0
"""A policy step: every backend and every batch beside rl_games' player and beside its bare engine."""

import numpy as np

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.policy import Policy
from rl_policy_node.tools.bench.contenders import backends, contenders, load
from rl_policy_node.tools.bench.models import Model, STEPPED
from rl_policy_node.tools.bench.names import EAGER, FLOORS, PLAYER
from rl_policy_node.tools.bench.section import Bench, Results
from rl_policy_node.tools.bench.timing import interleaved

ROWS, QUICK_ROWS = (1, 16, 64, 256, 1024, 4096), (1, 64)
BLOCK, QUICK_BLOCK = 0.15, 0.05  # s
AGREEING_ROWS = 16


def measure(bench: Bench) -> Results:
    """Return {'cases': [...], 'agreement': [...]}; times in µs.

    Ratios are the player's time over each other's, and each backend's over that of its bare engine.
    """
    counts = QUICK_ROWS if bench.quick else ROWS
    with bench.stage('policy step', len(STEPPED) * (len(counts) + 1)) as done:
        cases = []
        for model in STEPPED:
            for rows in counts:
                cases.append(case(bench, model, rows))
                done(f'{model.name}, {rows} rows')
        agreement = []
        for model in STEPPED:
            agreement += _agreement(bench, model)
            done(f'{model.name}, agreement')
    return {'models': {model.name: model.words for model in STEPPED}, 'cases': cases, 'agreement': agreement}


def case(bench: Bench, model: Model, rows: int) -> Results:
    """Return the times of a model at a batch size."""
    threads = 1 if rows < 256 else 2  # a second one pays from hundreds of rows on
    calls, missing = contenders(model, bench.folder, rows, threads, bench.device)
    times = interleaved(calls, bench.runs, QUICK_BLOCK if bench.quick else BLOCK)
    return {
        'model': model.name,
        'rows': rows,
        'threads': threads,
        'missing': missing,
        'us': {name: seconds * 1e6 for name, seconds in times.items()},
        'player_over': {name: times[PLAYER] / seconds for name, seconds in times.items() if name != PLAYER},
        'over_floor': {name: times[name] / times[floor] for name, floor in FLOORS.items() if floor in times},
    }


def _agreement(bench: Bench, model: Model) -> list[Results]:
    """Return the greatest difference of each backend's actions from eager's, over many steps of one recurrent state."""
    steps, found = 50 if bench.quick else 1000, []
    for name in backends(bench.device):
        try:
            other = load(model, bench.folder, AGREEING_ROWS, name, bench.device, 1)
        except ConfigurationError:
            continue  # the cases say why
        if name != EAGER:
            eager = model.load(bench.folder, AGREEING_ROWS, EAGER, bench.device)
            found.append(
                {
                    'model': model.name,
                    'backend': name,
                    'rows': AGREEING_ROWS,
                    'steps': steps,
                    'max_difference': difference(model, eager, other, steps),
                }
            )
    return found


def difference(model: Model, one: Policy, other: Policy, steps: int) -> float:
    """Return the greatest difference between the actions of two Policies on the same observations, over `steps`."""
    greatest = 0.0
    for step in range(steps):
        observations = model.observations(one.rows, seed=step)
        greatest = max(greatest, float(np.abs(one.act(observations) - other.act(observations)).max()))
    return greatest
