# SPDX-License-Identifier: Apache-2.0
"""The numbers of a policy beside what training saw of them, as rows of a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
import math
import re
from typing import Any, Final, NamedTuple

from rl_policy_node.control.distribution import CLAMP, EPSILON
from rl_policy_node.nodes.policy.streams import ACTING
from rl_policy_node.nodes.policy.tracks import number_name
from rl_policy_node.nodes.watch.node_view import NodeView

_DISTANCE: Final = re.compile(r'largest ([\d.]+|nan|inf), smoothed ([\d.]+|nan|inf)')


class TermRow(NamedTuple):
    """A number of a term, or of an action.

    number: its label and robot. value: nan where it is not known. place: where it stands in what the bar shows, −1 to
    1: ±5 standard deviations about the mean of training, or ±1 of an action; nan: unknown. usual: places up to which
    nothing is unusual. text: of the place.
    """

    term: str
    number: str
    value: float
    place: float
    text: str = ''
    usual: float = 2.0 / CLAMP


def term_rows(view: NodeView, every: bool = False) -> list[TermRow]:
    """Return the rows of a node: of each term the number that lies furthest off. every: all numbers.

    Where a node streams nothing, or no robot acts, its diagnostics tell how far each term lies off.
    """
    if not view.streams or not _acting(view):
        return list(_distances(view))
    rows = []
    for term in (*view.description['terms'], *view.description['actions']):
        found = list(_numbers(view, term))
        # one whose place is unknown comes last
        remote = max(found, key=lambda row: -1.0 if math.isnan(row.place) else abs(row.place), default=None)
        rows += found if every or remote is None else [remote]
    return rows


def deviations(view: NodeView) -> dict[str, float]:
    """Return name → z, standard deviations from the mean of training, of the streamed numbers that have statistics.

    Of robots that act: the network gets zeros of the others.
    """
    values = {} if view.numbers is None else view.numbers.values
    found, robots = {}, _acting(view)
    for term in view.description.get('terms', ()):
        for index, label in enumerate(term['labels']):
            for robot in robots:
                name = number_name(robot, term['called'], label)
                z = _deviation(view.description, term, index, values[name]) if name in values else math.nan
                if not math.isnan(z):
                    found[name] = z
    return found


def _acting(view: NodeView) -> list[str]:
    """Return the names of the robots that follow the policy, as far as they are streamed; '' for an unnamed one."""
    values = {} if view.numbers is None else view.numbers.values
    return [robot for robot in view.description.get('robots', ()) if values.get(number_name(robot, ACTING))]


def _numbers(view: NodeView, term: Mapping[str, Any]) -> Iterator[TermRow]:
    assert view.numbers is not None
    values = view.numbers.values
    for robot in _acting(view):
        for index, label in enumerate(term['labels']):
            name = number_name(robot, term['called'], label)
            if name in values:
                number = ' '.join(filter(None, (label, robot)))
                if 'input' not in term:
                    yield TermRow(term['called'], number, values[name], values[name], usual=0.99)
                    continue
                z = _deviation(view.description, term, index, values[name])
                yield TermRow(term['called'], number, values[name], z / CLAMP, '' if math.isnan(z) else f'{z:+.1f} σ')
        least, greatest = (values.get(number_name(robot, term['called'], what)) for what in ('least', 'greatest'))
        if least is not None and greatest is not None:
            yield TermRow(term['called'], robot, math.nan, math.nan, f'{least:.3g} to {greatest:.3g}')


def _deviation(description: Mapping[str, Any], term: Mapping[str, Any], index: int, value: float) -> float:
    moments = description['moments'].get(term['input'])
    if moments is None:
        return math.nan
    mean, variance = (float(moments[what][term['start'] + index]) for what in ('mean', 'variance'))
    return (value - mean) / math.sqrt(variance + EPSILON)


def _distances(view: NodeView) -> Iterator[TermRow]:
    for term, text in view.figures('|z| of ').items():
        found = _DISTANCE.fullmatch(text)
        if found:
            largest, smoothed = map(float, found.groups())
            yield TermRow(term, 'any', math.nan, smoothed / CLAMP, f'{smoothed:.1f} σ, largest {largest:.1f}')
