# SPDX-License-Identifier: Apache-2.0
"""`rl_policy demo`: the shipped policy and the simulator as two ROS 2 nodes, with a live view."""

from collections.abc import Mapping
import json
from pathlib import Path
from typing import Any

from rich.console import Console

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.resources import resolve
from rl_policy_node.tools.process.processes import private_domain
from rl_policy_node.tools.process.run_bags import run_bags
from rl_policy_node.tools.process.two_nodes import play_through_nodes


def demo(
    params_file: str,
    episodes: int,
    lockstep: bool,
    robots: int,
    seed: int,
    output: str | Path,
    json_file: str | Path | None = None,
    report: bool = True,
) -> dict[str, object]:
    """Play `episodes` episodes through DDS; write summary, bags and report into `output`; return the summary."""
    output = Path(output)
    output.mkdir(parents=True, exist_ok=True)
    private_domain()
    bags, summary_file = run_bags(output), output / 'summary.json'
    summary_file.unlink(missing_ok=True)
    names = [f'arm_{row}' for row in range(robots)]
    bridge = {
        'sim.mode': 'lockstep' if lockstep else 'real_time',
        'sim.episodes': episodes,
        'sim.seed': seed,
        'sim.summary': str(summary_file.resolve()),
        'robots': names,
        **bags.bridge,
    }
    policy = {
        'autostart': True,
        'resume': 'automatic',
        'enable': 'none',
        'enable.topic': '',
        'guardian': False,
        'use_sim_time': True,
        'robots': names,
        'trigger': 'lockstep' if lockstep else 'observation',
        **bags.policy,
    }
    console = Console()
    console.print(
        f'[bold]{episodes} episodes[/] of tactile peg insertion: {robots} arms, one policy, two ROS 2 nodes, '
        f'{"lockstep" if lockstep else "real time at 60 Hz"}',
        highlight=False,
    )
    play_through_nodes(console, resolve(params_file), bridge, policy, episodes, output)
    summary: dict[str, object] = json.loads(summary_file.read_text())
    _print(console, summary)
    console.print(f'bags      {bags}', highlight=False, soft_wrap=True)
    if report and not bags.reason:
        console.print(
            f'report    {_report(output, summary, bags.folder, resolve(params_file))}', highlight=False, soft_wrap=True
        )
    if json_file:
        Path(json_file).write_text(summary_file.read_text())
    return summary


def _print(console: Console, summary: Mapping[str, Any]) -> None:
    latency, rate = summary['latency_ms'], summary['success_rate']
    lines = (
        f'success   {"–" if rate is None else f"{rate:.1%}"} of {summary["episodes"]} episodes, '
        f'return {summary["return_mean"] or 0.0:.1f}',
        f'latency   p50 {latency["p50"]:.2f} ms, p99 {latency["p99"]:.2f} ms, max {latency["max"]:.2f} ms '
        '(observation → command, through DDS)',
        f'deadlines {summary["deadline_misses"]} missed in {summary["steps"]} steps × {summary["robots"]} arms',
    )
    console.print('\n'.join(lines), highlight=False, soft_wrap=True)


def _report(output: Path, summary: Mapping[str, Any], bags: Path, params_file: str) -> Path | str:
    """Return the path of the page, or why there is none."""
    from rl_policy_node.nodes.policy.dry_run import read_file
    from rl_policy_node.tools.about import about
    from rl_policy_node.tools.demo.report import write_report
    from rl_policy_node.tools.demo.run_record import load_record

    played = read_file(params_file)
    figures = {**summary, 'latency_budget': played.control.timing.latency_budget}
    try:
        record = load_record(bags)
    except ConfigurationError as error:  # without room for a bag
        return f'none: {error}'
    return write_report(output, figures, record, about(played.policy))
