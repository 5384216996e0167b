# SPDX-License-Identifier: Apache-2.0
"""Runs of rl_games alone: a train YAML without information about its environment."""

from typing import TYPE_CHECKING

from rl_policy_node.policy.formats.run_format import RunFormat
from rl_policy_node.policy.layouts import Layout

if TYPE_CHECKING:
    from rl_policy_node.policy.run.train_config import TrainConfig


class RlGames(RunFormat):
    """A configuration of no known framework: it contains only rl_games' parameters."""

    configs = ('.hydra/config.yaml',)  # as Hydra itself keeps it, of whatever framework

    def wrote(self, config: 'TrainConfig') -> bool:
        return True

    def layout(self, config: 'TrainConfig') -> Layout | None:
        return None
