# SPDX-License-Identifier: Apache-2.0
"""Two checkouts taking turns: is a policy step, or the way from observation to command through DDS, slower now?

    python benchmarks/versions.py BEFORE [--pairs 30] [--starts 10] [--nodes 1] [--seconds 2] [--output versions.json]

BEFORE: another checkout of this repository, which runs in this Python, too. One policy node of each is started; the
two are activated and measured in turns, first the one, then the other, and in the next pair the other way round. A
machine that becomes slower meanwhile does so for both. Both are started anew several times, each time the other one
first: where a process happens to lie, and which of two nodes came first, is worth several per cent. --nodes starts
several of each, whose latencies count together. The ratio of a pair is this checkout's figure over BEFORE's.
"""

import argparse
from collections.abc import Callable, Iterator
import contextlib
import itertools
import json
import os
from pathlib import Path
import re
import subprocess
import sys
import tempfile
import time
from typing import TypeAlias

from loopback import stay_on_loopback
import numpy as np
from rich.console import Console
from rich.progress import Progress

from rl_policy_node.policy import set_threads
from rl_policy_node.tools.bench.models import LSTM_JOINTS
from rl_policy_node.tools.bench.probe import ACTIVATE, DEACTIVATE, joint_parameters, Probe
from rl_policy_node.tools.process.processes import ToolProcess

HERE = Path(__file__).resolve().parents[1]
RATE = 100.0  # Hz
STEPS = 3000  # policy steps of a turn
RESAMPLES = 10_000
# version → p50 and p99, µs
Pair: TypeAlias = dict[str, dict[str, float]]
Turn: TypeAlias = Callable[[str], dict[str, float]]
Started: TypeAlias = contextlib.AbstractContextManager[Turn]


def main() -> None:
    """Measure, print the ratios with their intervals, and write everything that was measured."""
    options = _options()
    if options.step:
        serve_steps(Path(options.step))
        return
    console = Console(soft_wrap=True)
    versions = {'now': HERE, 'before': Path(options.before).resolve()}
    with tempfile.TemporaryDirectory() as folder:
        turns = Turns(versions, options.pairs, options.starts, console)
        benchmarks = {
            'step': ('policy step', steps(Path(folder))),
            'dds': ('observation → command', latencies(Path(folder), options.seconds, options.nodes)),
        }
        measured = {name: turns.play(*benchmarks[name]) for name in options.only}
    found = {name: {share: ratio(pairs, share) for share in ('p50', 'p99')} for name, pairs in measured.items()}
    for name, shares in found.items():
        for share, (middle, low, high) in shares.items():
            console.print(f'{name:5} {share}  now/before {middle:.3f}  (95 %: {low:.3f} to {high:.3f})')
    if options.output:
        how = {'pairs': options.pairs, 'starts': options.starts, 'nodes': options.nodes, 'rate': RATE}
        Path(options.output).write_text(json.dumps({**how, 'ratios': found, 'us': measured}, indent=1))


def ratio(pairs: list[Pair], share: str) -> tuple[float, float, float]:
    """Return the median of the pairs' ratios, and the bounds of its 95 % interval by resampling the pairs."""
    ratios = np.array([pair['now'][share] / pair['before'][share] for pair in pairs])
    drawn = np.random.default_rng(0).choice(ratios, (RESAMPLES, len(ratios)))
    low, high = np.percentile(np.median(drawn, axis=1), [2.5, 97.5])
    return float(np.median(ratios)), float(low), float(high)


class Turns:
    """Has two versions take turns."""

    def __init__(self, versions: dict[str, Path], pairs: int, starts: int, console: Console) -> None:
        self._versions, self._pairs, self._starts, self._console = versions, pairs, starts, console

    def play(self, what: str, started: Callable[[dict[str, Path]], Started]) -> list[Pair]:
        """Return the figures of each version, pair by pair, in alternating order.

        started(versions): a context that starts them in that order, and gives what measures a turn of one.
        """
        found: list[Pair] = []
        with Progress(console=self._console) as progress:
            task = progress.add_task(what, total=self._pairs)
            for start in range(self._starts):
                with started(in_order(self._versions, start)) as turn:
                    while len(found) < self._pairs * (start + 1) // self._starts:
                        names = in_order(self._versions, len(found))
                        found.append({name: turn(name) for name in names})
                        progress.advance(task)
        return found


def in_order(versions: dict[str, Path], number: int) -> dict[str, Path]:
    """Return the versions, every other time the last one first."""
    return dict(reversed(versions.items())) if number % 2 else versions


def figures(values: list[float]) -> dict[str, float]:
    """Return p50 and p99 of times, µs."""
    p50, p99 = np.percentile(values, [50, 99])
    return {'p50': float(p50), 'p99': float(p99)}


# a policy step


def steps(folder: Path) -> Callable[[dict[str, Path]], Started]:
    """Return what measures `Policy.act`, one row of an LSTM: a process of each version."""
    LSTM_JOINTS.write(folder)

    @contextlib.contextmanager
    def start(versions: dict[str, Path]) -> Iterator[Turn]:
        with contextlib.ExitStack() as started:
            servers = {}
            for name, checkout in versions.items():
                server = ToolProcess(
                    name,
                    [Path(__file__).resolve(), checkout, '--step', folder],
                    folder / f'{name}.log',
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                    **_in(checkout),
                )
                started.callback(server.stop)
                servers[name] = server.process
                assert server.process.stdout.readline().strip() == 'ready', server.tail()

            def turn(name: str) -> dict[str, float]:
                print('go', file=servers[name].stdin, flush=True)
                return json.loads(servers[name].stdout.readline())

            yield turn

    return start


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


def latencies(folder: Path, seconds: float, nodes: int) -> Callable[[dict[str, Path]], Started]:
    """Return what measures the time from an observation to its command through DDS: some nodes of each version."""

    @contextlib.contextmanager
    def start(versions: dict[str, Path]) -> Iterator[Turn]:
        stay_on_loopback(folder)
        with Probe(folder) as probe, contextlib.ExitStack() as started:
            for number, (version, checkout) in itertools.product(range(nodes), versions.items()):
                name = f'{version}{number}'
                probe.open(name)
                tree = known(joint_parameters(folder, LSTM_JOINTS, name, RATE), checkout)
                file = folder / f'{name}.yaml'
                # each version says itself what is wrong with it
                file.write_text(json.dumps({'/**': {'ros__parameters': tree}}))
                node = ToolProcess(
                    name,
                    [
                        '-m',
                        'rl_policy_node.nodes.entry',
                        'policy_node',
                        '--ros-args',
                        '-r',
                        f'__node:={name}',
                        '--params-file',
                        file,
                    ],
                    folder / f'{name}.log',
                    **_in(checkout),
                )
                started.callback(node.stop)
                probe.meet(name, node)
                probe.ask('transition', node=f'/{name}', number=DEACTIVATE, group=name)

            def turn(version: str) -> dict[str, float]:
                found = []
                for name in (f'{version}{number}' for number in range(nodes)):
                    probe.ask('transition', node=f'/{name}', number=ACTIVATE, group=name)
                    found += probe.ask('measure', group=name, rate=RATE, seconds=seconds)['latencies']
                    probe.ask('transition', node=f'/{name}', number=DEACTIVATE, group=name)
                return figures([value for value in found if value is not None])

            yield turn

    return start


def known(tree: dict[str, object], checkout: Path) -> dict[str, object]:
    """Return a tree of parameters without those that a checkout does not know: an older one refuses them."""
    listed = subprocess.run(
        [sys.executable, '-m', 'rl_policy_node.tools.main', 'parameters'],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        **_in(checkout),
    )
    names = '|'.join(
        re.escape(name).replace(r'\*', '[^.]+') for name in re.findall(r'^\| `([^`]+)` \|', listed.stdout, re.MULTILINE)
    )
    return {name: value for name, value in _flat(tree) if re.fullmatch(names, name)}


def _flat(tree: dict[str, object], prefix: str = '') -> Iterator[tuple[str, object]]:
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from _flat(value, f'{prefix}{name}.')
        else:
            yield prefix + name, value


def _in(checkout: Path) -> dict[str, object]:
    """Return Popen's options for a process that imports the package of a checkout."""
    return {'cwd': checkout, 'env': {**os.environ, 'PYTHONPATH': str(checkout)}}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('before', help='another checkout')
    parser.add_argument('--pairs', type=int, default=30)
    parser.add_argument('--starts', type=int, default=10, help='of the processes')
    parser.add_argument('--nodes', type=int, default=1, help='of each version at a time')
    parser.add_argument('--only', nargs='+', choices=['step', 'dds'], default=['step', 'dds'])
    parser.add_argument('--seconds', type=float, default=2.0, help='of each turn through DDS')
    parser.add_argument('--output', help='file for the ratios and all figures of all turns')
    parser.add_argument('--step', help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == '__main__':
    main()
