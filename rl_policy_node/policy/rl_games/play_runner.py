# SPDX-License-Identifier: Apache-2.0
"""The part of rl_games' Runner that playing needs: the factories of players."""

from collections.abc import Callable

from rl_games.algos_torch.players import PpoPlayerContinuous, PpoPlayerDiscrete
from rl_games.common.object_factory import ObjectFactory

from rl_policy_node.policy.rl_games.patched_players import RescalingSacPlayer
from rl_policy_node.policy.shared_types import Player

# playing needs nothing of the discriminator, so AMP plays as PPO
PLAYERS: dict[str, Callable[..., Player]] = {
    'a2c_continuous': PpoPlayerContinuous,
    'a2c_discrete': PpoPlayerDiscrete,
    'sac': RescalingSacPlayer,
    'amp_continuous': PpoPlayerContinuous,
}


class PlayRunner:
    """The object with which plug-ins register players, as with rl_games' Runner.

    The module of the Runner imports everything for training: the agents, TensorBoard and torch's compiler, 2 s and
    more; and it changes precision flags and print options of the whole process. player_factory: algorithm → player.
    algo_factory: accepts a plug-in's training algorithms, which are not used here.
    """

    def __init__(self) -> None:
        self.player_factory, self.algo_factory = ObjectFactory(), ObjectFactory()
        for name, player in PLAYERS.items():
            self.player_factory.register_builder(name, player)
