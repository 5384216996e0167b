# SPDX-License-Identifier: Apache-2.0
"""rl_games' player itself: the reference for every other backend."""

import numpy as np
import torch

from rl_policy_node.policy.backends.backend import Backend
from rl_policy_node.policy.backends.inputs import Inputs
from rl_policy_node.policy.rl_games.random_stream import RandomStream
from rl_policy_node.policy.shared_types import Array, BackendState, Observations, Player, Rows


class EagerBackend(Backend):
    """Acts by the player's own `get_action`."""

    name = 'eager'

    def __init__(self, player: Player, inputs: Inputs, deterministic: bool = True) -> None:
        super().__init__(inputs)
        self.player, self._deterministic = player, deterministic
        # rl_games' get_batch_size would set this; without it recurrent states stay at one row
        player.batch_size, player.has_batch_dimension = inputs.rows, True
        self.restart()

    @property
    def recurrent(self) -> bool:
        return bool(getattr(self.player, 'is_rnn', False))

    def act(self, observations: Observations, hold: Array | None = None) -> Array:
        tensors, before = self.inputs.tensors(observations, self.player.device), self.player.states
        # rl_games samples even where it then returns the mean
        with self._stream:
            actions = self.player.get_action(tensors, self._deterministic)
        if hold is not None and self.recurrent and np.any(hold):
            kept = torch.from_numpy(self.indices(np.asarray(hold, dtype=bool))).to(self.player.device)
            for state, old in zip(self.player.states, before):
                state[:, kept] = old[:, kept]
        return self.actions(actions.detach().cpu().numpy())

    def reset(self, rows: Rows = slice(None)) -> None:
        if not self.recurrent:
            return
        if isinstance(rows, slice) and rows == slice(None):
            self.player.reset()
            return
        index = torch.from_numpy(self.indices(rows)).to(self.player.device)
        for state in self.player.states:
            state[:, index] = 0.0

    def restart(self) -> None:
        self._stream = RandomStream(self.player.device, self.player.seed or 0)
        self.player.reset()

    def state(self) -> BackendState:
        states = self.player.states if self.recurrent else ()
        return {
            'recurrent': {str(index): state.detach().cpu().numpy().copy() for index, state in enumerate(states)},
            'random': self._stream.state(),
        }

    def restore(self, state: BackendState) -> None:
        if self.recurrent:
            self.player.states = [
                torch.from_numpy(kept.copy()).to(self.player.device) for kept in state['recurrent'].values()
            ]
        self._stream.restore(state['random'])
