# SPDX-License-Identifier: Apache-2.0
"""The jitter of the node's control loop, compared with that of a thread that only wakes up."""

from collections.abc import Callable, Sequence
import contextlib
import json
from pathlib import Path
import subprocess
import sys
import time
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rl_policy_node.tools.bench.models import LSTM_JOINTS, LSTM_SEEING
from rl_policy_node.tools.bench.names import OURS
from rl_policy_node.tools.bench.probe import ACTIVATE, CAMERA, DEACTIVATE, joint_parameters, Probe, write_parameters
from rl_policy_node.tools.bench.section import Bench, Done, Results
from rl_policy_node.tools.bench.statistics import cumulative, medians, percentiles
from rl_policy_node.tools.process.processes import ToolProcess

RATES = (50.0, 100.0, 500.0)  # Hz
QUIET, BARE = 'timed thread alone', 'timed thread, same messages'
CAMERAS, CAMERA_RATE = ('camera_left', 'camera_right'), 30.0
SETTLE = 0.3  # s, before what counts
GROUP = 'jitter'

# steady times, ns
Times: TypeAlias = NDArray[np.int64]


def measure(bench: Bench) -> Results:
    """Return {'cases': [{'rate', 'cameras', 'jitter': who → figures in µs, 'ratio'}]}."""
    rates, runs, seconds = (RATES[-1:], 1, 1.0) if bench.quick else (RATES, min(bench.runs, 3), 2.0)
    with bench.stage('jitter', len(rates) * (runs + 2 * (1 + 2 * runs))) as done:
        cases = []
        for rate in rates:
            quiet = []
            for _ in range(runs):
                quiet.append(bare(rate, seconds, lambda: None))
                done(f'{rate:g} Hz, {QUIET}')
            for cameras in (False, True):
                cases.append(case(bench, rate, cameras, seconds, runs, quiet, done))
    return {'model': LSTM_JOINTS.words, 'cases': cases}


def case(
    bench: Bench, rate: float, cameras: bool, seconds: float, runs: int, quiet: Sequence[Times], done: Done
) -> Results:
    """Return the jitter at a rate, with or without two cameras."""
    name = f'jitter_{rate:g}_{"cameras" if cameras else "joints"}'
    tree, record = parameters(bench.folder, rate, cameras), bench.folder / f'{name}.json'
    joint_states = {'group': GROUP, 'rate': rate, 'seconds': seconds, 'settle': SETTLE}
    with contextlib.ExitStack() as stack:
        probe = stack.enter_context(Probe(bench.folder))
        probe.open(GROUP)
        if cameras:
            # two cameras in a process of their own, until the end
            filming = stack.enter_context(Probe(bench.folder, 'cameras'))
            filming.ask(
                'open',
                group='cameras',
                message=CAMERA,
                robots=[{'observations': f'{GROUP}/{name}'} for name in CAMERAS],
            )
            filming.begin('measure', group='cameras', rate=CAMERA_RATE, seconds=3600.0)
        node = ToolProcess(
            'policy_node',
            [
                '-m',
                'rl_policy_node.nodes.bench.bench_node',
                record,
                '--ros-args',
                '--params-file',
                write_parameters(bench.folder, tree, name),
            ],
            bench.folder / f'{name}.log',
        )
        stack.callback(node.stop)
        probe.meet(GROUP, node)
        probe.ask('transition', node='/policy_node', number=DEACTIVATE, group=GROUP)
        done(f'{rate:g} Hz, node started')
        turns: list[tuple[int, int]] = []
        same: list[Times] = []
        for _ in range(runs):
            same.append(bare(rate, seconds, lambda: probe.ask('measure', **joint_states)))
            done(f'{rate:g} Hz, {BARE}')
            turns.append(ours(probe, joint_states))
            done(f'{rate:g} Hz, {OURS}')
        node.stop()
    steps = np.array(json.loads(record.read_text())['steps'])
    found = {
        **({} if cameras else {QUIET: quiet}),
        BARE: same,
        OURS: [steps[(steps >= start) & (steps < end)] for start, end in turns],
    }
    jitter = {who: figures(each, rate) for who, each in found.items()}
    return {
        'rate': rate,
        'cameras': cameras,
        'jitter': jitter,
        'ratio': {share: jitter[OURS][share] / jitter[BARE][share] for share in ('p50', 'p99')},
    }


def parameters(folder: Path, rate: float, cameras: bool) -> Results:
    """Return the parameters of a node that steps by the clock."""
    tree = joint_parameters(folder, LSTM_SEEING if cameras else LSTM_JOINTS, GROUP, rate, trigger='timer')
    for name in CAMERAS if cameras else ():
        tree['sources'][name] = {'topic': name, 'type': CAMERA['type'], 'encoding': 'rgb8', 'max_age': 0.5}
        # 8 × 8 grey values: large messages, small network
        tree['terms'][name] = {
            'source': name,
            'field': 'image',
            'shape': list(CAMERA['shape']),
            'crop': [64, 96, 64, 64],
            'subsample': 8,
            'grey': True,
            'scale': [1 / 255],
        }
        tree['inputs']['obs'].append(name)
    return tree


def bare(rate: float, seconds: float, meanwhile: Callable[[], object]) -> Times:
    """Return the times at which a bare thread woke up, ns, while meanwhile() runs."""
    arguments = ['-m', 'rl_policy_node.tools.bench.timed_thread', 1 / rate, seconds, SETTLE]
    with subprocess.Popen([sys.executable, *map(str, arguments)], stdout=subprocess.PIPE, text=True) as process:
        meanwhile()
        return np.array(json.loads(process.communicate()[0]))


def ours(probe: Probe, joint_states: Results) -> tuple[int, int]:
    """Run the node while the probe sends joint_states; return (start, end) of the measurement, steady ns."""
    probe.ask('transition', node='/policy_node', number=ACTIVATE, group=GROUP)
    probe.begin('measure', **joint_states)
    start = time.monotonic_ns() + round(SETTLE * 1e9)
    probe.end()
    probe.ask('transition', node='/policy_node', number=DEACTIVATE, group=GROUP)
    return start, start + round(joint_states['seconds'] * 1e9)


def figures(runs: Sequence[Times], rate: float) -> Results:
    """Return the medians over runs of the percentiles of |interval − period|, µs."""
    off = [np.abs(np.diff(began) / 1e3 - 1e6 / rate) for began in runs]
    values, shares = cumulative(np.concatenate(off))
    return {**medians([percentiles(each) for each in off]), 'values': values, 'shares': shares}
