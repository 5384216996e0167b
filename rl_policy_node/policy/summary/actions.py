# SPDX-License-Identifier: Apache-2.0
"""The actions of a policy: their number, kind and bounds, and the environment's use of them."""

import math
from typing import Any

import numpy as np
import torch

from rl_policy_node.policy.contract.facts import Fact
from rl_policy_node.policy.shared_types import YamlTree
from rl_policy_node.policy.summary.observations import published, stated
from rl_policy_node.policy.summary.reading import Reading
from rl_policy_node.policy.summary.record import Actions, Sigma

# Models whose `sigma` is the logarithm of a deviation, the deviation itself, or something before a softplus
_LOG = ('continuous_a2c_logstd', 'continuous_amp')
_PLAIN = ('continuous_a2c',)


def actions(reading: Reading) -> Actions:
    """Return the Actions of a reading."""
    action, source = _action(reading)
    kind = next(iter(action)) if isinstance(action, dict) else 'continuous'
    continuous = kind == 'continuous'
    low, high = _bounds(reading) if continuous else (None, None)
    config = reading.run.config.params['config']
    if continuous:
        choices: tuple[int, ...] = ()
    else:
        choices = (action['discrete'],) if kind == 'discrete' else tuple(action['multi_discrete'])
    size = action if continuous else len(choices)
    return Actions(
        size=Fact(size, source),
        kind=kind,
        choices=choices,
        low=low,
        high=high,
        clip=_clip(reading, config) if continuous else None,
        environment_clip=_environment_clip(reading),
        deterministic=_deterministic(reading, config),
        sigma=_sigma(reading) if continuous else None,
        terms=reading.layout.actions if reading.layout else (),
    )


def _action(reading: Reading) -> tuple[Any, str]:
    """Return the number or kind of actions, None where no source states it, and the source."""
    if reading.run.facts.action is not None:
        return reading.run.facts.action.value, reading.run.facts.action.source
    if reading.run.weights is not None and reading.run.weights.action is not None:
        return reading.run.weights.action, f'weights: {reading.run.weights.action_source}'
    if reading.layout is not None and reading.layout.num_actions is not None:
        return reading.layout.num_actions, published(reading)
    return None, 'said nowhere'


def _bounds(reading: Reading) -> tuple[Fact, Fact]:
    bound = reading.run.facts.action_bound
    if bound is None:
        bound = Fact(1.0, 'the convention of rl_games and IsaacGymEnvs; no file states another')
    return Fact(-bound.value, bound.source), bound


def _clip(reading: Reading, config: YamlTree) -> Fact:
    if reading.run.config.params['algo']['name'] == 'sac':
        return Fact(True, 'SAC: always')
    return Fact(bool(config.get('clip_actions', True)), stated(reading, config, 'config', 'clip_actions'))


def _environment_clip(reading: Reading) -> Fact | None:
    if reading.run.facts.clip_actions is not None:
        return reading.run.facts.clip_actions
    known = reading.run.config.task or reading.run.config.environment
    return Fact(math.inf, 'the run states no clip') if known else None


def _deterministic(reading: Reading, config: YamlTree) -> Fact:
    """Return the run's own setting; the node acts deterministically unless its parameters say otherwise."""
    player = config.get('player')
    if isinstance(player, dict) and 'deterministic' in player:
        return Fact(bool(player['deterministic']), stated(reading, player, 'config.player', 'deterministic'))
    return Fact(True, "rl_games' default")


def _sigma(reading: Reading) -> Sigma | None:
    """Return the deviation of sampled actions, None for a network that has none."""
    network = getattr(getattr(reading.player, 'model', None), 'a2c_network', None)
    sigma = getattr(network, 'sigma', None)
    if isinstance(sigma, torch.nn.Parameter):
        values, model = sigma.detach().double().numpy(), reading.run.config.params['model']['name']
        source = "initial weights: the train config's sigma_init"
        if reading.run.checkpoint:
            source = 'weights: a2c_network.sigma'
        if model in _LOG:
            values = np.exp(values)
        elif model not in _PLAIN:
            return Sigma('parameter', None, None, f'{source}, through what {model} makes of it')
        return Sigma('parameter', float(values.min()), float(values.max()), source)
    if isinstance(sigma, torch.nn.Module) or hasattr(getattr(reading.player, 'model', None), 'actor'):
        return Sigma('network', None, None, 'computed from the observation')
    return None
