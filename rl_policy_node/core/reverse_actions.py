# SPDX-License-Identifier: Apache-2.0
"""Commands of the action terms of a configuration, turned back into actions."""

from __future__ import annotations

from collections.abc import Mapping

from rl_policy_node.control.action_manager import ActionManager, Commands
from rl_policy_node.control.arrays import Floats, Sources, Values
from rl_policy_node.control.reversal import check_reversible, inverted


class ReverseActions:
    """Inverts the action terms of a manager from the state that sources measured."""

    def __init__(self, manager: ActionManager, buffers: Sources) -> None:
        self._manager, self._buffers = manager, buffers

    def check(self) -> None:
        """Raise ConfigurationError if a command does not determine its action."""
        check_reversible(self._manager.terms)

    def actions(self, commands: Mapping[str, Values]) -> Floats:
        """Return the actions (rows, n) that lead from the measured state to commands: term → field → (rows, ...)."""
        return inverted(self._manager.terms, {name: dict(each) for name, each in commands.items()}, self._buffers)

    def held(self) -> Commands:
        """Return the commands that hold every robot at its measured position."""
        self._manager.start(self._buffers)
        return self._manager.commands()
