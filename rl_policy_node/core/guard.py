# SPDX-License-Identifier: Apache-2.0
"""The process that watches the control loop from outside, as the core sees it."""
from __future__ import annotations

from typing import Protocol


class Guard(Protocol):
    """Shows another process that the control loop lives, and learns from it when this one must publish nothing.

    Each call costs next to nothing and never blocks.
    """

    @property
    def fenced(self) -> bool:
        """Whether the other process commands the robots: this one must publish nothing before its next start."""

    def begin(self) -> None:
        """The control loop begins: from now on a missing beat counts."""

    def beat(self, steady: float) -> None:
        """The control loop lives at `steady`, s."""

    def expect(self, steady: float) -> None:
        """A step begins at `steady`, s."""

    def end(self) -> None:
        """The fallback was the last command: a missing beat no longer counts."""

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
