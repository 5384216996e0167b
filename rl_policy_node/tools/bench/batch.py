# SPDX-License-Identifier: Apache-2.0
"""The cost of a row: time over the rows of a batch with a line through it, and memory."""

from collections.abc import Sequence
import json
import subprocess
import sys

from rl_policy_node.policy import set_threads
from rl_policy_node.tools.bench.contenders import policy_call
from rl_policy_node.tools.bench.models import Model, STEPPED
from rl_policy_node.tools.bench.section import Bench, Results
from rl_policy_node.tools.bench.statistics import line
from rl_policy_node.tools.bench.timing import interleaved

ROWS, QUICK_ROWS = (1, 4, 16, 64, 256, 1024, 4096), (1, 16)
BLOCK, QUICK_BLOCK = 0.2, 0.05  # s


def measure(bench: Bench) -> Results:
    """Return {'cases': [{'model', 'backend', 'rows', 'us', 'line', 'memory'}]}: of the backend auto, on one thread."""
    counts = QUICK_ROWS if bench.quick else ROWS
    with bench.stage('batch', 2 * len(STEPPED)) as done:
        cases = []
        for model in STEPPED:
            cases.append(case(bench, model, counts))
            done(f'{model.name}, time')
            cases[-1]['memory'] = memory(bench, model, counts[-1])
            done(f'{model.name}, memory')
    return {'threads': 1, 'cases': cases}


def case(bench: Bench, model: Model, counts: Sequence[int]) -> Results:
    """Return the times of a model over the rows of a batch, µs, and the line us = a + b · rows."""
    set_threads(1)
    policies = {rows: model.load(bench.folder, rows, 'auto', bench.device, 1) for rows in counts}
    calls = {rows: policy_call(policy, model.observations(rows)) for rows, policy in policies.items()}
    times = interleaved(calls, bench.runs, QUICK_BLOCK if bench.quick else BLOCK)
    us = [times[rows] * 1e6 for rows in counts]
    return {
        'model': model.name,
        'words': model.words,
        'rows': list(counts),
        'us': us,
        'line': line(counts, us),
        'backends': [policies[rows].backend.name for rows in counts],
    }


def memory(bench: Bench, model: Model, rows: int) -> Results:
    """Return the kB per row of all memory, and of the recurrent state alone.

    Two processes (memory_probe.py) load the same policy, one for one row and one for many; the difference in resident
    memory (and in the device's), divided by the rows, is the memory of a row.
    """
    taken = []
    for count in (1, rows):
        arguments = [bench.folder, model.name, count, bench.device]
        process = subprocess.run(
            [sys.executable, '-m', 'rl_policy_node.tools.bench.memory_probe', *map(str, arguments)],
            stdout=subprocess.PIPE,
            text=True,
        )
        if process.returncode:
            raise RuntimeError(f'the memory of {model.name} with {count} rows could not be measured')
        taken.append(json.loads(process.stdout.splitlines()[-1]))
    one, many = taken
    return {
        'rows': rows,
        'state_kb': many['state_kb'] / rows,
        **{f'{place}_kb': (many[place] - one[place]) / (rows - 1) for place in ('resident', 'device')},
    }
