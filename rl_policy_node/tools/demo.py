"""`rl_policy demo`: the shipped policy and the simulator as two ROS 2 nodes, watched while they run."""
import json
from pathlib import Path
import signal
import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn

from rl_policy_node.nodes.monitor import BridgeMonitor
from rl_policy_node.resources import resolve
from rl_policy_node.tools.processes import NodeProcess, private_domain

PARAMS_FILE = 'package://rl_policy_node/config/insertion.yaml'
START_PATIENCE = 90.0        # s without a step after which something is wrong


class DemoError(RuntimeError):
    """One of the two nodes ended or never acted."""


def demo(episodes, lockstep, robots, seed, output, json_file=None, report=True, params_file=PARAMS_FILE):
    """Play `episodes` episodes through DDS; write summary, record and report into `output`; return the summary."""
    output = Path(output)
    output.mkdir(parents=True, exist_ok=True)
    private_domain()
    record, summary_file = output / 'record.npz', output / 'summary.json'
    summary_file.unlink(missing_ok=True)
    names = [f'arm_{row}' for row in range(robots)]
    bridge = {'sim.mode': 'lockstep' if lockstep else 'real_time', 'sim.episodes': episodes, 'sim.seed': seed,
              'sim.record': str(record.resolve()), 'sim.summary': str(summary_file.resolve()), 'robots': names}
    policy = {'autostart': True, 'use_sim_time': True, 'robots': names,
              'trigger': 'lockstep' if lockstep else 'observation'}
    console = Console()
    console.print(f'[bold]{episodes} episodes[/] of tactile peg insertion: {robots} arms, one policy, two ROS 2 nodes, '
                  f'{"lockstep" if lockstep else "real time at 60 Hz"}', highlight=False)
    _play(console, resolve(params_file), bridge, policy, episodes, output)
    summary = json.loads(summary_file.read_text())
    _print(console, summary)
    if report:
        _report(console, output, summary, record)
    if json_file:
        Path(json_file).write_text(json.dumps(summary, indent=2) + '\n')
    return summary


def _play(console, params_file, bridge_overrides, policy_overrides, episodes, output):
    bridge = NodeProcess('sim_bridge_node', params_file, bridge_overrides, output / 'bridge.log')
    policy = NodeProcess('policy_node', params_file, policy_overrides, output / 'policy.log')
    asked = []
    previous = {number: signal.signal(number, lambda signum, _frame: asked.append(signum))
                for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        _watch(console, bridge, policy, episodes, asked)
    finally:
        codes = {node.name: node.stop() for node in (policy, bridge)}
        for number, handler in previous.items():
            signal.signal(number, handler)
    if asked:
        raise KeyboardInterrupt
    for node in (bridge, policy):
        if codes[node.name]:
            raise DemoError(f'{node.name} ended with {codes[node.name]}:\n{node.tail()}')


def _watch(console, bridge, policy, episodes, asked):
    columns = [MofNCompleteColumn(), BarColumn(bar_width=12), TimeElapsedColumn(), '{task.fields[figures]}']
    moved, steps = time.monotonic(), 0
    with BridgeMonitor() as monitor, Progress(*columns, console=console) as bar:
        task = bar.add_task('episodes', total=episodes, figures='waiting for the first step')
        while bridge.poll() is None and not asked:
            status = monitor.poll(0.2)
            if policy.poll() is not None:
                raise DemoError(f'policy_node ended with {policy.poll()}:\n{policy.tail()}')
            if int(status.get('steps', 0)) != steps:
                moved, steps = time.monotonic(), int(status['steps'])
                bar.update(task, completed=int(status['episodes']), figures=_figures(status))
            elif time.monotonic() - moved > START_PATIENCE:
                raise DemoError(f'no step for {START_PATIENCE:g} s:\n{bridge.tail()}\n{policy.tail()}')
        if not asked:
            bar.update(task, completed=episodes)


def _figures(status):
    success = f'success {float(status["success_rate"]):.0%}, ' if int(status['episodes']) else ''
    return (f'{success}p50 {float(status["latency_p50"]):.1f} ms, p99 {float(status["latency_p99"]):.1f} ms, '
            f'missed {status["deadline_misses"]}')


def _print(console, summary):
    latency, rate = summary['latency_ms'], summary['success_rate']
    lines = (f'success   {"–" if rate is None else f"{rate:.1%}"} of {summary["episodes"]} episodes, '
             f'return {summary["return_mean"] or 0.0:.1f}',
             f'latency   p50 {latency["p50"]:.2f} ms, p99 {latency["p99"]:.2f} ms, max {latency["max"]:.2f} ms '
             '(observation → command, through DDS)',
             f'deadlines {summary["deadline_misses"]} missed in {summary["steps"]} steps × {summary["robots"]} arms')
    console.print('\n'.join(lines), highlight=False, soft_wrap=True)


def _report(console, output, summary, record):
    from rl_policy_node.tools.report import load_record, write_report
    if record.exists():
        path = write_report(output, summary, load_record(record))
        console.print(f'report    {path}', highlight=False, soft_wrap=True)
