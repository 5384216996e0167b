# SPDX-License-Identifier: Apache-2.0
"""What a policy did, and what another one would have done on the same messages, number by number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from rich.console import Console
from rich.table import Table

from rl_policy_node.control.arrays import Array, Mask
from rl_policy_node.control.specs import ControlSpec
from rl_policy_node.core import Outcome


class Apart(NamedTuple):
    """How far one number is apart. what: 'actions', or action term and field; mean, largest: of absolute values."""

    what: str
    number: int
    name: str
    mean: float
    largest: float
    step: int


class SideBySide:
    """Collects the actions and commands of both sides, of rows that acted on both.

    steps: how many were compared; apart: at how many of them another row acted.
    """

    def __init__(self, control: ControlSpec) -> None:
        self._joints = {action.name: action.joints for action in control.actions}
        self._sums: dict[str, Array] = {}
        self._largest: dict[str, Array] = {}
        self._where: dict[str, Array] = {}
        self._counts: dict[str, int] = {}
        self.steps = self.apart = 0

    def add(self, recorded: Outcome, replayed: Outcome) -> None:
        """Take a step of both sides."""
        self.steps += 1
        self.apart += not np.array_equal(recorded.acted, replayed.acted)
        rows = recorded.acted & replayed.acted
        if recorded.actions is not None and replayed.actions is not None:
            self.note('actions', recorded.actions, replayed.actions, rows)
        for name, command in replayed.commands.items():
            for field, value in command.items():
                other = recorded.commands.get(name, {}).get(field)
                if other is not None:
                    self.note(f'{name}.{field}', other, value, rows)

    def note(self, what: str, recorded: Array, replayed: Array, rows: Mask) -> None:
        """Compare two arrays (rows, n) of the present step."""
        if recorded.shape != replayed.shape or not rows.any():
            return
        apart = np.abs(replayed[rows].astype(np.float64) - recorded[rows])
        if what not in self._sums:
            self._sums[what], self._counts[what] = np.zeros(apart.shape[1]), 0
            self._largest[what], self._where[what] = np.zeros(apart.shape[1]), np.zeros(apart.shape[1], dtype=int)
        most = apart.max(axis=0)
        farther = most > self._largest[what]
        self._largest[what][farther], self._where[what][farther] = most[farther], self.steps
        self._sums[what] += apart.sum(axis=0)
        self._counts[what] += len(apart)

    def table(self) -> list[Apart]:
        """Return a line for each number."""
        return [
            Apart(what, number, self._name(what, number, len(sums)), mean, largest, step)
            for what, sums in self._sums.items()
            for number, (mean, largest, step) in enumerate(
                zip((sums / self._counts[what]).tolist(), self._largest[what].tolist(), self._where[what].tolist())
            )
        ]

    def _name(self, what: str, number: int, count: int) -> str:
        """Return the joint of a number of a command, '' where it is none."""
        joints: Sequence[str] = self._joints.get(what.partition('.')[0], ())
        return joints[number] if len(joints) == count else ''

    def show(self, console: Console) -> None:
        """Print the table."""
        table = Table(box=None, pad_edge=False)
        for column in ('', 'number', 'mean difference', 'largest', 'at step'):
            table.add_column(column)
        for each in self.table():
            label = f'{each.number} {each.name}'.strip()
            table.add_row(each.what, label, f'{each.mean:.3g}', f'{each.largest:.3g}', str(each.step))
        console.print(table)

    def summary(self) -> Mapping[str, object]:
        """Return everything as plain data."""
        return {
            'steps': self.steps,
            'steps_with_other_rows': self.apart,
            'numbers': [each._asdict() for each in self.table()],
        }
