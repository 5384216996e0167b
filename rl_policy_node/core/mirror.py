# SPDX-License-Identifier: Apache-2.0
"""The robots' side of a configuration: what a simulator observes becomes what sensors measure."""
from __future__ import annotations

from collections.abc import Mapping

from rl_policy_node.control.action_manager import Commands
from rl_policy_node.control.arrays import Floats, Values
from rl_policy_node.core.assemble import Managers
from rl_policy_node.errors import ConfigurationError


class Mirror:
    """Turns the terms of a configuration round: observations → values of sources, commands → actions.

    Raises ConfigurationError where that cannot be: where a command does not determine its action, or where no
    observation gives a field of a source.
    """

    def __init__(self, managers: Managers) -> None:
        self._observations, self._actions = managers.observations, managers.actions
        self._buffers = managers.buffers
        self._actions.check_reversible()
        fed, unfed = self._observations.fields(), self._observations.unfed()
        for name, buffer in self._buffers.items():
            for field in buffer.values:
                if (name, field) not in fed:
                    term = unfed.get((name, field))
                    reader = f"by the term '{term.name}' (kind {term.kind})" if term else 'by an action'
                    raise ConfigurationError(f"source '{name}': its field '{field}' is read {reader} and fed by no "
                                             'term of kind field; the simulator cannot publish it')

    def measure(self, observations: Values) -> None:
        """Write observations, input → (rows, ...), into the buffers of the sources."""
        self._observations.scatter(observations, self._buffers)

    def actions(self, commands: Mapping[str, Values]) -> Floats:
        """Return the action (rows, n) that commands mean, from where the robots are measured."""
        return self._actions.invert({name: dict(command) for name, command in commands.items()}, self._buffers)

    def held(self) -> Commands:
        """Return the commands that hold every robot where it is measured."""
        self._actions.start(self._buffers)
        return self._actions.commands()
