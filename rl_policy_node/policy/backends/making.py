# SPDX-License-Identifier: Apache-2.0
"""Make the backends that can replace rl_games' player."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
import importlib
from typing import TypeAlias

import torch

from rl_policy_node.policy.backend_names import MAKING
from rl_policy_node.policy.backends.backend import Backend
from rl_policy_node.policy.backends.cache import Cache
from rl_policy_node.policy.backends.inputs import Inputs
from rl_policy_node.policy.backends.player_step import Step
from rl_policy_node.policy.run.train_config import TrainConfig
from rl_policy_node.policy.shared_types import Player

# makes a backend; raises what an exporter or a runtime raises on what it lacks
Maker: TypeAlias = Callable[[], Backend]


@dataclass(frozen=True)
class Setup:
    """The parts from which backends are created.

    threads: CPU threads of a step. tolerance: of actions, see `difference`. providers: of ONNX Runtime, in order.
    """

    player: Player
    inputs: Inputs
    deterministic: bool = True
    config: TrainConfig | None = None
    threads: int = 1
    tolerance: float = 1e-5
    providers: tuple[str, ...] = ()
    cache: Cache = field(default_factory=Cache)

    @property
    def on_gpu(self) -> bool:
        """Whether the player computes on a GPU."""
        return torch.device(self.player.device).type == 'cuda'

    @property
    def seed(self) -> int:
        """Seed of the random stream."""
        return self.player.seed or 0

    def step(self, rows: int | None = None) -> Step:
        """Return the player's step as a function of all rows, or of fewer."""
        inputs = self.inputs if rows is None else self.inputs.of(rows)
        return Step(self.player, inputs, self.deterministic)


class Unavailable(Exception):
    """The machine lacks a requirement of a backend; not an error by itself."""


def makers(name: str, setup: Setup) -> Iterator[Maker]:
    """Yield functions that create the backend of a name, the cheaper way first.

    Raises Unavailable, and ConfigurationError for an invalid request.
    """
    yield from importlib.import_module(f'{__package__}.{MAKING[name]}').makers(setup)
