# SPDX-License-Identifier: Apache-2.0
"""One of two sides of a comparison: what `evaluate` or `demo` left, or a checkpoint that is played now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
import json
from pathlib import Path
from typing import Any, Final

import numpy as np

from rl_policy_node.control.arrays import Floats
from rl_policy_node.errors import ConfigurationError, unfit
from rl_policy_node.nodes.interfaces import Summary
from rl_policy_node.tools.demo.run_record import load_record
from rl_policy_node.tools.evaluate.compare import Side
from rl_policy_node.tools.process.run_bags import BAGS

EVALUATION: Final = 'evaluation.json'
SUMMARY: Final = 'summary.json'
# what episodes have to share to begin alike, row by row
_ORIGIN: Final = ('environment', 'seed', 'rows')


@dataclass(frozen=True, eq=False)
class Contestant:
    """Episodes of one side. latencies (n,): s, from observation to command, in their order; empty: not known.

    origin: what decides how each episode begins.
    """

    side: Side
    latencies: Floats
    origin: tuple[object, ...]

    @classmethod
    def of(cls, name: str, columns: Mapping[str, list[float | None]], latencies: Floats, run: Summary) -> Contestant:
        """Return a contestant. columns: as of Side. run: what was played, as `about_plan` returns it."""
        about: dict[str, object] = {
            key: run[key] for key in ('parameters', 'checkpoint', 'checkpoint_sha256', 'date') if key in run
        }
        return cls(Side(name, columns, about), latencies, tuple(run.get(key) for key in _ORIGIN))


def load_contestant(path: Path, name: str) -> Contestant:
    """Return what a folder, or its JSON file, of `evaluate` or `demo` holds; raises ConfigurationError."""
    file = next((path / each for each in (EVALUATION, SUMMARY) if (path / each).is_file()), path)
    if not file.is_file():
        raise ConfigurationError(f'{path} is no output of `rl_policy evaluate` or `demo`: it has no {EVALUATION}')
    try:
        content: dict[str, Any] = json.loads(file.read_text(encoding='utf-8'))
    except ValueError as error:
        raise ConfigurationError(f'{file} is no JSON: {error}') from error
    if 'nodes' in content:
        played, run = content['nodes'].get('played'), content['run']
    else:
        played, run = content.get('played'), {**content, 'rows': content.get('robots'), 'environment': 'insertion'}
    if not played or not played.get('return'):
        raise unfit(str(file), 'without an episode that ended', 'an evaluation, or a demo, that ended')
    bags = file.with_name(BAGS)
    steps = load_record(bags, only=('actions', 'latency'))['latency'] if bags.is_dir() else np.empty(0)
    return Contestant.of(name, played, steps[np.isfinite(steps)], run)
