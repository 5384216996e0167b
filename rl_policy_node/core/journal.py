# SPDX-License-Identifier: Apache-2.0
"""Where the core writes down what happens, event by event; see `recording`."""

from __future__ import annotations

from typing import Protocol

from rl_policy_node.core.recording import Event


class Journal(Protocol):
    """Takes the events of a recording, from any thread; a lock of the core may be held.

    due: whether the control thread shall add a Snapshot after its next step or look: from a Begun on, at a new file,
    after a gap. Adding a Snapshot ends that.
    """

    @property
    def due(self) -> bool: ...

    def add(self, event: Event) -> None:
        """Take an event. Never block, never raise: a robot waits for the next command."""
