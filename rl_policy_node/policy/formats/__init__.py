# SPDX-License-Identifier: Apache-2.0
"""The formats in which training frameworks write runs. A further one is a RunFormat in its own file, listed here."""

from typing import TYPE_CHECKING

from rl_policy_node.policy.formats.isaacgymenvs_format import IsaacGymEnvs
from rl_policy_node.policy.formats.isaaclab_format import IsaacLab
from rl_policy_node.policy.formats.rl_games_format import RlGames
from rl_policy_node.policy.formats.run_format import RunFormat

if TYPE_CHECKING:
    from rl_policy_node.policy.run.train_config import TrainConfig

# The first counts that finds its configuration in a run directory, and that wrote a configuration: RlGames is last.
FORMATS: tuple[RunFormat, ...] = (IsaacGymEnvs(), IsaacLab(), RlGames())


def format_of(config: 'TrainConfig') -> RunFormat:
    """Return the RunFormat of the framework that wrote a TrainConfig."""
    return next(form for form in FORMATS if form.wrote(config))
