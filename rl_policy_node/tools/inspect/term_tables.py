# SPDX-License-Identifier: Apache-2.0
"""Tables of terms and joints: their meaning, scaling, and statistics of training."""

from collections.abc import Iterator, Sequence

from rich.table import Table

from rl_policy_node.policy.layouts import LayoutAction, LayoutTerm
from rl_policy_node.policy.summary import Summary
from rl_policy_node.policy.summary.record import Observation, Statistics, Term
from rl_policy_node.tools.inspect.wording import (
    action_text,
    cell,
    number,
    numbers,
    pretty_shape,
    term_text,
    transformation,
)

_STILL = 'never moved in training'


def terms_table(summary: Summary) -> Table | None:
    """Return the table of shapes, scales and statistics; None where it would be empty."""
    rows = [row for observation in summary.observations for row in _rows(observation)]
    if not any(any(row[2:]) for row in rows):
        return None
    return _table(('term', 'shape', 'from raw', 'mean in training', 'std in training'), rows)


def meanings_table(summary: Summary) -> Table | None:
    """Return the table of the meaning of each term; None where no layout is known."""
    rows = [
        (_name(observation, term), term_text(term))
        for observation in summary.observations
        for term in observation.terms
    ]
    return _table(('term', 'what it is'), rows) if rows else None


def actions_table(summary: Summary) -> Table | None:
    """Return the table of the law of each slice of the action; None where no layout is known."""
    rows = [(term.name, action_text(term)) for term in summary.actions.terms]
    return _table(('term', 'what it does'), rows) if rows else None


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """Return a table; columns that are empty in all rows are left out."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style='italic')
    used = [index for index in range(len(titles)) if any(row[index] for row in rows)]
    for index in used:
        table.add_column(titles[index], overflow='fold', no_wrap=titles[index] in ('term', 'shape'))
    for row in rows:
        table.add_row(*(cell(row[index], 'yellow' if _STILL in row[index] else '') for index in used))
    return table


def _name(observation: Observation, term: Term) -> str:
    return term.name if len(observation.terms) == 1 or observation.name == 'obs' else f'{observation.name}.{term.name}'


def _rows(observation: Observation) -> Iterator[tuple[str, ...]]:
    """Yield a row for each term, or one for the whole input where its terms are not known."""
    for term in observation.terms:
        yield (
            _name(observation, term),
            pretty_shape(term.shape) if term.shape else '?',
            transformation(term),
            *_trained(term.statistics),
        )
    if not observation.terms:
        shape = observation.shape.value
        yield observation.name, pretty_shape(shape) if shape else '?', '', *_trained(observation.statistics)


def _trained(statistics: Statistics | None) -> tuple[str, str]:
    if statistics is None:
        return '', ''
    std = '' if statistics.still == len(statistics.std) > 0 else numbers(statistics.std, statistics.std_range) + '\n'
    return (
        numbers(statistics.mean, statistics.mean_range),
        f'{std}{_STILL}{_places(statistics)}' if statistics.still else std.strip(),
    )


def _places(statistics: Statistics) -> str:
    """Return the places of the numbers that never changed, '' where all of them never did."""
    if statistics.still == len(statistics.std):
        return ''
    shown = ', '.join(f'[{place}]' for place in statistics.still_at[:6])
    return f': {shown}' + (f', {statistics.still} in all' if statistics.still > 6 else '')


def joints_tables(summary: Summary) -> Iterator[tuple[str, Table]]:
    """Yield (names of the terms, table) for each list of joints, with the numbers that differ between joints."""
    lists: dict[tuple[str, ...], list[LayoutTerm | LayoutAction]] = {}
    terms: list[LayoutTerm | LayoutAction] = [term for each in summary.observations for term in each.terms]
    for term in [*terms, *summary.actions.terms]:
        if term.joints:
            lists.setdefault(term.joints, []).append(term)
    for joints, found in lists.items():
        yield ', '.join(dict.fromkeys(term.name for term in found)), _joints(joints, found)


def _joints(joints: Sequence[str], terms: Sequence[LayoutTerm | LayoutAction]) -> Table:
    columns = [column for term in terms for column in _columns(term)]
    rows = [
        (str(index), joint, *(number(values[index]) for _, values in columns)) for index, joint in enumerate(joints)
    ]
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style='italic')
    for title in ('', 'joint', *(title for title, _ in columns)):
        table.add_column(cell(title), justify='left' if title == 'joint' else 'right', no_wrap=title == 'joint')
    for row in rows:
        table.add_row(*map(cell, row))
    return table


def _columns(term: LayoutTerm | LayoutAction) -> Iterator[tuple[str, Sequence[float]]]:
    """Yield (title, a number for each joint) of offset and scale where they differ between joints."""
    for name in ('offset', 'scale'):
        values = getattr(term, name)
        if values is not None and len(set(values)) > 1 and len(values) == len(term.joints):
            yield f'{term.name} {name}', values
