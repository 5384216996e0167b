# SPDX-License-Identifier: Apache-2.0
"""The doctor's page: verdicts first, then what was seen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from rl_policy_node.tools.doctor.diagnosis import Diagnosis, FAULT, in_seconds
from rl_policy_node.tools.doctor.examination import Examination

_STYLES: Final = {FAULT: 'bold red'}


def show(examination: Examination, console: Console) -> None:
    """Print the page."""
    for part in _parts(examination):
        # on one line, however long, so that it can be copied
        console.print(part, highlight=False, soft_wrap=isinstance(part, Text))


def summary(examination: Examination) -> str:
    """Return the last line."""
    faults = sum(each.level == FAULT for each in examination.diagnoses)
    warnings = len(examination.diagnoses) - faults
    if examination.healthy:
        return f'healthy: no verdict after {examination.seconds:g} s'
    counted = [f'{n} {word}{"" if n == 1 else "s"}' for n, word in ((faults, 'fault'), (warnings, 'warning')) if n]
    return f'{" and ".join(counted)} after {examination.seconds:g} s'


def _parts(examination: Examination) -> Iterator[RenderableType]:
    for each in examination.diagnoses:
        yield from _verdict(each, examination.lines.place(each.parameter))
    yield _topics(examination)
    if examination.joints:
        yield _joints(examination)
    for note in examination.notes:
        yield Text(f'not checked: {note}', style='dim')
    yield Text(summary(examination), style='bold green' if examination.healthy else 'bold red')


def _verdict(each: Diagnosis, place: str) -> Iterator[RenderableType]:
    yield Text(f'{each.level.upper()} {each.check}: {each.about}', style=_STYLES.get(each.level, 'bold yellow'))
    for name, text in (('seen', each.seen), ('expected', each.expected), ('remedy', each.remedy), ('line', place)):
        if text:
            yield Text.assemble((f'  {name:9}', 'dim'), text)


def _topics(examination: Examination) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in ('source', 'topic', 'messages', 'Hz', 'longest gap', 'age', 'refused', 'publishers'):
        table.add_column(column)
    for topic in examination.topics:
        values: dict[str, Any] = topic
        table.add_row(
            *(Text(str(values[name])) for name in ('source', 'topic', 'messages')),
            f'{values["rate"]:.1f}',
            _time(values['longest_gap']),
            _time(values['age']),
            str(values['refused']),
            Text(', '.join(values['publishers'])),
        )
    return table


def _joints(examination: Examination) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in ('joint', 'asked', 'moved', 'from', 'to', 'lower', 'upper'):
        table.add_column(column)
    for joint in examination.joints:
        values: dict[str, Any] = joint
        moved = ', '.join(f'{name} {way:+.3g}' for name, way in values['moved'].items())
        asked = 'by hand' if values['asked'] is None else f'{values["asked"]:+.3g}'
        numbers = [*values['span'], *values['limits']]
        table.add_row(Text(values['joint']), asked, Text(moved), *('' if n is None else f'{n:.3g}' for n in numbers))
    return table


def _time(seconds: float | None) -> str:
    return '' if seconds is None else in_seconds(seconds)
