# SPDX-License-Identifier: Apache-2.0
"""From nothing to the first action, step by step; the start of the command line; memory."""

import json
import os
from pathlib import Path
import subprocess
import sys
import time

import numpy as np

from rl_policy_node.tools.bench.machine import memory_mb
from rl_policy_node.tools.bench.models import LSTM_JOINTS
from rl_policy_node.tools.bench.probe import joint_parameters, Probe, write_parameters
from rl_policy_node.tools.bench.section import Bench, Results
from rl_policy_node.tools.bench.statistics import medians
from rl_policy_node.tools.process.processes import ToolProcess

GROUP, COLD, WARM = 'start', 'cold', 'warm'
# step → the moment of its end, as bench_node records it
STEPS = {
    'interpreter': 'started',
    'imports': 'imported',
    'node and its parameters': 'created',
    'autostart': 'configuring',
    'parameters read': 'read',
    'policy loaded': 'loaded',
    'warm-up, topics and services': 'configured',
    'robot there': 'activating',
    'activation and first action': 'acted',
}
IMPORTS = {'command line': 'import rl_policy_node.tools.main', 'nothing': 'pass'}


def measure(bench: Bench) -> Results:
    """Return {'runs': cache cold and warm → {step → s, …}, 'imports': what → s}."""
    runs = 1 if bench.quick else min(bench.runs, 2)
    with bench.stage('start', 2 * runs + 1) as done:
        found: dict[str, list[Results]] = {COLD: [], WARM: []}
        for number in range(runs):
            for cache in found:
                found[cache].append(start(bench.folder, f'cache_{number}'))
                done(f'node, cache {cache}')
        imports = {name: _interpreter_time(code, 1 if bench.quick else 5) for name, code in IMPORTS.items()}
        done('command line')
    return {
        'model': LSTM_JOINTS.words,
        'imports': imports,
        'runs': {
            cache: {name: medians([run[name] for run in each]) for name in each[0]} for cache, each in found.items()
        },
    }


def start(folder: Path, cache: str) -> Results:
    """Start a node until its first action; return {'steps': name → s, 'policy': step of loading → s, 'total': …}.

    cache: name of the folder for exported models.
    """
    record, tree = folder / 'start.json', joint_parameters(folder, LSTM_JOINTS, GROUP, 100.0)
    file = write_parameters(folder, tree, GROUP)
    before = os.environ['XDG_CACHE_HOME']
    with Probe(folder) as probe:
        probe.open(GROUP)
        os.environ['XDG_CACHE_HOME'] = str(folder / cache)
        launched = time.monotonic_ns()
        node = ToolProcess(
            'policy_node',
            ['-m', 'rl_policy_node.nodes.bench.bench_node', record, '--ros-args', '--params-file', file],
            folder / 'start.log',
        )
        os.environ['XDG_CACHE_HOME'] = before
        try:
            probe.meet(GROUP, node)
            memory = memory_mb(node.process.pid)
        finally:
            node.stop()
    recorded = json.loads(record.read_text())
    moments = recorded['moments']  # ns
    steps, last = {}, launched
    for name, moment in STEPS.items():
        steps[name], last = (moments[moment] - last) / 1e9, moments[moment]
    return {
        'steps': steps,
        'policy': recorded['seconds'],
        'total': {
            'configure → first action': (moments['acted'] - moments['configuring']) / 1e9,
            'all of it': (moments['acted'] - launched) / 1e9,
        },
        'memory': {'mb': memory},
    }


def _interpreter_time(code: str, runs: int) -> float:
    """Return the time of an interpreter that runs `code`, from its start to its end: the median, s."""
    taken = []
    for _ in range(runs):
        began = time.perf_counter()
        subprocess.run([sys.executable, '-c', code], check=True)
        taken.append(time.perf_counter() - began)
    return float(np.median(taken))
