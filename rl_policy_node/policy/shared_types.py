# SPDX-License-Identifier: Apache-2.0
"""Types that several parts of the policy share."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeAlias

import numpy.typing as npt
import torch

# The content of a YAML file: names to plain data, of whatever depth.
YamlTree: TypeAlias = dict[str, Any]
# Of one row, without the row dimension.
Shape: TypeAlias = tuple[int, ...]
# One number for all or one each; () for none.
Numbers: TypeAlias = tuple[float, ...]
Array: TypeAlias = npt.NDArray[Any]
Tensors: TypeAlias = Mapping[str, torch.Tensor]
# Arrays (rows, *shape): the only one, or one per key.
Observations: TypeAlias = Array | Mapping[str, Array]
# Rows of the batch: a slice, a mask (rows,) or a list of indices.
Rows: TypeAlias = slice | Array | Sequence[int]
# The state of a policy, on which the next action depends: `recurrent`, index → array (layers, rows, units), and
# `random`, the state of the random stream, bytes.
BackendState: TypeAlias = Mapping[str, Any]


class Player(Protocol):
    """The part of rl_games' player that this package uses.

    model: rl_games' model, a torch.nn.Module. obs_shape: of one row, or key → shape.
    states: recurrent states, each (layers, rows, units).
    """

    model: Any
    obs_shape: Any
    device: str | torch.device
    states: Any
    batch_size: int
    has_batch_dimension: bool
    is_deterministic: bool
    seed: int

    def reset(self) -> None:
        """Clear the recurrent states."""

    def get_action(self, obs: object, is_deterministic: bool = False) -> torch.Tensor:
        """Return the actions of all rows."""

    def get_batch_size(self, obses: object, batch_size: int) -> int:
        """Take the number of rows from observations, and return it."""

    def env_reset(self, env: object) -> object:
        """Return the first observations of an environment, as tensors."""

    def env_step(self, env: object, actions: torch.Tensor) -> tuple[object, torch.Tensor, torch.Tensor, Tensors]:
        """Return observations, rewards, dones and infos of a step."""
