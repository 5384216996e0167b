# SPDX-License-Identifier: Apache-2.0
"""What a component remembers, as plain data: taken out, kept, and put back."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, TypeAlias

from rl_policy_node.control.arrays import Array

# a tree of copies: nobody writes into them, and they never change after they were taken
State: TypeAlias = Mapping[str, 'State | Array | float | str']


class Stateful(Protocol):
    """Something whose memory can be taken out and put back."""

    def state(self) -> State:
        """Return a copy of all that the next step depends on, beside its inputs."""

    def restore(self, state: State) -> None:
        """Go on from a state that was taken of an object made alike."""
