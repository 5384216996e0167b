# SPDX-License-Identifier: Apache-2.0
"""Run simulator bridge and policy node as two processes until the bridge has played its episodes."""

from collections.abc import Mapping
import math
from pathlib import Path
import signal
import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn

from rl_policy_node.nodes.simulator.monitor import BridgeMonitor
from rl_policy_node.tools.process.processes import NodeProcess

START_PATIENCE = 90.0  # s without a step until the run counts as failed


class NodesError(RuntimeError):
    """One of the two nodes ended, or no step happened."""


def episode_bar(console: Console) -> Progress:
    """Return a progress bar of episodes that shows the text field `figures` at its end."""
    return Progress(
        MofNCompleteColumn(),
        BarColumn(bar_width=12),
        TimeElapsedColumn(),
        '{task.fields[figures]}',
        console=console,
        redirect_stdout=False,
    )


def play_through_nodes(
    console: Console,
    params_file: str | Path,
    bridge_overrides: Mapping[str, object],
    policy_overrides: Mapping[str, object],
    episodes: int,
    output: Path,
    patience: float = START_PATIENCE,
) -> None:
    """Run both nodes on a parameter file until `episodes` have ended; raises NodesError.

    bridge_overrides, policy_overrides: parameter → value. output: folder of the logs. patience: s without a step.
    SIGINT and SIGTERM end both nodes, then KeyboardInterrupt is raised.
    """
    bridge = NodeProcess('sim_bridge_node', params_file, bridge_overrides, output / 'bridge.log')
    policy = NodeProcess('policy_node', params_file, policy_overrides, output / 'policy.log')
    signals: list[int] = []
    previous = {
        number: signal.signal(number, lambda signum, _frame: signals.append(signum))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        _watch(console, bridge, policy, episodes, signals, patience)
    finally:
        codes = {node.name: node.stop() for node in (policy, bridge)}
        for number, handler in previous.items():
            signal.signal(number, handler)
    if signals:
        raise KeyboardInterrupt
    for node in (bridge, policy):
        if codes[node.name]:
            raise NodesError(f'{node.name} ended with {codes[node.name]}: {node.complaint()}')


def _watch(
    console: Console, bridge: NodeProcess, policy: NodeProcess, episodes: int, signals: list[int], patience: float
) -> None:
    stepped, steps = time.monotonic(), 0
    with BridgeMonitor() as monitor, episode_bar(console) as bar:
        task = bar.add_task('episodes', total=episodes, figures='waiting for the first step')
        while bridge.poll() is None and not signals:
            status = monitor.poll(0.2)
            if policy.poll() is not None:
                raise NodesError(f'policy_node ended with {policy.poll()}: {policy.complaint()}')
            if int(status.get('steps', 0)) != steps:
                stepped, steps = time.monotonic(), int(status['steps'])
                bar.update(task, completed=int(status['episodes']), figures=_figures(status))
            elif time.monotonic() - stepped > patience:
                raise NodesError(f'no step for {patience:g} s:\n{bridge.tail()}\n{policy.tail()}')
        if not signals and not bridge.poll():
            bar.update(task, completed=episodes)


def _figures(status: Mapping[str, str]) -> str:
    # NaN before the first episode ends, and where the environment reports no success
    rate = float(status['success_rate'])
    return (
        f'{"" if math.isnan(rate) else f"success {rate:.0%}, "}p50 {float(status["latency_p50"]):.1f} ms, '
        f'p99 {float(status["latency_p99"]):.1f} ms, missed {status["deadline_misses"]}'
    )
