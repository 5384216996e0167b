# SPDX-License-Identifier: Apache-2.0
"""Observation and action sizes, read from the shapes of a model's weights."""

from dataclasses import dataclass
import math
import re
from typing import Any

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.policy.shared_types import Shape, Tensors, YamlTree

_STATISTICS = re.compile(r'running_mean_std\.(?:running_mean_std\.(?P<key>.+)\.)?running_mean$')
_NETWORK = 'a2c_network.'
_SAC_ACTOR = r'sac_network\.actor\.trunk\.(\d+)\.weight$'
_SAC_CRITIC = 'sac_network.critic.Q1.0.weight'
# parameters that come in pairs (pattern → the other), of the layers that sizes are read from
_PAIRS = tuple(
    (re.compile(pattern), other)
    for pattern, other in (
        (
            r'(a2c_network\.(?:actor_mlp\..+|mu|logits|logits\.\d+|value)|sac_network\.actor\.trunk\.\d+)\.bias$',
            r'\1.weight',
        ),
        (r'(a2c_network\.(?:a_|c_)?rnn\..*)weight_ih_l(\d+)$', r'\1weight_hh_l\2'),
        (r'(a2c_network\.(?:a_|c_)?rnn\..*)weight_hh_l(\d+)$', r'\1weight_ih_l\2'),
        (r'(.*running_mean_std\..*)running_var$', r'\1running_mean'),
    )
)


@dataclass(frozen=True)
class WeightsSpaces:
    """Spaces read from weights.

    observation: the shape of one row, or key → shape; None if weights leave it open.
    action: the number of continuous actions, `{'discrete': n}` or `{'multi_discrete': [n, ...]}`; None
    if weights leave it open. value_size: number of rewards that the critic estimates. observation_source,
    action_source: names of the parameters from which they were read, '' for none.
    """

    observation: Shape | dict[str, Shape] | None
    action: int | YamlTree | None
    value_size: int = 1
    observation_source: str = ''
    action_source: str = ''


def read_spaces(model: Tensors) -> WeightsSpaces:
    """Return the spaces of a model's state dict, with names as in rl_games' player.

    Raises ConfigurationError, which names both, if two parameters contradict each other, and if half of a pair is
    missing.
    """
    _check_pairs(model)
    action, action_source = _action(model)
    observation, observation_source = _observation(model)
    spaces = WeightsSpaces(observation, action, _value_size(model), observation_source, action_source)
    _check_sac_critic(model, spaces)
    return spaces


def _check_pairs(model: Tensors) -> None:
    """Raise ConfigurationError for half a layer: else sizes would be read from the layers beside it."""
    for name in model:
        for pattern, other in _PAIRS:
            match = pattern.match(name)
            if match and match.expand(other) not in model:
                raise ConfigurationError(f'the checkpoint lacks the weight {match.expand(other)}; it has {name}')


def _disagree(first: str, what: object, second: str, other: object) -> ConfigurationError:
    return ConfigurationError(f"the checkpoint's weights disagree: {first} has {what}, {second} has {other}")


def _matrix(model: Tensors, name: str) -> tuple[int, int]:
    """Return the shape (outputs, inputs) of a layer."""
    shape = tuple(model[name].shape)
    if len(shape) != 2 or 0 in shape:
        raise ConfigurationError(f"the checkpoint's {name} has the shape {shape}; expected (outputs, inputs)")
    return shape[0], shape[1]


def _layers(model: Tensors, pattern: str) -> list[tuple[str, tuple[int, int]]]:
    """Return (name, shape) of the layers that match a pattern with one number, in the order of that number."""
    found = [(int(match[1]), match[0]) for match in map(re.compile(pattern).match, model) if match]
    return [(name, _matrix(model, name)) for _, name in sorted(found) if model[name].ndim == 2]


def _observation(model: Tensors) -> tuple[Shape | dict[str, Shape] | None, str]:
    found = [match for match in map(_STATISTICS.match, model) if match]
    # of a flat observation the key is None
    shapes: dict[Any, Shape] = {match['key']: tuple(model[match[0]].shape) for match in found}
    size, layer = _input_size(model)
    if not shapes:
        return ((size,), layer) if size else (None, '')
    if None not in shapes:
        return shapes, 'running_mean_std'
    source = 'running_mean_std.running_mean'
    if size and math.prod(shapes[None]) != size:
        raise _disagree(source, f'the shape {shapes[None]}', layer, f'{size} inputs')
    _check_channels(model, shapes[None], source)
    return shapes[None], source


def _check_channels(model: Tensors, shape: Shape, source: str) -> None:
    for layer in ('actor_cnn.0.weight', 'cnn.0.conv.conv.weight'):
        weight = model.get(_NETWORK + layer)
        # channels come first or last, and coordinates may join them
        if (
            weight is not None
            and weight.ndim > 2
            and weight.shape[1] not in {shape[end] + more for end in (0, -1) for more in (0, 2)}
        ):
            raise _disagree(source, f'the shape {shape}', _NETWORK + layer, f'{weight.shape[1]} input channels')


def _input_size(model: Tensors) -> tuple[int | None, str]:
    """Return (size, parameter) of a flat input by the first layer; (None, '') if that leaves it open."""
    if _has(model, 'input_networks_actor.') or _has(model, 'actor_cnn.') or _has(model, 'cnn.'):
        return None, ''
    mlp = _layers(model, _SAC_ACTOR) or _layers(model, r'a2c_network\.actor_mlp\.(?:linears\.)?(\d+)\.weight$')
    rnn = next(
        (name for name in (f'{_NETWORK}{part}.rnn.weight_ih_l0' for part in ('rnn', 'a_rnn')) if name in model), None
    )
    if rnn is None:
        name = mlp[0][0] if mlp else _head(model)
        return (_matrix(model, name)[1], name) if name else (None, '')
    return _input_of_recurrent(model, rnn, mlp)


def _input_of_recurrent(model: Tensors, rnn: str, mlp: list[tuple[str, tuple[int, int]]]) -> tuple[int | None, str]:
    """Return the input size of the first part, recurrent layer or MLP; matching widths show which one is first."""
    into_rnn, units = _matrix(model, rnn)[1], _matrix(model, rnn.replace('_ih_', '_hh_'))[1]
    if not mlp:
        return into_rnn, rnn
    into_mlp, out_of_mlp = mlp[0][1][1], mlp[-1][1][0]
    head = _head(model)
    into_head = _matrix(model, head)[1] if head else None
    sizes = {}
    # each may be given the observation as well (concat_output, concat_input)
    if into_mlp in (units, units + into_rnn) and into_head in (None, out_of_mlp):
        sizes[rnn] = into_rnn
    if into_rnn in (out_of_mlp, out_of_mlp + into_mlp) and into_head in (None, units, units + into_mlp):
        sizes[mlp[0][0]] = into_mlp
    if len(set(sizes.values())) != 1:
        return None, ''
    return next((size, name) for name, size in sizes.items())


def _head(model: Tensors) -> str | None:
    names = (f'{_NETWORK}{head}.weight' for head in ('mu', 'logits', 'logits.0', 'value'))
    return next((name for name in names if name in model), None)


def _has(model: Tensors, part: str) -> bool:
    return any(name.startswith(_NETWORK + part) for name in model)


def _action(model: Tensors) -> tuple[int | YamlTree | None, str]:
    trunk = _layers(model, _SAC_ACTOR)
    if trunk:
        name, (outputs, _) = trunk[-1]
        if outputs % 2:
            raise ConfigurationError(
                f"the checkpoint's {name} has {outputs} outputs; expected an even number, "
                'mean and deviation of each action'
            )
        return outputs // 2, name
    name = f'{_NETWORK}mu.weight'
    if name in model or f'{_NETWORK}sigma' in model:
        return _continuous(model, name)
    name = f'{_NETWORK}logits.weight'
    if name in model:
        return {'discrete': _matrix(model, name)[0]}, name
    heads = _layers(model, r'a2c_network\.logits\.(\d+)\.weight$')
    if heads:
        return {'multi_discrete': [shape[0] for _, shape in heads]}, f'{_NETWORK}logits'
    return None, ''


def _continuous(model: Tensors, name: str) -> tuple[int, str]:
    """Return the number of actions by mu; sigma must agree with it."""
    mean = _matrix(model, name) if name in model else None
    for sigma in (f'{_NETWORK}sigma', f'{_NETWORK}sigma.weight', f'{_NETWORK}log_std'):
        if sigma not in model:
            continue
        size = model[sigma].shape[0] if model[sigma].ndim else 1
        if mean is None:
            return int(size), sigma
        if size != mean[0]:
            raise _disagree(name, f'{mean[0]} actions', sigma, int(size))
    assert mean is not None  # one of mu and sigma brought us here
    return mean[0], name


def _check_sac_critic(model: Tensors, spaces: WeightsSpaces) -> None:
    if _SAC_CRITIC not in model or not isinstance(spaces.action, int) or not isinstance(spaces.observation, tuple):
        return
    critic = _matrix(model, _SAC_CRITIC)
    size = math.prod(spaces.observation) + spaces.action
    if critic[1] != size:
        raise _disagree(
            f'{spaces.observation_source} with {spaces.action_source}',
            f'{size} observations and actions',
            _SAC_CRITIC,
            f'{critic[1]} inputs',
        )


def _value_size(model: Tensors) -> int:
    for name in ('value.weight', 'value.value_linear.weight'):
        if _NETWORK + name in model:
            shape = _matrix(model, _NETWORK + name)
            # a value in two-hot encoding is one number in 255 bins
            return 1 if 'linear' in name and shape[0] == 255 else shape[0]
    statistics = model.get('value_mean_std.running_mean')
    return int(statistics.numel()) if statistics is not None and statistics.numel() else 1
