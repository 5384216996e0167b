# SPDX-License-Identifier: Apache-2.0
"""rl_games' own play loop in one process: the reference for the two nodes."""

from collections.abc import Sequence

import torch

from rl_policy_node.policy import Policy, set_threads
from rl_policy_node.policy.rl_games.global_state import preserved
from rl_policy_node.tools.evaluate.rlgpu import create_rlgpu_player, Hosted, OnStep


def play(
    policy: Policy, environment: Hosted, episodes: int, on_step: OnStep, plugins: Sequence[str] = (), threads: int = 1
) -> None:
    """Play a Policy's weights with `player.run()` of rl_games, unchanged, until `episodes` have ended.

    environment: hosted; rl_games creates it and reads its spaces itself. on_step(observations, actions, rewards,
    dones, successes): called after every step with numpy arrays. threads: of torch; their number decides the order
    of sums, and with it the last bits.
    """
    player = create_rlgpu_player(policy, environment, plugins, on_step)
    player.games_num, player.n_game_life, player.print_stats = episodes, 1, False
    with preserved():
        set_threads(threads)
        torch.manual_seed(player.seed)
        player.run()
