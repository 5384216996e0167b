# SPDX-License-Identifier: Apache-2.0
"""The interface of training frameworks: find a run's configuration, and read its statements on the environment."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar, TYPE_CHECKING

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.policy.contract.facts import Facts
from rl_policy_node.policy.formats.statements import first, network_keys
from rl_policy_node.policy.layouts import attributed, completed, Layout, RobotJoints, Scene

if TYPE_CHECKING:
    from rl_policy_node.policy.run.train_config import TrainConfig


class RunFormat(ABC):
    """The files that one training framework writes into a run directory.

    configs: paths of the configuration, from the run directory. environment: name of a file beside it with the
    environment's part, '' if the configuration itself contains it.
    """

    configs: ClassVar[tuple[str, ...]] = ()
    environment: ClassVar[str] = ''

    def find(self, folder: Path) -> Path | None:
        """Return the configuration that this framework wrote into a run directory, or None."""
        return next((folder / name for name in self.configs if (folder / name).is_file()), None)

    @abstractmethod
    def wrote(self, config: 'TrainConfig') -> bool:
        """Return whether this framework wrote a configuration, by its content; the first match in FORMATS counts."""

    def facts(self, config: 'TrainConfig') -> Facts:
        """Return the Facts of a configuration; here those in rl_games' own parameters."""
        return Facts(
            observation=network_keys(config),
            clip_observations=first(config, ('params', 'env.clip_observations')),
            clip_actions=first(config, ('params', 'env.clip_actions')),
        )

    @abstractmethod
    def layout(self, config: 'TrainConfig') -> Layout | None:
        """Return the Layout of the run's environment, None if it is not known.

        Raises ConfigurationError if the run lacks a setting that decides which numbers were observed.
        """

    def layout_with(self, config: 'TrainConfig', joints: RobotJoints) -> Layout | None:
        """Return the Layout with the joints of the robot, for runs whose files leave joints open.

        Raises ConfigurationError for a run that has no use for them.
        """
        raise ConfigurationError(f'{joints.source}: {config.path.name} is not of Isaac Lab; joints are for its runs')

    def layout_of(self, config: 'TrainConfig', scene: Scene) -> Layout | None:
        """Return the Layout with what the simulator says, None where nobody says what the observation is made of."""
        layout = self.layout(config)
        full = completed(layout, scene)
        return attributed(layout, layout, full, scene.source, config.path.name) if layout and full else None
