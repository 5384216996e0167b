# SPDX-License-Identifier: Apache-2.0
"""Runs of IsaacGymEnvs, OmniIsaacGymEnvs and industreallib: a config.yaml with the halves `train` and `task`."""

import dataclasses
from typing import TYPE_CHECKING

from rl_policy_node.policy.contract.facts import Fact, Facts
from rl_policy_node.policy.formats.run_format import RunFormat
from rl_policy_node.policy.formats.statements import control_rate, first, is_number, lookup, network_keys, place
from rl_policy_node.policy.layouts import isaacgymenvs, Layout

if TYPE_CHECKING:
    from rl_policy_node.policy.run.train_config import TrainConfig

# Steps of the simulation per step of the policy, as the tasks name them.
_DECIMATIONS = ('env.controlFrequencyInv', 'env.control.decimation', 'env.control_decimation')


class IsaacGymEnvs(RunFormat):
    """The environment is the `task` of the configuration; its name may be that of a published task."""

    configs = ('config.yaml',)

    def wrote(self, config: 'TrainConfig') -> bool:
        return bool(config.task) and not config.environment

    def facts(self, config: 'TrainConfig') -> Facts:
        stated, observation = super().facts(config), _observation(config)
        whole, each = _clips(config, observation)
        return dataclasses.replace(
            stated,
            observation=observation,
            action=first(config, ('task', 'env.numActions'), kind=int),
            clip_observations=whole,
            clip_inputs=each,
            clip_actions=first(config, ('task', 'env.clipActions')) or stated.clip_actions,
            control_rate=control_rate(
                first(config, ('task', 'sim.dt')),
                *(first(config, ('task', name), kind=int) for name in _DECIMATIONS),
                extra=first(config, ('task', 'env.num_additional_control_steps'), kind=int),
            ),
        )

    def layout(self, config: 'TrainConfig') -> Layout | None:
        return isaacgymenvs.read_layout(config.task, config.params)


def _observation(config: 'TrainConfig') -> Fact | None:
    # TacSL states a flat size, too, which is not that of its dict observations
    if config.params['network'].get('input_preprocessors') is None and not lookup(config, 'task', 'env.use_dict_obs'):
        flat = first(config, ('task', 'env.numObservations'), kind=int)
        return Fact((flat.value,), flat.source) if flat else None
    shapes = lookup(config, 'task', 'env.obsDims')
    shapes = {key: tuple(shape) for key, shape in shapes.items()} if isinstance(shapes, dict) else {}
    return network_keys(config, shapes, 'task.env.obsDims')


def _clips(config: 'TrainConfig', observation: Fact | None) -> tuple[Fact | None, Fact | None]:
    """Return the Fact of the clip of all observations, and that of a clip for each key; None where not stated."""
    each = lookup(config, 'task', 'env.clipObservations')
    if not isinstance(each, dict):
        return first(
            config,
            ('task', 'env.clipObservations'),
            ('task', 'env.clampAbsObservations'),
            ('params', 'env.clip_observations'),
        ), None
    bounds = {str(key): float(bound) for key, bound in each.items() if is_number(bound) and bound > 0}
    source = place(config, 'task', 'env.clipObservations')
    keys = observation is not None and isinstance(observation.value, dict)
    # a flat policy's observation has no key: the environment gave it under one of these
    if bounds and not keys and len(set(bounds.values())) == 1:
        return Fact(next(iter(bounds.values())), source.replace(' in ', f'.{next(iter(bounds))} in ', 1)), None
    return None, Fact(bounds, source) if bounds else None
