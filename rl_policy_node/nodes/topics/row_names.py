# SPDX-License-Identifier: Apache-2.0
"""Names of rows in texts: robots have names, rows that share every topic have numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rl_policy_node.control.specs import ControlSpec

MOST = 5  # reasons listed for rows without names; further ones are only counted


def called(control: ControlSpec, row: int) -> str:
    """Return the name of a row."""
    if control.shared_rows:
        return f'row {row}'
    return f"robot '{control.robots[row]}'" if control.robots[row] else 'robot'


def counted(control: ControlSpec, count: int) -> str:
    """Return a number of rows as text: '3 robots', or '3 rows' if they share every topic."""
    return f'{count} {"rows" if control.shared_rows else "robots"}'


def listed(control: ControlSpec, rows: Sequence[int]) -> str:
    """Return one text for any number of rows (ints, ascending)."""
    if not control.shared_rows:
        return ', '.join(called(control, row) for row in rows)
    if len(rows) == 1:
        return called(control, rows[0])
    some = ', '.join(map(str, rows[:3]))
    if len(rows) <= 3:
        return f'rows {some}'
    return counted(control, len(rows)) if len(rows) == control.rows else f'{counted(control, len(rows))} ({some}, …)'


def by_name(control: ControlSpec, reasons: Mapping[int, str]) -> list[tuple[str, str]]:
    """Return [(name, reason)] of row → reason: one for each robot; for rows without names, one for each reason.

    For those, the reasons with most rows come first, and reasons beyond MOST are only counted.
    """
    if not control.shared_rows:
        return [(called(control, row), reason) for row, reason in reasons.items()]
    by_reason: dict[str, list[int]] = {}
    for row, reason in sorted(reasons.items()):
        by_reason.setdefault(reason, []).append(row)
    groups = sorted(by_reason.items(), key=lambda group: -len(group[1]))
    more = sum(len(rows) for _, rows in groups[MOST:])
    return [(listed(control, rows), reason) for reason, rows in groups[:MOST]] + (
        [(f'{more} more', f'{len(groups) - MOST} other reasons')] if more else []
    )


def lines(control: ControlSpec, reasons: Mapping[int, str]) -> list[str]:
    """Return row → reason as lines: one for each robot; for rows without names, one for all of them."""
    texts = [f'{name}: {reason}' for name, reason in by_name(control, reasons)]
    return ['; '.join(texts)] if control.shared_rows else texts
