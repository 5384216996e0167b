# SPDX-License-Identifier: Apache-2.0
"""Plays the same episodes with one checkpoint after the other, through the core of the node in one process."""

from __future__ import annotations

from collections.abc import Sequence
import logging
from pathlib import Path
import sys

import numpy as np
from rich.console import Console

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.nodes.policy.loading import load_policy
from rl_policy_node.resources import resolve
from rl_policy_node.tools.compare.comparing_runs import compare
from rl_policy_node.tools.compare.contest import Contest
from rl_policy_node.tools.compare.contestant import Contestant
from rl_policy_node.tools.evaluate.core_play import play_core
from rl_policy_node.tools.evaluate.sides import about_plan, make_plan, Plan
from rl_policy_node.tools.process.processes import private_domain
from rl_policy_node.tools.process.two_nodes import episode_bar

_log = logging.getLogger(__name__)


def compare_checkpoints(
    params_file: str,
    checkpoints: Sequence[str],
    episodes: int,
    robots: int | None,
    seed: int | None,
    settings: Sequence[str],
    output: str | Path,
    json_file: str | Path | None = None,
) -> bool:
    """Play two checkpoints on one parameter file, and compare them; the others as of make_plan and `compare`.

    Latencies are those of the policy's step; they do not decide, since B was played after A. Raises ConfigurationError.
    """
    if len(checkpoints) != 2:
        raise ConfigurationError(f'{len(checkpoints)} of --checkpoint; expected two, A and B')
    private_domain()
    sides = []
    for letter, checkpoint in zip('AB', checkpoints):
        stated = [*settings, f'policy.checkpoint={Path(checkpoint).resolve()}']
        plan = make_plan(resolve(params_file), episodes, robots, seed, stated)
        sides.append(_play(plan, f'{letter}: {checkpoint}', stated))
    a, b = sides
    return compare(Contest(a, b, timed_alike=False), output, json_file)


def _play(plan: Plan, name: str, settings: Sequence[str]) -> Contestant:
    policy = load_policy(plan.policy)
    with episode_bar(Console(file=sys.stdout, width=None if sys.stdout.isatty() else 120)) as bar:
        task = bar.add_task('', total=plan.episodes, figures=name)
        played = play_core(plan, policy, plan.policy.control, lambda ended: bar.update(task, completed=ended))
    seconds = np.array(played.policy_seconds)
    return Contestant.of(name, played.columns, seconds, about_plan(plan, settings, played.rate))
