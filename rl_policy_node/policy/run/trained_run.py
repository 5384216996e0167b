# SPDX-License-Identifier: Apache-2.0
"""A training run: the content of its files, each read once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.policy.checkpoint.checkpoint import Checkpoint, load_checkpoint
from rl_policy_node.policy.checkpoint.weights import read_spaces, WeightsSpaces
from rl_policy_node.policy.contract.agreement import agree, Names
from rl_policy_node.policy.contract.facts import Facts, published_shapes
from rl_policy_node.policy.contract.spaces import Spaces
from rl_policy_node.policy.formats import format_of
from rl_policy_node.policy.layouts import Layout, RobotJoints, Scene
from rl_policy_node.policy.run.files import is_checkpoint
from rl_policy_node.policy.run.ignored_keys import appended, ignored_keys
from rl_policy_node.policy.run.train_config import locate_checkpoint, TrainConfig


@dataclass(frozen=True)
class TrainedRun:
    """A run as its files describe it; `read` reads the configuration, the other files are read on first use.

    path: as the user named the run. wanted: the checkpoint that the user named, '' for the run's best, if any, None
    for none. plugins: modules that the policy needs. checkpoint_sha256, allow_untrusted_pickle: see load_checkpoint.
    All methods raise ConfigurationError for a file that cannot be read, and for contradictory values.
    """

    path: str | Path
    config: TrainConfig
    wanted: str | Path | None = ''
    plugins: tuple[str, ...] = ()
    checkpoint_sha256: str = ''
    allow_untrusted_pickle: str = ''

    @classmethod
    def read(
        cls,
        path: str | Path,
        checkpoint: str | Path | None = '',
        overrides: Iterable[str] = (),
        plugins: Iterable[str] = (),
        checkpoint_sha256: str = '',
        allow_untrusted_pickle: str = '',
    ) -> 'TrainedRun':
        """Read a run directory, a train YAML, a run's config.yaml, Isaac Lab's agent.yaml or a checkpoint of a run.

        checkpoint: path of a .pth file, 'best' or 'newest', '' for the best of a run that has one, None for none.
        Where `path` is a checkpoint, '' is that one. overrides: changes to the configuration in Hydra's form.
        """
        try:
            config = TrainConfig.read(path, overrides)
        except ConfigurationError:
            if is_checkpoint(path):  # a file that is missing, or of another framework, says so
                load_checkpoint(path, checkpoint_sha256)
            raise
        return cls(
            path,
            config,
            path if is_checkpoint(path) and checkpoint == '' else checkpoint,
            tuple(plugins),
            checkpoint_sha256,
            allow_untrusted_pickle,
        )

    @cached_property
    def checkpoint_choice(self) -> tuple[Path | None, str]:
        """The path of the checkpoint and why this one; (None, why) if the user named none and there is none."""
        if self.wanted is None:
            return None, 'none was asked for'
        try:
            return locate_checkpoint(self.config, self.wanted)
        except ConfigurationError as error:
            if self.wanted:
                raise
            return None, str(error)

    @cached_property
    def checkpoint(self) -> Checkpoint | None:
        """The Checkpoint, or None where there is none."""
        path, _ = self.checkpoint_choice
        return load_checkpoint(path, self.checkpoint_sha256, self.allow_untrusted_pickle) if path else None

    @cached_property
    def weights(self) -> WeightsSpaces | None:
        """The spaces, as far as the checkpoint's weights determine them."""
        return read_spaces(self.checkpoint.model) if self.checkpoint else None

    @cached_property
    def facts(self) -> Facts:
        """The files' statements about the environment."""
        return format_of(self.config).facts(self.config)

    @cached_property
    def layout(self) -> Layout | None:
        """The composition of the environment's observations and actions, None if it is not known."""
        return format_of(self.config).layout(self.config)

    def layout_with(self, joints: RobotJoints | None, scene: Scene | None = None) -> Layout | None:
        """Return the layout, with the joints of the robot where the user states them, or with a simulator's scene.

        Raises ConfigurationError for a run that has no use for them, and for a pattern that matches none of them.
        """
        if scene:
            return format_of(self.config).layout_of(self.config, scene)
        return format_of(self.config).layout_with(self.config, joints) if joints else self.layout

    @cached_property
    def ignored(self) -> tuple[str, ...]:
        """Names of keys that change the play and that the installed rl_games does not read."""
        return ignored_keys(self.config.params, self.plugins)

    def spaces(
        self, stated: Spaces | Mapping[str, object] | None, layout: Layout | None, stated_by: str = 'the stated spaces'
    ) -> Spaces:
        """Return the Spaces on which the user (stated: all of them, or some fields), files and weights agree.

        layout: of the environment as it was published; it counts where no other source states a size. stated_by: who
        stated them, for errors.
        """
        path, _ = self.checkpoint_choice
        names = Names(stated_by, f'the checkpoint {path}' if path else 'the checkpoint')
        try:
            return agree(stated, self.facts, self.weights, published_shapes(layout), names)
        except ConfigurationError as error:
            raise ConfigurationError(f'{error}{appended(self.config.params)}') from error
