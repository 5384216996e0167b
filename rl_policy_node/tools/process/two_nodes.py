# SPDX-License-Identifier: Apache-2.0
"""Simulator bridge and policy node as two processes, watched until the bridge has played its episodes."""
from collections.abc import Mapping
import math
from pathlib import Path
import signal
import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn

from rl_policy_node.nodes.simulator.monitor import BridgeMonitor
from rl_policy_node.tools.process.processes import NodeProcess

START_PATIENCE = 90.0        # s without a step after which something is wrong


class NodesError(RuntimeError):
    """One of the two nodes ended or never acted."""


def episode_bar(console: Console) -> Progress:
    """Return the progress bar of episodes, with a field `figures` behind it."""
    return Progress(MofNCompleteColumn(), BarColumn(bar_width=12), TimeElapsedColumn(), '{task.fields[figures]}',
                    console=console, redirect_stdout=False)


def play_through_nodes(console: Console, params_file: str | Path, bridge_overrides: Mapping[str, object],
                       policy_overrides: Mapping[str, object], episodes: int, output: Path,
                       patience: float = START_PATIENCE) -> None:
    """Run both nodes on a parameter file until `episodes` have ended; raises NodesError.

    Overrides: parameter → value, one mapping for each node. The logs are written into the folder `output`.
    SIGINT and SIGTERM end both nodes before KeyboardInterrupt is raised. patience: s without a step.
    """
    bridge = NodeProcess('sim_bridge_node', params_file, bridge_overrides, output / 'bridge.log')
    policy = NodeProcess('policy_node', params_file, policy_overrides, output / 'policy.log')
    asked: list[int] = []
    previous = {number: signal.signal(number, lambda signum, _frame: asked.append(signum))
                for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        _watch(console, bridge, policy, episodes, asked, patience)
    finally:
        codes = {node.name: node.stop() for node in (policy, bridge)}
        for number, handler in previous.items():
            signal.signal(number, handler)
    if asked:
        raise KeyboardInterrupt
    for node in (bridge, policy):
        if codes[node.name]:
            raise NodesError(f'{node.name} ended with {codes[node.name]}: {node.complaint()}')


def _watch(console: Console, bridge: NodeProcess, policy: NodeProcess, episodes: int, asked: list[int],
           patience: float) -> None:
    moved, steps = time.monotonic(), 0
    with BridgeMonitor() as monitor, episode_bar(console) as bar:
        task = bar.add_task('episodes', total=episodes, figures='waiting for the first step')
        while bridge.poll() is None and not asked:
            status = monitor.poll(0.2)
            if policy.poll() is not None:
                raise NodesError(f'policy_node ended with {policy.poll()}: {policy.complaint()}')
            if int(status.get('steps', 0)) != steps:
                moved, steps = time.monotonic(), int(status['steps'])
                bar.update(task, completed=int(status['episodes']), figures=_figures(status))
            elif time.monotonic() - moved > patience:
                raise NodesError(f'no step for {patience:g} s:\n{bridge.tail()}\n{policy.tail()}')
        if not asked and not bridge.poll():
            bar.update(task, completed=episodes)


def _figures(status: Mapping[str, str]) -> str:
    rate = float(status['success_rate'])        # not a number where no episode has ended, or none tells a success
    return (f'{"" if math.isnan(rate) else f"success {rate:.0%}, "}p50 {float(status["latency_p50"]):.1f} ms, '
            f'p99 {float(status["latency_p99"]):.1f} ms, missed {status["deadline_misses"]}')
