# SPDX-License-Identifier: Apache-2.0
"""The distance of robots from their last command."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from rl_policy_node.control import limits
from rl_policy_node.control.action_spec import NUMBERS
from rl_policy_node.control.action_terms.action_options import ActionOptions
from rl_policy_node.control.action_terms.action_term import ActionTerm
from rl_policy_node.control.arrays import Command, Floats, Mask, Sources
from rl_policy_node.options import value_of


class Tracking:
    """The tracking errors of the terms that hold positions, and their limits, max_tracking_error.

    watched: the terms with a limit; sources: their sources.
    """

    def __init__(self, terms: Mapping[str, ActionTerm[ActionOptions]]) -> None:
        self._terms = {name: term for name, term in terms.items() if term.places}
        stated = {name: value_of(term.options, 'max_tracking_error', NUMBERS) for name, term in self._terms.items()}
        self.watched = {name: limits.axes_of(most) for name, most in stated.items() if most}
        self.sources = tuple(sorted({self._terms[name].spec.source for name in self.watched}))

    def beyond(self, commands: Mapping[str, Command], sources: Sources, rows: Mapping[str, Mask]) -> dict[int, str]:
        """Return row → a reason that names the axis too far from its target. rows: source → rows (mask) to check."""
        found: dict[int, str] = {}
        for name, most in self.watched.items():
            term = self._terms[name]
            measured = term.measured(sources)
            errors = term.lag(commands[name], measured)
            far = (errors > most) & rows[term.spec.source][:, np.newaxis]
            if not far.any():
                continue
            for row in np.nonzero(far.any(axis=1))[0].tolist():
                axis = int(far[row].argmax())
                found[row] = (
                    f"actions.{name}: '{term.axis_names[axis]}' is measured {errors[row, axis]:.3g} from its "
                    f'target; max_tracking_error is {np.broadcast_to(most, errors.shape)[row, axis]:g}'
                )
        return found

    def outside(self, sources: Sources) -> dict[int, str]:
        """Return row → a reason that names the joint or axis measured beyond its limits, and the limit."""
        found: dict[int, str] = {}
        for term in self._terms.values():
            found = {**term.outside(sources), **found}
        return found

    def largest(
        self, commands: Mapping[str, Command], sources: Sources, rows: Mask
    ) -> dict[str, tuple[float, str, int]]:
        """Return term → its largest error, its axis and row, among the rows (mask)."""
        found: dict[str, tuple[float, str, int]] = {}
        for name, term in self._terms.items():
            with np.errstate(invalid='ignore'):  # a pose that was never measured has no direction
                errors: Floats = np.where(rows[:, np.newaxis], term.lag(commands[name], term.measured(sources)), -1.0)
            errors = np.where(np.isfinite(errors), errors, -1.0)
            row, axis = divmod(int(errors.argmax()), errors.shape[1])
            if errors[row, axis] >= 0:
                found[name] = float(errors[row, axis]), term.axis_names[axis], row
        return found
