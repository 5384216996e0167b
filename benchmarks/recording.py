# SPDX-License-Identifier: Apache-2.0
"""A policy node that records and one that does not take turns: is the way from observation to command slower?

    python benchmarks/recording.py [--pairs 30] [--starts 10] [--robots 1] [--rate 100] [--seconds 2] [--folder DIR]

Both are the same node with the same policy; `record.directory` is all they differ in. Each is activated, measured
through DDS and deactivated in turns, in the next pair the other way round, so that every turn of the first writes a
bag of its own. Both are started anew several times, each time the other one first. The ratio of a pair is the recording
node's figure over the other's; its median has a 95 % interval from resampled pairs. --folder: where the bags go, the
disk that counts; they are removed. The size of the bags and the dropped events are printed, too.
"""

import argparse
from collections.abc import Callable, Iterator
import contextlib
import json
from pathlib import Path
import tempfile

from loopback import stay_on_loopback
from rich.console import Console
from versions import figures, ratio, Started, Turn, Turns

from rl_policy_node.core.recording import Gap, Step
from rl_policy_node.tools.bag.bag import open_bag
from rl_policy_node.tools.bench.models import LSTM_JOINTS
from rl_policy_node.tools.bench.probe import ACTIVATE, DEACTIVATE, joint_parameters, Probe, write_parameters
from rl_policy_node.tools.process.processes import ToolProcess

# the words of versions.ratio: its first over its second
ON, OFF = 'now', 'before'


def main() -> None:
    """Measure, print the ratios with their intervals, and write everything that was measured."""
    options = _options()
    console = Console(soft_wrap=True)
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        bags = Path(folder) / 'bags'
        turns = Turns({ON: bags, OFF: Path()}, options.pairs, options.starts, console)
        pairs = turns.play('observation → command', latencies(Path(folder), options))
        written = list(size_of(bags))
    found = {share: ratio(pairs, share) for share in ('p50', 'p99')}
    for share, (middle, low, high) in found.items():
        console.print(f'{share}  recording/not {middle:.3f}  (95 %: {low:.3f} to {high:.3f})')
    megabytes, steps, missing = (sum(each) for each in zip(*written))
    console.print(f'{len(written)} bags: {megabytes:.1f} MB, {steps} steps, {missing} events dropped')
    if options.output:
        content = {**vars(options), 'ratios': found, 'us': pairs, 'bags': written}
        Path(options.output).write_text(json.dumps(content, indent=1))


def latencies(folder: Path, options: argparse.Namespace) -> Callable[[dict[str, Path]], Started]:
    """Return what measures the time from an observation to its command through DDS: a node of each kind."""

    @contextlib.contextmanager
    def start(kinds: dict[str, Path]) -> Iterator[Turn]:
        stay_on_loopback(folder)
        with Probe(folder) as probe, contextlib.ExitStack() as started:
            for name, bags in kinds.items():
                probe.open(name, options.robots)
                record = {'record': {'directory': str(bags)}} if name == ON else {}
                tree = joint_parameters(folder, LSTM_JOINTS, name, options.rate, options.robots, **record)
                file = write_parameters(folder, {**tree, 'guardian': options.guardian}, name)
                arguments = ['-m', 'rl_policy_node.nodes.entry', 'policy_node', '--ros-args', '-r', f'__node:={name}']
                node = ToolProcess(name, [*arguments, '--params-file', file], folder / f'{name}.log')
                started.callback(node.stop)
                probe.meet(name, node)
                probe.ask('transition', node=f'/{name}', number=DEACTIVATE, group=name)

            def turn(name: str) -> dict[str, float]:
                probe.ask('transition', node=f'/{name}', number=ACTIVATE, group=name)
                found = probe.ask('measure', group=name, rate=options.rate, seconds=options.seconds)['latencies']
                probe.ask('transition', node=f'/{name}', number=DEACTIVATE, group=name)
                return figures([value for value in found if value is not None])

            yield turn

    return start


def size_of(bags: Path) -> Iterator[tuple[float, int, int]]:
    """Yield MB, number of steps and of dropped events of each bag."""
    for path in sorted(bags.iterdir()):
        events = list(open_bag(path).events())
        size = sum(file.stat().st_size for file in path.iterdir()) / 1e6
        yield (
            size,
            sum(isinstance(event, Step) for event in events),
            sum(event.events for event in events if isinstance(event, Gap)),
        )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--pairs', type=int, default=30)
    parser.add_argument('--starts', type=int, default=10, help='of the processes')
    parser.add_argument('--robots', type=int, default=1, help='of each node')
    parser.add_argument('--rate', type=float, default=100.0, help='Hz')
    parser.add_argument('--seconds', type=float, default=2.0, help='of each turn')
    parser.add_argument('--guardian', action='store_true', help='each node has a guardian')
    parser.add_argument('--folder', help='for the bags; default: where temporary files go')
    parser.add_argument('--output', help='file for the ratios and all figures of all turns')
    return parser.parse_args()


if __name__ == '__main__':
    main()
