# SPDX-License-Identifier: Apache-2.0
"""From commands back to actions: a simulator receives the one and takes the other."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from rl_policy_node.control.action_terms.action_options import ActionOptions
from rl_policy_node.control.action_terms.action_term import ActionTerm
from rl_policy_node.control.arrays import Command, Floats, Sources
from rl_policy_node.errors import ConfigurationError


def check_reversible(terms: Mapping[str, ActionTerm[ActionOptions]]) -> None:
    """Raise ConfigurationError if a received command does not determine its action."""
    for name, term in terms.items():
        reason = term.irreversible()
        if reason:
            raise ConfigurationError(
                f'actions.{name}: kind {term.spec.kind} cannot be inverted for the simulator: {reason}'
            )


def inverted(
    terms: Mapping[str, ActionTerm[ActionOptions]], commands: Mapping[str, Command], sources: Sources
) -> Floats:
    """Return the action (rows, size), float32, that leads to commands: term → field → (rows, ...)."""
    return np.concatenate([term.invert(commands[name], sources) for name, term in terms.items()], axis=1)
