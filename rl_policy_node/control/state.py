# SPDX-License-Identifier: Apache-2.0
"""The memory of a component as plain data, to be saved and restored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, TypeAlias

from rl_policy_node.control.arrays import Array

# a tree of copies that never change
State: TypeAlias = Mapping[str, 'State | Array | float | str']


class Stateful(Protocol):
    """Something whose memory can be saved and restored."""

    def state(self) -> State:
        """Return a copy of everything that the next step depends on, besides its inputs."""

    def restore(self, state: State) -> None:
        """Continue from a state of an object with the same configuration."""
