# SPDX-License-Identifier: Apache-2.0
"""Training frameworks: how each writes down a run. Another one is a RunFormat in a file of its own, listed here."""
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
    """Return the RunFormat of the framework that a TrainConfig was written by."""
    return next(form for form in FORMATS if form.wrote(config))
