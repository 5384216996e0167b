# SPDX-License-Identifier: Apache-2.0
"""Runs of Isaac Lab: params/agent.yaml for rl_games, and the environment's configuration beside it."""

import dataclasses
import math
from typing import TYPE_CHECKING

from rl_policy_node.policy.contract.facts import Fact, Facts
from rl_policy_node.policy.formats.run_format import RunFormat
from rl_policy_node.policy.formats.statements import control_rate, first, is_number, lookup, place
from rl_policy_node.policy.layouts import isaaclab_layout, Layout, RobotJoints, Scene
from rl_policy_node.policy.layouts.isaaclab_direct import computes_its_size

if TYPE_CHECKING:
    from rl_policy_node.policy.run.train_config import TrainConfig


class IsaacLab(RunFormat):
    """The environment is the whole of env.yaml, of the manager-based or of the direct workflow."""

    configs = ('params/agent.yaml',)
    environment = 'env.yaml'

    def wrote(self, config: 'TrainConfig') -> bool:
        return bool(config.environment)

    def facts(self, config: 'TrainConfig') -> Facts:
        stated = super().facts(config)
        # the wrapper makes the action space of the clip
        no_clip = Fact(math.inf, f'no params.env.clip_actions in {config.path.name}')
        keyed = config.params['network'].get('input_preprocessors') is not None
        return dataclasses.replace(
            stated,
            observation=stated.observation if keyed else _observation(config),
            action=first(config, ('environment', 'action_space'), ('environment', 'num_actions'), kind=int),
            action_bound=stated.clip_actions or no_clip,
            control_rate=control_rate(
                first(config, ('environment', 'sim.dt')), first(config, ('environment', 'decimation'), kind=int)
            ),
        )

    def layout(self, config: 'TrainConfig') -> Layout | None:
        return isaaclab_layout.read_layout(config.environment, config.params)

    def layout_with(self, config: 'TrainConfig', joints: RobotJoints) -> Layout | None:
        return isaaclab_layout.read_layout(config.environment, config.params, joints)

    def layout_of(self, config: 'TrainConfig', scene: Scene) -> Layout | None:
        return isaaclab_layout.read_layout(config.environment, config.params, scene=scene)


def _observation(config: 'TrainConfig') -> Fact | None:
    # written before the environment was made; the layout has the size where the weights do not tell it
    if computes_its_size(config.environment):
        return None
    flat = first(config, ('environment', 'observation_space'), ('environment', 'num_observations'), kind=int)
    if flat is not None:
        return Fact((flat.value,), flat.source)
    shape = lookup(config, 'environment', 'observation_space')  # of an image, in the direct workflow
    if isinstance(shape, list) and shape and all(is_number(size, int) for size in shape):
        return Fact(tuple(shape), place(config, 'environment', 'observation_space'))
    return None
