# SPDX-License-Identifier: Apache-2.0
"""The core's interface to the process that watches the control loop from outside."""

from __future__ import annotations

from typing import Protocol


class Guard(Protocol):
    """Shows another process that the control loop is alive, and learns from it when to publish nothing.

    Each call costs almost nothing and never blocks.
    """

    @property
    def fenced(self) -> bool:
        """Whether the other process commands the robots: this one must publish nothing before its next start."""

    def begin(self) -> None:
        """Note that the control loop begins: from now on a missing beat is a fault."""

    def beat(self, steady: float) -> None:
        """Note that the control loop is alive at `steady`, s."""

    def expect(self, steady: float) -> None:
        """Note that a step begins at `steady`, s."""

    def end(self) -> None:
        """Note that the last command, the fallback, was sent: a missing beat is no fault any more."""

    def alarm(self) -> str:
        """Return why the loop must stop, '' while all is well."""


class Unguarded:
    """A Guard without a process behind it."""

    fenced = False

    def begin(self) -> None: ...

    def beat(self, steady: float) -> None: ...

    def expect(self, steady: float) -> None: ...

    def end(self) -> None: ...

    def alarm(self) -> str:
        """Return ''."""
        return ''
