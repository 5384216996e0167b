# SPDX-License-Identifier: Apache-2.0
"""The result of one step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from rl_policy_node.control.action_manager import Commands
from rl_policy_node.control.arrays import Array, Mask
from rl_policy_node.control.gate import Sent


class RowChange(NamedTuple):
    """Rows that stopped acting, each with the reason, and rows (mask) that act again."""

    lost: Mapping[int, str]
    found: Mask


class Outcome(NamedTuple):
    """The commands of a step, and how they came about.

    commands: action term → field → (rows, ...), read-only. send: the rows whose command is published. answers: the rows
    whose command answers an observation; the others get a fallback. acted: the rows that follow a new action of the
    policy. reset: the rows whose recurrent state was cleared. changes: rows that stopped acting or act again.
    reasons: row → why it does not act. stepped: False for a look without a trigger.
    inputs: network input → (rows, ...); actions (rows, n): network output, clipped; both are valid until the next step,
    and None if the network did not run. sent: the commands, with the state that limits continue from.
    warnings: row → a warning, which stops nothing.
    """

    commands: Commands
    send: Mask
    answers: Mask
    acted: Mask
    reset: Mask
    changes: tuple[RowChange, ...]
    reasons: Mapping[int, str]
    stepped: bool = True
    inputs: Mapping[str, Array] | None = None
    actions: Array | None = None
    sent: Sent | None = None
    warnings: Mapping[int, str] = {}

    def copy(self) -> Outcome:
        """Return a copy that later steps do not overwrite; they never overwrite commands."""
        inputs = None if self.inputs is None else {name: value.copy() for name, value in self.inputs.items()}
        return self._replace(inputs=inputs, actions=None if self.actions is None else self.actions.copy())
