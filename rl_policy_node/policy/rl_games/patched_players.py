# SPDX-License-Identifier: Apache-2.0
"""Players that rl_games 1.6 lacks, or whose own version acts differently from training."""

from rl_games.algos_torch.players import SACPlayer
import torch

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.policy.shared_types import Player, YamlTree


class RescalingSacPlayer(SACPlayer):
    """rl_games' SAC player, with its actions rescaled to the action space as they were in training.

    The player of rl_games 1.6.5 only clamps: in a space wider than ±1 it never leaves ±1.
    """

    def __init__(self, params: YamlTree) -> None:
        super().__init__(params)
        space = self.env_info['action_space']
        self.actions_low = torch.from_numpy(space.low.copy()).float().to(self.device)
        self.actions_high = torch.from_numpy(space.high.copy()).float().to(self.device)
        self.action_scale = (self.actions_high - self.actions_low) / 2.0
        self.action_bias = (self.actions_high + self.actions_low) / 2.0
        self.action_range = [-1.0, 1.0]  # what the base class clamps to: the network's own range

    @torch.no_grad()  # missing in the base class
    def get_action(self, obs: object, is_deterministic: bool = False) -> torch.Tensor:
        actions = super().get_action(obs, is_deterministic) * self.action_scale + self.action_bias
        clamped: torch.Tensor = actions.clamp(self.actions_low, self.actions_high)
        return clamped


def check_bounds(player: Player) -> None:
    """Raise ConfigurationError if a player would rescale its actions to bounds that are not finite: to NaN."""
    rescales = isinstance(player, SACPlayer) or getattr(player, 'clip_actions', False)
    if not rescales or not hasattr(player, 'actions_low') or not hasattr(player, 'actions_high'):
        return
    low, high = player.actions_low, player.actions_high
    if torch.isfinite(high - low).all():
        return
    way_out = '' if isinstance(player, SACPlayer) else ', or set params.config.clip_actions=false if training did'
    raise ConfigurationError(
        f'spaces: the actions are rescaled to their bounds, which must be finite; got '
        f'action_low {low.tolist()}, action_high {high.tolist()}. State the bounds of '
        f'training{way_out}'
    )
