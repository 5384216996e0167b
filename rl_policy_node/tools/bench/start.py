# SPDX-License-Identifier: Apache-2.0
"""From nothing to the first action, step by step; what the command line takes to be there; memory."""
import json
import os
import subprocess
import sys
import time

import numpy as np

from rl_policy_node.tools.bench.machine import memory_mb
from rl_policy_node.tools.bench.models import LSTM_JOINTS
from rl_policy_node.tools.bench.probe import joint_parameters, Probe, write_parameters
from rl_policy_node.tools.bench.statistics import medians
from rl_policy_node.tools.process.processes import ToolProcess

GROUP, COLD, WARM = 'start', 'cold', 'warm'
# what is done by then → the moment that bench_node notes
STEPS = {'interpreter': 'started', 'imports': 'imported', 'node and its parameters': 'created',
         'autostart': 'configuring', 'parameters read': 'read', 'policy loaded': 'loaded',
         'warm-up, topics and services': 'configured', 'robot there': 'activating',
         'activation and first action': 'acted'}
IMPORTS = {'command line': 'import rl_policy_node.tools.main', 'nothing': 'pass'}


def measure(bench):
    """Return {'runs': cache cold and warm → {step → s, …}, 'imports': what → s}."""
    runs = 1 if bench.quick else min(bench.runs, 2)
    with bench.stage('start', 2 * runs + 1) as done:
        found = {COLD: [], WARM: []}
        for number in range(runs):
            for cache in found:
                found[cache].append(start(bench.folder, f'cache_{number}'))
                done(f'node, cache {cache}')
        imports = {name: seconds_of(code, 1 if bench.quick else 5) for name, code in IMPORTS.items()}
        done('command line')
    return {'model': LSTM_JOINTS.words, 'imports': imports,
            'runs': {cache: {name: medians([run[name] for run in each]) for name in each[0]}
                     for cache, each in found.items()}}


def start(folder, cache):
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
        node = ToolProcess('policy_node', ['-m', 'rl_policy_node.nodes.bench.bench_node', record, '--ros-args',
                                           '--params-file', file], folder / 'start.log')
        os.environ['XDG_CACHE_HOME'] = before
        try:
            probe.meet(GROUP, node)
            memory = memory_mb(node.process.pid)
        finally:
            node.stop()
    noted = json.loads(record.read_text())
    return {'steps': steps_of(launched, noted['moments']), 'policy': noted['seconds'],
            'total': {'configure → first action': (noted['moments']['acted'] - noted['moments']['configuring']) / 1e9,
                      'all of it': (noted['moments']['acted'] - launched) / 1e9},
            'memory': {'mb': memory}}


def steps_of(launched, moments):
    """Return step → s that it took, of moments in ns."""
    found, last = {}, launched
    for name, moment in STEPS.items():
        found[name], last = (moments[moment] - last) / 1e9, moments[moment]
    return found


def seconds_of(code, runs):
    """Return how long an interpreter takes for some code, from its start to its end: the median, s."""
    taken = []
    for _ in range(runs):
        began = time.perf_counter()
        subprocess.run([sys.executable, '-c', code], check=True)
        taken.append(time.perf_counter() - began)
    return float(np.median(taken))
