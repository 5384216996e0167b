# SPDX-License-Identifier: Apache-2.0
"""rl_games' own player, built as its documentation says: what a policy is compared with."""

import copy

from rl_games.torch_runner import Runner
import yaml

from rl_policy_node.policy.rl_games.global_state import preserved


def original_player(train_config, env_info, rows):
    """Return the player of a plain train YAML, with its initial weights.

    env_info: `observation_space` and `action_space`, and whatever else an environment says of itself.
    """
    params = copy.deepcopy(yaml.safe_load(train_config.read_text())['params'])
    params['config'].update(env_info=env_info, device_name='cpu')
    with preserved():  # the tests that follow
        runner = Runner()
        runner.load({'params': params})
        player = runner.create_player()
    player.has_batch_dimension, player.batch_size = True, rows
    return player
