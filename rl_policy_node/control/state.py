# SPDX-License-Identifier: Apache-2.0
"""The memory of a component as plain data, to be saved and restored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast, Protocol, TypeAlias

from rl_policy_node.control.arrays import Array

# a tree of copies that never change
State: TypeAlias = Mapping[str, 'State | Array | float | str']


class Stateful(Protocol):
    """Something whose memory can be saved and restored."""

    def state(self) -> State:
        """Return a copy of everything that the next step depends on, besides its inputs."""

    def restore(self, state: State) -> None:
        """Continue from a state of an object with the same configuration."""


def copies(arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Return name → copy of an array: a State."""
    return {name: array.copy() for name, array in arrays.items()}


def refill(arrays: Mapping[str, Array], state: State) -> None:
    """Fill arrays with those of a state that `copies` made."""
    for name, array in arrays.items():
        array[...] = cast(Array, state[name])
