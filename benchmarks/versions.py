"""Two checkouts taking turns: is a policy step, or the way from observation to command through DDS, slower now?

    python benchmarks/versions.py BEFORE [--pairs 30] [--seconds 2] [--output versions.json]

BEFORE: another checkout of this repository, which runs in this Python, too. One policy node of each is started; the
two are activated and measured in turns, first the one, then the other, and in the next pair the other way round. A
machine that becomes slower meanwhile does so for both. The ratio of a pair is this checkout's figure over BEFORE's.
"""
import argparse
from collections.abc import Callable
import contextlib
import json
import os
from pathlib import Path
import subprocess
import sys
import tempfile
import time

import numpy as np
from rich.console import Console
from rich.progress import track

from rl_policy_node.policy import set_threads
from rl_policy_node.tools.bench.models import LSTM_JOINTS
from rl_policy_node.tools.bench.probe import ACTIVATE, DEACTIVATE, joint_parameters, Probe, write_parameters
from rl_policy_node.tools.processes import ToolProcess

HERE = Path(__file__).resolve().parents[1]
RATE = 100.0            # Hz
STEPS = 3000            # policy steps of a turn
RESAMPLES = 10_000


def main() -> None:
    """Measure, print the ratios with their intervals, and write everything that was measured."""
    options = _options()
    if options.step:
        serve_steps(Path(options.step))
        return
    console = Console(soft_wrap=True)
    versions = {'now': HERE, 'before': Path(options.before).resolve()}
    with tempfile.TemporaryDirectory() as folder:
        measured = {'step': steps(Path(folder), versions, options.pairs, console),
                    'dds': latencies(Path(folder), versions, options.pairs, options.seconds, console)}
    found = {name: {share: ratio(pairs, share) for share in ('p50', 'p99')} for name, pairs in measured.items()}
    for name, shares in found.items():
        for share, (middle, low, high) in shares.items():
            console.print(f'{name:5} {share}  now/before {middle:.3f}  (95 %: {low:.3f} to {high:.3f})')
    if options.output:
        Path(options.output).write_text(json.dumps({'pairs': options.pairs, 'rate': RATE, 'ratios': found,
                                                    'us': measured}, indent=1))


def ratio(pairs: list[dict[str, dict[str, float]]], share: str) -> tuple[float, float, float]:
    """Return the median of the pairs' ratios, and the bounds of its 95 % interval by resampling the pairs."""
    ratios = np.array([pair['now'][share] / pair['before'][share] for pair in pairs])
    drawn = np.random.default_rng(0).choice(ratios, (RESAMPLES, len(ratios)))
    low, high = np.percentile(np.median(drawn, axis=1), [2.5, 97.5])
    return float(np.median(ratios)), float(low), float(high)


def in_turns(versions: dict[str, Path], pairs: int, turn: Callable[[str], dict[str, float]], what: str,
             console: Console) -> list[dict[str, dict[str, float]]]:
    """Return what turn(version) gives for each version, pair by pair, in alternating order."""
    found = []
    for number in track(range(pairs), what, console=console):
        names = list(versions)[::-1] if number % 2 else list(versions)
        found.append({name: turn(name) for name in names})
    return found


def figures(values: list[float]) -> dict[str, float]:
    """Return p50 and p99 of times, µs."""
    p50, p99 = np.percentile(values, [50, 99])
    return {'p50': float(p50), 'p99': float(p99)}


# a policy step


def steps(folder: Path, versions: dict[str, Path], pairs: int, console: Console) -> list[dict[str, dict[str, float]]]:
    """Return p50 and p99 of `Policy.act`, one row of an LSTM, of each version, pair by pair."""
    LSTM_JOINTS.write(folder)
    with contextlib.ExitStack() as started:
        servers = {}
        for name, checkout in versions.items():
            server = ToolProcess(name, [Path(__file__).resolve(), checkout, '--step', folder], folder / f'{name}.log',
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **_in(checkout))
            started.callback(server.stop)
            servers[name] = server.process
            assert server.process.stdout.readline().strip() == 'ready', server.tail()

        def turn(name: str) -> dict[str, float]:
            print('go', file=servers[name].stdin, flush=True)
            return json.loads(servers[name].stdout.readline())
        return in_turns(versions, pairs, turn, 'policy step', console)


def serve_steps(folder: Path) -> None:
    """Time steps of the policy of the checkout that this process runs in, at each line on stdin."""
    set_threads(1)
    policy, observations = LSTM_JOINTS.load(folder, 1, 'onnx', threads=1), LSTM_JOINTS.observations(1)
    policy.act(observations)
    print('ready', flush=True)
    for _ in sys.stdin:
        times = []
        for _ in range(STEPS):
            began = time.perf_counter()
            policy.act(observations)
            times.append((time.perf_counter() - began) * 1e6)
        print(json.dumps(figures(times)), flush=True)


# observation → command


def latencies(folder: Path, versions: dict[str, Path], pairs: int, seconds: float,
              console: Console) -> list[dict[str, dict[str, float]]]:
    """Return p50 and p99 of the time from an observation to its command through DDS, of each version, pair by pair."""
    with Probe(folder) as probe, contextlib.ExitStack() as started:
        for name, checkout in versions.items():
            probe.open(name)
            file = write_parameters(folder, joint_parameters(folder, LSTM_JOINTS, name, RATE), name)
            node = ToolProcess(name, ['-m', 'rl_policy_node.nodes.entry', 'policy_node', '--ros-args', '-r',
                                      f'__node:={name}', '--params-file', file], folder / f'{name}.log',
                               **_in(checkout))
            started.callback(node.stop)
            probe.meet(name, node)
            probe.ask('transition', node=f'/{name}', number=DEACTIVATE, group=name)

        def turn(name: str) -> dict[str, float]:
            probe.ask('transition', node=f'/{name}', number=ACTIVATE, group=name)
            found = probe.ask('measure', group=name, rate=RATE, seconds=seconds)
            probe.ask('transition', node=f'/{name}', number=DEACTIVATE, group=name)
            return figures([value for value in found['latencies'] if value is not None])
        return in_turns(versions, pairs, turn, 'observation → command', console)


def _in(checkout: Path) -> dict[str, object]:
    """Return Popen's options for a process that imports the package of a checkout."""
    return {'cwd': checkout, 'env': {**os.environ, 'PYTHONPATH': str(checkout)}}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('before', help='another checkout')
    parser.add_argument('--pairs', type=int, default=30)
    parser.add_argument('--seconds', type=float, default=2.0, help='of each turn through DDS')
    parser.add_argument('--output', help='file for the ratios and all figures of all turns')
    parser.add_argument('--step', help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == '__main__':
    main()
