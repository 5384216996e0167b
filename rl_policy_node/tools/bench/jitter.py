# SPDX-License-Identifier: Apache-2.0
"""When the steps of the node's control loop begin, beside a thread that does nothing but begin on time."""
import contextlib
import json
import subprocess
import sys
import time

import numpy as np

from rl_policy_node.tools.bench.models import LSTM_JOINTS, LSTM_SEEING
from rl_policy_node.tools.bench.names import OURS
from rl_policy_node.tools.bench.probe import ACTIVATE, CAMERA, DEACTIVATE, joint_parameters, Probe, write_parameters
from rl_policy_node.tools.bench.statistics import cumulative, medians, percentiles
from rl_policy_node.tools.process.processes import ToolProcess

RATES = (50.0, 100.0, 500.0)        # Hz
QUIET, BARE = 'timed thread alone', 'timed thread, same messages'
CAMERAS, CAMERA_RATE = ('camera_left', 'camera_right'), 30.0
SETTLE = 0.3        # s, before what counts
GROUP = 'jitter'


def measure(bench):
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


def case(bench, rate, cameras, seconds, runs, quiet, done):
    """Return the jitter at a rate, with or without two cameras."""
    name = f'jitter_{rate:g}_{"cameras" if cameras else "joints"}'
    tree, record = parameters(bench.folder, rate, cameras), bench.folder / f'{name}.json'
    with contextlib.ExitStack() as stack:
        probe = stack.enter_context(Probe(bench.folder))
        probe.open(GROUP)
        if cameras:
            stack.enter_context(filming(bench.folder))
        node = ToolProcess('policy_node', ['-m', 'rl_policy_node.nodes.bench.bench_node', record, '--ros-args',
                                           '--params-file', write_parameters(bench.folder, tree, name)],
                           bench.folder / f'{name}.log')
        stack.callback(node.stop)
        probe.meet(GROUP, node)
        probe.ask('transition', node='/policy_node', number=DEACTIVATE, group=GROUP)
        done(f'{rate:g} Hz, node started')
        turns, same = [], []
        for _ in range(runs):
            same.append(bare(rate, seconds, lambda: probe.ask('measure', **speaking(rate, seconds))))
            done(f'{rate:g} Hz, {BARE}')
            turns.append(ours(probe, rate, seconds))
            done(f'{rate:g} Hz, {OURS}')
        node.stop()
    steps = np.array(json.loads(record.read_text())['steps'])
    found = {**({} if cameras else {QUIET: quiet}), BARE: same,
             OURS: [steps[(steps >= start) & (steps < end)] for start, end in turns]}
    jitter = {who: figures(each, rate) for who, each in found.items()}
    return {'rate': rate, 'cameras': cameras, 'jitter': jitter,
            'ratio': {share: jitter[OURS][share] / jitter[BARE][share] for share in ('p50', 'p99')}}


def parameters(folder, rate, cameras):
    """Return the parameters of a node that the clock paces."""
    tree = joint_parameters(folder, LSTM_SEEING if cameras else LSTM_JOINTS, GROUP, rate, trigger='timer')
    for name in CAMERAS if cameras else ():
        tree['sources'][name] = {'topic': name, 'type': CAMERA['type'], 'encoding': 'rgb8', 'max_age': 0.5}
        # 8 × 8 grey values: the network stays small, what arrives does not
        tree['terms'][name] = {'source': name, 'field': 'image', 'shape': list(CAMERA['shape']),
                               'crop': [64, 96, 64, 64], 'subsample': 8, 'grey': True, 'scale': [1 / 255]}
        tree['inputs']['obs'].append(name)
    return tree


@contextlib.contextmanager
def filming(folder):
    """Have two cameras in a process of their own, until the end."""
    with Probe(folder, 'cameras') as probe:
        probe.ask('open', group='cameras', message=CAMERA,
                  robots=[{'observations': f'{GROUP}/{name}'} for name in CAMERAS])
        probe.begin('measure', group='cameras', rate=CAMERA_RATE, seconds=3600.0)
        yield


def bare(rate, seconds, meanwhile):
    """Return when a bare thread woke up, ns, while something else happens."""
    arguments = ['-m', 'rl_policy_node.tools.bench.timed_thread', 1 / rate, seconds, SETTLE]
    with subprocess.Popen([sys.executable, *map(str, arguments)], stdout=subprocess.PIPE, text=True) as process:
        meanwhile()
        return np.array(json.loads(process.communicate()[0]))


def ours(probe, rate, seconds):
    """Have the node act for a while; return (start, end) of what counts, steady ns."""
    probe.ask('transition', node='/policy_node', number=ACTIVATE, group=GROUP)
    probe.begin('measure', **speaking(rate, seconds))
    start = time.monotonic_ns() + round(SETTLE * 1e9)
    probe.end()
    probe.ask('transition', node='/policy_node', number=DEACTIVATE, group=GROUP)
    return start, start + round(seconds * 1e9)


def speaking(rate, seconds):
    """Return what has the probe send joint states for a while."""
    return {'group': GROUP, 'rate': rate, 'seconds': seconds, 'settle': SETTLE}


def figures(runs, rate):
    """Return the medians over runs of the percentiles of |interval − period|, µs."""
    off = [np.abs(np.diff(began) / 1e3 - 1e6 / rate) for began in runs]
    values, shares = cumulative(np.concatenate(off))
    return {**medians([percentiles(each) for each in off]), 'values': values, 'shares': shares}
