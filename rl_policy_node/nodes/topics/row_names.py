# SPDX-License-Identifier: Apache-2.0
"""What rows are called, in words: robots by their names, rows that share every topic by their numbers."""
from __future__ import annotations

from collections.abc import Mapping, Sequence

from rl_policy_node.control.specs import ControlSpec

MOST = 5        # reasons that are told of rows without names, before the rest is counted


def called(control: ControlSpec, row: int) -> str:
    """Return what a row is called."""
    if control.shared_rows:
        return f'row {row}'
    return f"robot '{control.robots[row]}'" if control.robots[row] else 'robot'


def counted(control: ControlSpec, count: int) -> str:
    """Return how many rows, in words: '3 robots', or '3 rows' where they share every topic."""
    return f'{count} {"rows" if control.shared_rows else "robots"}'


def listed(control: ControlSpec, rows: Sequence[int]) -> str:
    """Return what rows (ints, ascending) are called together, however many they are."""
    if not control.shared_rows:
        return ', '.join(called(control, row) for row in rows)
    if len(rows) == 1:
        return called(control, rows[0])
    some = ', '.join(map(str, rows[:3]))
    if len(rows) <= 3:
        return f'rows {some}'
    return counted(control, len(rows)) if len(rows) == control.rows else f'{counted(control, len(rows))} ({some}, …)'


def told(control: ControlSpec, reasons: Mapping[int, str]) -> list[tuple[str, str]]:
    """Return [(who, reason)] of row → reason: one for each robot; of rows without names, one for each reason.

    Of reasons the ones with most rows come first, and few of them.
    """
    if not control.shared_rows:
        return [(called(control, row), reason) for row, reason in reasons.items()]
    by_reason: dict[str, list[int]] = {}
    for row, reason in sorted(reasons.items()):
        by_reason.setdefault(reason, []).append(row)
    groups = sorted(by_reason.items(), key=lambda group: -len(group[1]))
    rest = sum(len(rows) for _, rows in groups[MOST:])
    return [(listed(control, rows), reason) for reason, rows in groups[:MOST]] + (
        [(f'{rest} more', f'{len(groups) - MOST} other reasons')] if rest else [])


def lines(control: ControlSpec, reasons: Mapping[int, str]) -> list[str]:
    """Return the lines that say row → reason: one for each robot; of rows without names, one for all of them."""
    said = [f'{who}: {reason}' for who, reason in told(control, reasons)]
    return ['; '.join(said)] if control.shared_rows else said
