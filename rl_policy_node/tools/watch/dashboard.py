# SPDX-License-Identifier: Apache-2.0
"""One picture of running policy nodes for a terminal: of one in detail, of several in a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
import math
import time
from typing import Final

from rich import box
from rich.console import Console, ConsoleOptions, Group, JustifyMethod, RenderableType, RenderResult
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from rl_policy_node.nodes.watch.node_view import Fault, NodeView
from rl_policy_node.tools.watch.term_rows import term_rows, TermRow

NARROW: Final = 64  # columns below which a table of nodes leaves out all but the most important
NARROWEST, WIDEST = 11, 41  # of a bar, in columns
MOST_FAULTS, MOST_REASONS = 5, 8
_LEVELS: Final = {'ok': 'green', 'warn': 'yellow', 'error': 'red', 'stale': 'dim'}
_STATES: Final = {'active': 'green', 'silent': 'red', 'gone': 'red', 'waiting': 'dim'}


class Dashboard:
    """A picture of nodes at `now`, s, steady. every: all numbers of the terms, not only the one furthest off of each.

    domain: of DDS, told where no node is there.
    """

    def __init__(self, views: Sequence[NodeView], now: float, every: bool = False, domain: str = '0') -> None:
        self._views, self._now, self._every, self._domain = views, now, every, domain

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if not self._views:
            yield Text(f'no policy node in DDS domain {self._domain}')
        elif len(self._views) == 1:
            yield self._details(self._views[0], options.max_width)
        else:
            yield self._overview(options.max_width)

    def _details(self, view: NodeView, width: int) -> RenderableType:
        style = self._style(view)
        parts: list[RenderableType] = [self._headline(view), *_reasons(view, '')]
        parts += [_figures(view), *_terms(term_rows(view, self._every), width - 4), *_faults([view])]
        return Panel(Group(*parts), title=Text(view.name, style), border_style=style, width=width)

    def _headline(self, view: NodeView) -> Text:
        state, age = view.state(self._now), self._now - view.heard
        line = Text.assemble((state, f'bold {self._style(view)}'))
        if view.message and view.message != state:
            line.append(f'  {view.message}')
        if state in ('silent', 'gone'):
            line.append(f'  last heard {age:.0f} s ago')
        return line

    def _overview(self, width: int) -> RenderableType:
        table = Table(box=None, pad_edge=False, width=width)
        columns: dict[str, JustifyMethod] = {'node': 'left', 'state': 'left', 'steps/s': 'right', 'p50 ms': 'right'}
        for column, justify in columns.items():
            table.add_column(column, justify=justify, no_wrap=True, overflow='ellipsis')
        if width >= NARROW:
            table.add_column('p99 ms', justify='right', no_wrap=True)
            table.add_column('missed', justify='right', no_wrap=True)
            table.add_column('', ratio=1, no_wrap=True, overflow='ellipsis')
        for view in self._views:
            latency, style = view.figures('latency '), self._style(view)
            cells: list[RenderableType] = [Text(view.name), Text(view.state(self._now), style)]
            cells += [_number(view.rate), latency.get('p50', '')]
            if width >= NARROW:
                cells += [latency.get('p99', ''), view.values.get('missed deadlines', ''), Text(view.message, style)]
            table.add_row(*cells)
        reasons = [line for view in self._views for line in _reasons(view, f'{view.name} ')]
        return Group(table, *reasons, *_faults(self._views))

    def _style(self, view: NodeView) -> str:
        state = view.state(self._now)
        return _LEVELS[view.level] if state == 'active' else _STATES.get(state, 'yellow')


def _reasons(view: NodeView, whose: str) -> list[Text]:
    """Return a line for each robot that does not act."""
    found = list(view.reasons.items())
    lines = [Text.assemble(f'  {whose}', (who, 'yellow'), f'  {why}') for who, why in found[:MOST_REASONS]]
    return lines + ([Text(f'  {whose}{len(found) - MOST_REASONS} more')] if len(found) > MOST_REASONS else [])


def _figures(view: NodeView) -> Table:
    """Return the figures of the diagnostics."""
    latency, late, rates = view.figures('latency '), view.figures('late start '), view.figures('rate of ')
    lines = {
        'steps': f'{view.values.get("steps", "")}{_number(view.rate, ", {:.1f} per second")}, '
        f'missed {view.values.get("missed deadlines", "")}',
        'latency': f'{_listed(latency)} ms, policy {view.figures("policy ").get("p50", "")} ms',
        'late start': f'{_listed(late)} ms' if late else '',
        'messages': ', '.join(f'{name} {rate} Hz' for name, rate in rates.items()),
        **{f'rejected from {name}': text for name, text in view.figures('rejected from ').items()},
        **{f'pace of {name}': text for name, text in view.figures('pace of ').items()},
        'tracking': ', '.join(f'{name} {text}' for name, text in view.figures('tracking error of ').items()),
        'guardian': view.values.get('guardian', ''),
    }
    table = Table.grid(padding=(0, 2))
    table.add_column(style='dim', no_wrap=True, overflow='ellipsis')
    table.add_column()
    for name, text in lines.items() if latency else ():
        if text:
            table.add_row(name, Text(text))
    return table


def _terms(rows: Sequence[TermRow], width: int) -> Iterator[RenderableType]:
    """Yield a table of the terms, with bars where there is room for them."""
    if not rows:
        return
    cells = [(row.term, row.number, '' if math.isnan(row.value) else f'{row.value:.4g}', row.text) for row in rows]
    term, number, value, text = (
        min(max(map(len, column)), most) for column, most in zip(zip(*cells), (24, 20, 10, 22))
    )
    room = width - 12 - sum(max(each, least) for each, least in ((term, 4), (number, 6), (value, 5), (text, 0)))
    room = min(room, WIDEST) if room >= NARROWEST else 0
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column('term', no_wrap=True, overflow='ellipsis', max_width=24)
    table.add_column('number', no_wrap=True, overflow='ellipsis', max_width=20)
    table.add_column('value', justify='right', no_wrap=True)
    if room:
        table.add_column('−5 σ' + 'training'.center(room - 7) + '5 σ', width=room, no_wrap=True)
    table.add_column('', no_wrap=True, overflow='ellipsis')
    for row, (_, _, shown, _) in zip(rows, cells):
        bar = [_bar(row, room)] if room else []
        table.add_row(Text(row.term), Text(row.number), shown, *bar, Text(row.text, _colour(row)))
    yield table


def _bar(row: TermRow, width: int) -> Text:
    """Return a scale of −1 to 1, thick where nothing is unusual, with a mark at the place of a row."""
    bar, half = Text(), (width - 1) / 2
    if math.isnan(row.place):
        return bar
    at = round((min(max(row.place, -1.0), 1.0) + 1.0) * half)
    mark = '◀' if row.place < -1.0 else '▶' if row.place > 1.0 else '●'
    for cell in range(width):
        line = '━' if abs(cell - half) <= row.usual * half else '─'
        bar.append(mark if cell == at else line, _colour(row) if cell == at else 'dim')
    return bar


def _colour(row: TermRow) -> str:
    if math.isnan(row.place):
        return 'dim'
    return 'green' if abs(row.place) <= row.usual else 'yellow' if abs(row.place) <= 1.0 else 'red'


def _faults(views: Sequence[NodeView]) -> list[Text]:
    """Return the last warnings and errors of the logs, the newest first."""
    found: list[tuple[Fault, NodeView]] = [(fault, view) for view in views for fault in view.faults]
    newest = sorted(found, key=lambda each: each[0].time, reverse=True)[:MOST_FAULTS]
    return [
        Text.assemble(
            (time.strftime('%H:%M:%S', time.localtime(fault.time)), 'dim'),
            (f' {fault.level} ', _LEVELS[fault.level]),
            f'{view.name}: ' if len(views) > 1 else '',
            fault.text.splitlines()[0] if fault.text else '',
        )
        for fault, view in newest
    ]


def _number(value: float, form: str = '{:.1f}') -> str:
    return '' if math.isnan(value) else form.format(value)


def _listed(figures: dict[str, str]) -> str:
    return ', '.join(f'{name} {value}' for name, value in figures.items())
