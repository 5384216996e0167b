# SPDX-License-Identifier: Apache-2.0
"""The latency from observation to action through DDS: of a minimal node, of a typical user's node, and of ours."""

from collections.abc import Iterator, Mapping, Sequence
import contextlib
from pathlib import Path
import subprocess
import sys

import numpy as np

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.resources import resolve
from rl_policy_node.tools.bench.contenders import bare_calls, load, player_call
from rl_policy_node.tools.bench.machine import cores
from rl_policy_node.tools.bench.models import LSTM_JOINTS
from rl_policy_node.tools.bench.names import BUSY, EAGER, ECHO, ECHO_EVENTS, IDLE, ONNX, OURS, PLAIN
from rl_policy_node.tools.bench.probe import (
    ACTIVATE,
    DEACTIVATE,
    joint_parameters,
    JOINT_STATES,
    policy_node,
    Probe,
    topics,
    write_parameters,
)
from rl_policy_node.tools.bench.section import Bench, Results
from rl_policy_node.tools.bench.statistics import cumulative, medians, percentiles
from rl_policy_node.tools.bench.timing import block
from rl_policy_node.tools.process.processes import ToolProcess

GROUPS = {ECHO: 'echo', ECHO_EVENTS: 'echo_events', PLAIN: 'plain', OURS: 'ours'}
RATE = 100.0  # Hz
# ends with its parent
BURN = 'import os\nparent = os.getppid()\nwhile os.getppid() == parent:\n    for _ in range(1_000_000): pass'


def measure(bench: Bench) -> Results:
    """Return {'rate', 'inference_us', 'cases': machine idle and busy → node → figures}; times in µs."""
    runs, seconds = (1, 1.0) if bench.quick else (bench.runs, 2.5)
    with (
        bench.stage('observation → action', 4 + 2 * runs * len(GROUPS)) as done,
        Probe(bench.folder) as probe,
        contextlib.ExitStack() as started,
    ):
        nodes = {}
        for name, group in GROUPS.items():
            nodes[name] = _start(bench.folder, probe, name, group)
            started.callback(nodes[name].stop)
            done(f'{name} started')
        probe.ask('transition', node='/policy_node', number=DEACTIVATE, group=GROUPS[OURS])
        cases = {}
        for load_name, burning in ((IDLE, 0), (BUSY, cores())):
            with _busy_cores(burning):
                found: dict[str, list[Results]] = {name: [] for name in GROUPS}
                for _ in range(runs):
                    for name in GROUPS:
                        found[name].append(_turn(probe, nodes[name], name, seconds))
                        done(f'{name}, {load_name}')
                cases[load_name] = {name: figures(each) for name, each in found.items()}
    # parts of a step inside the node, measured apart from everything else
    from rl_policy_node.nodes.bench.bench_parts import parts

    file = write_parameters(bench.folder, joint_parameters(bench.folder, LSTM_JOINTS, 'parts', RATE), 'parts')
    budget = parts(str(file), {'joints': JOINT_STATES}, 20 if bench.quick else 1000)
    inference = _bare_inference(bench)
    return {
        'model': LSTM_JOINTS.words,
        'rate': RATE,
        'burners': cores(),
        'inference': inference,
        'budget': budget,
        'cases': cases,
        'ratios': {load_name: _ratios(case, inference['us']) for load_name, case in cases.items()},
    }


@contextlib.contextmanager
def _busy_cores(count: int) -> Iterator[None]:
    """Keep `count` cores busy with something else, at the same priority."""
    processes = [subprocess.Popen([sys.executable, '-S', '-c', BURN]) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def figures(runs: Sequence[Results]) -> Results:
    """Return the medians over runs of percentiles (µs), of the answered share, and of the CPU's use."""
    each = [
        {
            **percentiles([value for value in run['latencies'] if value is not None] or [np.nan]),
            'cpu': run['cpu'],
            'answered': float(np.mean([value is not None for value in run['latencies']])),
        }
        for run in runs
    ]
    values, shares = cumulative([value for run in runs for value in run['latencies'] if value is not None])
    return {**medians(each), 'values': values, 'shares': shares}


def _ratios(case: Mapping[str, Results], inference: float) -> dict[str, dict[str, float]]:
    """Return name → ratio at p50 and at p99: our node over the minimal one, and a user's node over ours."""
    shares = ('p50', 'p99')
    found = {f'{PLAIN} / {OURS}': {share: case[PLAIN][share] / case[OURS][share] for share in shares}}
    for echo in (ECHO, ECHO_EVENTS):
        found[f'{OURS} / ({echo} + inference)'] = {
            share: case[OURS][share] / (case[echo][share] + inference) for share in shares
        }
    return found


def _bare_inference(bench: Bench) -> Results:
    """Return the time of the bare policy, µs: in ONNX Runtime, or else in rl_games' player."""
    observations = LSTM_JOINTS.observations(1)
    try:
        policy = load(LSTM_JOINTS, bench.folder, 1, ONNX, 'cpu', 1)
        name, call = next(iter(bare_calls(ONNX, policy, observations).items()))
    except ConfigurationError:
        policy = LSTM_JOINTS.load(bench.folder, 1, EAGER)
        name, call = "rl_games' player", player_call(policy.player, observations)
    return {'of': name, 'us': float(np.median(block(call, 0.2 if bench.quick else 1.0))) * 1e6}


def _start(folder: Path, probe: Probe, name: str, group: str) -> ToolProcess:
    """Start a node and wait for its first answer; return its process."""
    probe.open(group)
    process = _process(folder, name, group)
    probe.meet(group, process)
    return process


def _process(folder: Path, name: str, group: str) -> ToolProcess:
    if name == OURS:
        return policy_node(folder, joint_parameters(folder, LSTM_JOINTS, group, RATE))
    places, log = list(topics(group).values()), folder / f'{group}.log'
    if name == PLAIN:
        train, checkpoint = LSTM_JOINTS.write(folder)
        script = resolve('package://rl_policy_node/benchmarks/plain_node.py')
        return ToolProcess(name, [script, train, checkpoint, *places], log)
    executor = ['--executor', 'events'] if name == ECHO_EVENTS else []
    return ToolProcess(name, ['-m', 'rl_policy_node.nodes.bench.bench_echo', *executor, *places], log)


def _turn(probe: Probe, process: ToolProcess, name: str, seconds: float) -> Results:
    """Return the latencies of one node; the others are idle meanwhile."""
    group, node = GROUPS[name], {'node': '/policy_node', 'group': GROUPS[name]}
    if name == OURS:
        probe.ask('transition', number=ACTIVATE, **node)
    found = probe.ask('measure', group=group, rate=RATE, seconds=seconds, pid=process.process.pid)
    if name == OURS:
        probe.ask('transition', number=DEACTIVATE, **node)
    if all(value is None for value in found['latencies']):
        raise RuntimeError(f'{name} answered nothing:\n{process.tail()}')
    return found
