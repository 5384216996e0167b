# SPDX-License-Identifier: Apache-2.0
"""A watch over the process from outside, as the core sees it."""
from __future__ import annotations

from typing import Protocol


class Guard(Protocol):
    """Tells somebody outside of the process that the control loop lives, and hears from there when it must not speak.

    Each call costs next to nothing and blocks for nothing.
    """

    @property
    def fenced(self) -> bool:
        """Whether somebody else speaks to the robots now: nothing may be published before the next start."""

    def begin(self) -> None:
        """The control loop begins: its beat may be missed from now on."""

    def beat(self, steady: float) -> None:
        """The control loop lives at `steady`, s."""

    def expect(self, steady: float) -> None:
        """A step begins at `steady`, s."""

    def end(self) -> None:
        """The fallback has been sent, and nothing follows it: nothing is to be missed."""

    def alarm(self) -> str:
        """Return why nobody may act any more, '' while all is well."""


class Unguarded:
    """Nobody watches: a Guard for what runs without one."""

    fenced = False

    def begin(self) -> None: ...

    def beat(self, steady: float) -> None: ...

    def expect(self, steady: float) -> None: ...

    def end(self) -> None: ...

    def alarm(self) -> str:
        """Return ''."""
        return ''
