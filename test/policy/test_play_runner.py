# SPDX-License-Identifier: Apache-2.0
"""Players come from the classes that rl_games' own Runner makes them of, but for those that it lacks or gets wrong."""

from rl_games.torch_runner import Runner

from rl_policy_node.policy.rl_games.patched_players import RescalingSacPlayer
from rl_policy_node.policy.rl_games.play_runner import PLAYERS, PlayRunner


def test_every_player_of_the_runner_is_made_of_the_same_class():
    theirs = Runner().player_factory._builders
    assert set(theirs) == {'a2c_continuous', 'a2c_discrete', 'sac'}, 'this rl_games has another player'
    for name, builder in theirs.items():
        player = PLAYERS[name]
        known = RescalingSacPlayer.__base__ if player is RescalingSacPlayer else player
        assert known.__name__ in builder.__code__.co_names
    assert set(PlayRunner().player_factory._builders) == {*theirs, 'amp_continuous'}
