# SPDX-License-Identifier: Apache-2.0
"""The arrays of each step in a bag of the simulator bridge."""

from __future__ import annotations

from collections.abc import Container
import logging
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import yaml

from rl_policy_node.control.arrays import Array
from rl_policy_node.errors import unfit
from rl_policy_node.nodes.policy.record.record_options import METADATA, TOP
from rl_policy_node.nodes.simulator.run_topics import LATENCY, RUN
from rl_policy_node.nodes.topics.array_payloads import array_of

if TYPE_CHECKING:  # it needs what only reading a bag needs
    from rl_policy_node.tools.bag.bag_reader import Bag

STEP = 'step'  # the key of the numbers of the steps, where some are missing
_log = logging.getLogger(__name__)


def run_arrays(bag: Bag, only: Container[str] | None = None) -> dict[str, Array]:
    """Return name → (steps, rows, …) of a bag of the bridge, and `latency` (steps,), s, NaN where it was not measured.

    only: the names of those that are wanted; None: all. A step counts if it has all the arrays of the first one. Where
    steps are missing, because the recorder did not keep up, `step` (steps,) has the numbers of those that are there.
    Raises ConfigurationError for another bag.
    """
    if 'run' not in bag.metadata:
        raise unfit(f"bag '{bag.path}'", 'not of the simulator bridge', 'one that sim.record makes')
    prefix = bag.metadata['run']['steps']
    found: dict[str, dict[int, Array]] = {}
    for message in bag.messages():
        if message.topic.startswith(prefix):
            name, array = array_of(message.type, message.payload)
            name = name or message.topic[len(prefix) :]
            if only is None or name in only:
                found.setdefault(name, {})[message.sequence] = array
    latency = found.pop(LATENCY, {})
    first = min(map(min, found.values()), default=0)
    named = {name: arrays for name, arrays in found.items() if first in arrays}
    steps = sorted(set.intersection(*map(set, named.values()))) if named else []
    arrays = {name: np.stack([each[step] for step in steps]) for name, each in named.items()}
    arrays[LATENCY] = np.array([latency.get(step, np.nan) for step in steps], dtype=np.float64)
    if steps and steps[-1] >= len(steps):
        _log.warning(f"bag '{bag.path}' misses {steps[-1] + 1 - len(steps)} of {steps[-1] + 1} steps")
        arrays[STEP] = np.array(steps)
    return arrays


def newest_run(folder: Path) -> Path:
    """Return the newest bag of the bridge in a folder of bags; raises ConfigurationError if there is none."""
    found = {}
    for path in folder.glob(f'*/{METADATA}'):
        custom = yaml.safe_load(path.read_text())[TOP].get('custom_data') or {}
        if RUN in custom.values():
            found[int(custom['started'])] = path.parent
    if not found:
        raise unfit(f"'{folder}'", 'without a bag of the simulator bridge', 'the folder of sim.record')
    return found[max(found)]
