# SPDX-License-Identifier: Apache-2.0
"""The robots' side of a configuration: turns the observations of a simulator into sensor measurements."""

from __future__ import annotations

from collections.abc import Mapping

from rl_policy_node.control.action_manager import Commands
from rl_policy_node.control.arrays import Floats, Values
from rl_policy_node.core.assemble import Managers
from rl_policy_node.core.reverse_actions import ReverseActions
from rl_policy_node.errors import ConfigurationError


class Mirror:
    """Inverts the terms of a configuration: observations → values of sources, commands → actions.

    Raises ConfigurationError if a command does not determine its action, or if no observation gives a field of a
    source. note: nothing to say.
    """

    note = ''

    def __init__(self, managers: Managers) -> None:
        self._observations, self._buffers = managers.observations, managers.buffers
        self._actions = ReverseActions(managers.actions, managers.buffers)
        self._actions.check()
        fed, unfed = self._observations.fields(), self._observations.unfed()
        for name, buffer in self._buffers.items():
            for field in buffer.values:
                if (name, field) not in fed:
                    term = unfed.get((name, field))
                    reader = f"by the term '{term.name}' (kind {term.kind})" if term else 'by an action'
                    raise ConfigurationError(
                        f"source '{name}': its field '{field}' is read {reader} and fed by no "
                        'term of kind field; the simulator cannot publish it'
                    )

    def measure(self, observations: Values) -> None:
        """Write observations, input → (rows, ...), into the buffers of the sources."""
        self._observations.scatter(observations, self._buffers)

    def actions(self, commands: Mapping[str, Values]) -> Floats:
        """Return the actions (rows, n) that lead from the measured state to these commands."""
        return self._actions.actions(commands)

    def held(self) -> Commands:
        """Return the commands that hold every robot at its measured position."""
        return self._actions.held()

    def record(self) -> Values:
        """Return what is measured beyond the observations: nothing."""
        return {}
