# SPDX-License-Identifier: Apache-2.0
"""The network of a policy: its parts, its size and its recurrent state."""

from typing import Any

import numpy as np
import torch

from rl_policy_node.policy.contract.facts import Fact
from rl_policy_node.policy.rl_games.random_stream import RandomStream
from rl_policy_node.policy.shared_types import YamlTree
from rl_policy_node.policy.summary.reading import Reading
from rl_policy_node.policy.summary.record import Network


def network(reading: Reading) -> Network:
    """Return the Network of a reading."""
    tree, place = reading.run.config.params['network'], f'params.network in {reading.run.config.path.name}'
    model = None if reading.player is None else reading.player.model

    def fact(value: object) -> Fact | None:
        return None if value in (None, '', {}) else Fact(value, place)

    return Network(
        name=Fact(tree['name'], place),
        inputs=fact(_inputs(tree)),
        cnn=fact(_cnn(tree)),
        mlp=fact(_mlp(tree.get('mlp'))),
        rnn=fact(_rnn(tree)),
        separate=Fact(bool(tree.get('separate', False)), place),
        central_value=_central_value(reading),
        parameters=None if model is None else Fact(sum(map(torch.numel, model.parameters())), 'counted in the network'),
        acting_parameters=_acting(reading),
        state=_state(reading),
    )


def _mlp(mlp: Any) -> YamlTree | None:
    """Return e.g. {'units': [256, 128], 'activation': 'elu'} of a part of the config, None where there is none."""
    if not isinstance(mlp, dict) or not mlp.get('units'):
        return None
    return {
        'units': list(mlp['units']),
        'activation': str(mlp.get('activation', 'None')),
        'd2rl': bool(mlp.get('d2rl', False)),
    }


def _cnn(tree: YamlTree) -> YamlTree | None:
    if isinstance(tree.get('resnet'), dict):
        return {'type': 'resnet', 'filters': list(tree['resnet'].get('conv_depths') or ())}
    cnn = tree.get('cnn')
    if not isinstance(cnn, dict):
        return None
    return {
        'type': str(cnn.get('type', 'conv2d')),
        'activation': str(cnn.get('activation', 'None')),
        'filters': [layer.get('filters') for layer in cnn.get('convs') or ()],
    }


def _rnn(tree: YamlTree) -> YamlTree | None:
    rnn = tree.get('rnn')
    if not isinstance(rnn, dict) or not rnn.get('units'):
        return None
    return {
        'kind': str(rnn.get('name', '')),
        'units': rnn['units'],
        'layers': rnn.get('layers', 1),
        'before_mlp': bool(rnn.get('before_mlp', False)),
        'layer_norm': bool(rnn.get('layer_norm', False)),
    }


def _inputs(tree: YamlTree) -> YamlTree | None:
    """Return the preprocessor of each key of a dict observation; `inputs` are concatenated unchanged."""
    parts = tree.get('input_preprocessors') or tree.get('inputs')
    if not isinstance(parts, dict):
        return None
    return {
        str(key): {name: value for name, value in (('cnn', _cnn(part)), ('mlp', _mlp(part.get('mlp')))) if value}
        for key, part in ((key, part if isinstance(part, dict) else {}) for key, part in parts.items())
    }


def _central_value(reading: Reading) -> Fact | None:
    config = reading.run.config.params['config'].get('central_value_config')
    if not isinstance(config, dict):
        return None
    return Fact(
        str((config.get('network') or {}).get('name', '')),
        f'params.config.central_value_config in {reading.run.config.path.name}',
    )


def _state(reading: Reading) -> Fact | None:
    """Return the shapes of one row's recurrent state: rl_games' has rows in the second place."""
    if reading.player is None:
        return None
    states = getattr(reading.player, 'states', None) if getattr(reading.player, 'is_rnn', False) else None
    return Fact(tuple((state.shape[0], *state.shape[2:]) for state in states or ()), 'the network')


def _acting(reading: Reading) -> Fact | None:
    """Count the parameters on which the deterministic action depends, by its gradient: this works for any network."""
    if reading.player is None:
        return None
    try:
        parameters = [parameter for parameter in reading.player.model.parameters() if parameter.requires_grad]
        with RandomStream(reading.player.device, 0), torch.enable_grad():
            gradients = torch.autograd.grad(_head(reading.player, _zeros(reading)), parameters, allow_unused=True)
    except Exception:  # noqa: BLE001 - a network of a plug-in may do anything; this number is not worth an error
        return None
    count = sum(parameter.numel() for parameter, gradient in zip(parameters, gradients) if gradient is not None)
    return Fact(count, 'what the deterministic action depends on')


def _zeros(reading: Reading) -> torch.Tensor | dict[str, torch.Tensor]:
    spaces, player = reading.spaces, reading.player
    assert spaces is not None and player is not None  # a player is built from spaces
    zeros = {
        key: torch.zeros((1, *shape), dtype=getattr(torch, np.dtype(spaces.dtype_of(key)).name))
        for key, shape in spaces.inputs.items()
    }
    if not spaces.is_dict:
        return zeros['obs']
    joined = not isinstance(player.obs_shape, dict)
    return torch.cat([zero.flatten(1).float() for zero in zeros.values()], dim=1) if joined else zeros


def _head(player: Any, observation: object) -> torch.Tensor:
    """Return a number that depends on everything on which the deterministic action depends."""
    if hasattr(player.model, 'actor'):
        mean: torch.Tensor = player.model.actor(player.model.norm_obs(observation)).mean
        return mean.sum()
    answer = player.model(
        {'is_train': False, 'prev_actions': None, 'obs': player._preproc_obs(observation), 'rnn_states': player.states}
    )
    head = answer['mus'] if 'mus' in answer else answer['logits']
    total: torch.Tensor = sum(part.sum() for part in (head if isinstance(head, (list, tuple)) else [head]))
    return total
