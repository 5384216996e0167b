# SPDX-License-Identifier: Apache-2.0
"""`rl_policy explain`: read a robot's recording, read or play a simulator's, compare, and write a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import dataclasses
from dataclasses import dataclass
import json
import math
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.mismatch.recording import Recording
from rl_policy_node.mismatch.unpaired import Account, explain
from rl_policy_node.nodes.parameters import parsing as parameters
from rl_policy_node.nodes.parameters.configuration import Configuration
from rl_policy_node.nodes.policy.dry_run import read_values
from rl_policy_node.tools.bag.bag import open_bag
from rl_policy_node.tools.explain.explain_page import write_page
from rl_policy_node.tools.explain.simulated_robot import SimulatedRobot
from rl_policy_node.tools.process.processes import override_arguments, private_domain
from rl_policy_node.tools.settings import named_settings, rows_setting

# parameters that the command sets itself → the option to use instead
_OWN = {'sim.steps': '--steps', 'sim.seed': '--seed', 'robots': '--rows', 'rows': '--rows'}


@dataclass(frozen=True, kw_only=True)
class Simulated:
    """Which parameter file to play in the place of a simulator's recording, and how long."""

    file: str
    rows: int = 16
    steps: int = 600
    seed: int | None = None
    settings: Sequence[str] = ()

    def configuration(self) -> Configuration:
        """Return the Configuration of the file. Raises ConfigurationError."""
        overrides: dict[str, Any] = {**named_settings(self.settings, _OWN, 'explain')}
        if self.seed is not None:
            overrides['sim.seed'] = self.seed
        values = read_values(self.file, override_arguments(overrides), 'sim_bridge_node')
        overrides |= rows_setting(values, self.rows)
        return parameters.configuration(read_values(self.file, override_arguments(overrides), 'sim_bridge_node'))


def explain_files(
    robot: str,
    simulation: str | Simulated,
    page: str,
    json_file: str | None = None,
    *,
    keep: str | None = None,
    name: str | None = None,
) -> bool:
    """Compare, print the verdict and write the page; return whether the robot is healthy.

    simulation: a recording, or what to play. keep: a file to write the simulator's recording to. name: of the one
    robot of a fleet to look at. Raises ConfigurationError for a recording that cannot be read or does not fit, and
    SimulationError.
    """
    console = Console(soft_wrap=True)
    came = read(robot)
    if name is not None:
        came = came.of_robot(name)
    ours = play(simulation) if isinstance(simulation, Simulated) else read(simulation)
    if keep:
        ours.save(keep)
    account = _explained(came, ours)
    write_page(Path(page), account, came, ours)
    if json_file:
        Path(json_file).write_text(json.dumps(content(account), indent=2, allow_nan=False))
    _print(account, console)
    console.print(f'page: {page}', highlight=False)
    return not account.findings and account.verdict == 'healthy'


def read(path: str) -> Recording:
    """Return the recording in a bag, or in a file that --keep wrote; raises ConfigurationError where there is none."""
    if Path(path).suffix != '.npz':
        recording = open_bag(path).recording()
    elif Path(path).is_file():
        recording = Recording.load(path)
    else:
        raise ConfigurationError(f'{path}: no such file; expected a bag of the policy node, or what --keep wrote')
    return dataclasses.replace(recording, about={'file': path, **recording.about})


def play(simulated: Simulated) -> Recording:
    """Return the recording of the policy of a file on its own simulator."""
    private_domain(chosen=False)
    with _bar('steps of the simulator') as bar:
        task = bar.add_task('', total=simulated.steps)
        recording = SimulatedRobot(simulated.configuration()).play(simulated.steps, lambda: bar.advance(task))
    return dataclasses.replace(recording, about={**recording.about, 'file': simulated.file})


def _explained(robot: Recording, simulation: Recording) -> Account:
    with _bar('kinds of faults tried') as bar:
        task = bar.add_task('', total=None)
        return explain(robot, simulation, lambda kind: bar.advance(task))


def content(account: Account) -> Mapping[str, object]:
    """Return an account as JSON has it: what is not a number is null."""
    plain: Mapping[str, object] = _plain(dataclasses.asdict(account))
    return plain


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _print(account: Account, console: Console) -> None:
    console.print(f'{account.verdict}', style='green' if account.verdict == 'healthy' else 'bold red')
    for finding in account.findings[:3]:
        share = f' ({finding.share:.0%} of the difference)' if math.isfinite(finding.share) else ''
        console.print(f'{finding.kind}: {finding.sentence}{share}', highlight=False, markup=False)
        console.print(f'  {finding.remedy}', highlight=False, markup=False)
        if finding.rivals:
            console.print(f'  not told from: {", ".join(finding.rivals)}', highlight=False, markup=False)


def _bar(what: str) -> Progress:
    """Return a bar on stderr: stdout is for results."""
    columns = MofNCompleteColumn(), BarColumn(bar_width=12), TimeElapsedColumn(), TextColumn(what)
    return Progress(*columns, console=Console(stderr=True), transient=True)
