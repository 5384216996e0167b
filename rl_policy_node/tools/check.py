# SPDX-License-Identifier: Apache-2.0
"""`rl_policy check`: run configure and a first step of the node, without a robot and off its network."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.table import Table

from rl_policy_node.control.arrays import Array
from rl_policy_node.tools.process.processes import private_domain
from rl_policy_node.tools.process.to_logging import ToLogging

if TYPE_CHECKING:
    from rl_policy_node.nodes.policy.dry_run import DryRun


def check(path: str | Path, console: Console | None = None) -> None:
    """Load everything that a parameter file names and step its policy once; raises ConfigurationError.

    Prints inputs and outputs. Publishes nothing: the file is read in a private DDS domain.
    """
    private_domain(chosen=False)
    from rl_policy_node.nodes.policy.dry_run import DryRun, read_file

    dry_run = DryRun(read_file(path), ToLogging())
    dry_run.step()
    _show(dry_run, path, console or Console(soft_wrap=True))


def _show(dry_run: 'DryRun', path: str | Path, console: Console) -> None:
    control, policy = dry_run.control, dry_run.policy
    sources, commands = dry_run.topics()
    table = Table(box=None, pad_edge=False)
    for column in ('', 'name', 'topic', 'type'):
        table.add_column(column)
    for direction, rows in (('in', sources), ('out', commands)):
        for row in rows:
            table.add_row(direction, *row)
    console.print(table)
    for text in dry_run.told:
        console.print(f'{text}', highlight=False)
    if dry_run.actions is not None:
        console.print(f'action {_numbers(dry_run.actions[0])}', highlight=False, markup=False)
    for name, command in dry_run.commands.items():
        for field, value in command.items():
            console.print(f'{name}.{field} {_numbers(value[0])}', highlight=False, markup=False)
    robots, rate = f'{control.rows} robots' if control.rows > 1 else 'one robot', control.timing.control_rate
    console.print(
        f'{Path(path).name} fits: {policy.config.name}, {robots}, {rate:g} Hz. The action '
        'answers observations of zeros; the command is what its law, limits and blending make of it in the '
        'first step',
        highlight=False,
    )


def _numbers(values: Array) -> str:
    return np.array2string(values, precision=3, suppress_small=True, max_line_width=10**6)
