# SPDX-License-Identifier: Apache-2.0
"""Where each term stands in the inputs of a policy, and what its numbers are called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rl_policy_node.control.action_sizes import columns_of
from rl_policy_node.control.number_names import action_names, term_names
from rl_policy_node.control.specs import ControlSpec
from rl_policy_node.core.cycle import Cycle


@dataclass(frozen=True)
class Track:
    """A term within an input, or an action term within the action.

    called: what its numbers are called in ~/policy/terms: the term, <input>.<term> of a term with several inputs, or
    action/<term>. input: '' for the action. start: its first number. labels: one for each number, '' for an only one.
    """

    name: str
    called: str
    input: str
    start: int
    labels: tuple[str, ...]

    @property
    def columns(self) -> slice:
        """Its numbers in the flat input."""
        return slice(self.start, self.start + len(self.labels))


def tracks(control: ControlSpec, cycle: Cycle) -> list[Track]:
    """Return the Tracks of all observation terms, in the order of the inputs, then those of the action terms."""
    pieces, terms = cycle.distribution.pieces, cycle.outlet.action_terms
    inputs = Counter(piece.term for piece in pieces)
    observed = [
        Track(
            piece.term,
            piece.term if inputs[piece.term] == 1 else f'{piece.input}.{piece.term}',
            piece.input,
            piece.columns.start,
            term_names(control.terms[piece.term], piece.columns.stop - piece.columns.start, piece.shape),
        )
        for piece in pieces
    ]
    return observed + [
        Track(name, f'action/{name}', '', columns.start, action_names(term))
        for (name, term), columns in zip(terms.items(), columns_of(terms.values()))
    ]


def row_names(control: ControlSpec, rows: Sequence[int]) -> list[str]:
    """Return a name for each row, '' for the only robot without one."""
    if control.shared_rows:
        return [f'row_{row}' for row in rows]
    return [control.robots[row].strip('/') for row in rows]


def number_name(*parts: str) -> str:
    """Return the name of a number: robot, term and label, as far as there are some."""
    return '/'.join(filter(None, parts))
