# SPDX-License-Identifier: Apache-2.0
"""TacSL's `actor_critic_dict`: an actor-critic over a dict of observations.

Every key listed under `input_preprocessors` passes its own CNN and/or MLP (or neither), is flattened,
and is concatenated with the others *in the order of the YAML*; the rest is rl_games' `actor_critic`
(LSTM before or after the MLP, value, mu, sigma). Keys that are not listed are not looked at.
"""

from collections.abc import Mapping
from typing import Any

from rl_games.algos_torch.network_builder import A2CBuilder, NetworkBuilder
import torch
from torch import nn

from rl_policy_node.policy.shared_types import Shape, Tensors, YamlTree


class ActorCriticDictBuilder(NetworkBuilder):
    """Builder registered with rl_games as `actor_critic_dict`."""

    def load(self, params: YamlTree) -> None:
        self.params = params

    def build(self, name: str, **kwargs: object) -> 'ActorCriticDict':
        return ActorCriticDict(self.params, **kwargs)


class ActorCriticDict(A2CBuilder.Network):
    """rl_games' actor-critic behind one preprocessor per observation key.

    With `separate: True` the critic has its own preprocessors; actor and critic features then pass through the base
    class side by side, and it separates the two halves again.
    """

    def __init__(self, params: YamlTree, **kwargs: Any) -> None:
        shapes = kwargs.pop('input_shape')
        specs = params['input_preprocessors']
        missing = [key for key in specs if key not in shapes]
        if missing:
            raise ValueError(
                f'input_preprocessors names {missing}, which the observation space lacks; it has {sorted(shapes)}'
            )
        features = NetworkBuilder.BaseNetwork()
        branches = _Branches(features, specs, shapes)
        super().__init__(params, input_shape=(branches.size,), **kwargs)
        self.input_keys = list(specs)
        self.input_networks_actor = branches.module
        if self.separate:
            self.input_networks_critic = _Branches(features, specs, shapes).module
            self.actor_cnn = _Slice(0, branches.size)
            self.critic_cnn = _Slice(branches.size, 2 * branches.size)

    def forward(self, obs_dict: YamlTree) -> object:
        observations = obs_dict['obs']
        parts = self._features(self.input_networks_actor, observations)
        if self.separate:
            parts += self._features(self.input_networks_critic, observations)
        return super().forward({**obs_dict, 'obs': torch.cat(parts, dim=1)})

    def _features(self, networks: Any, observations: Tensors) -> list[torch.Tensor]:
        return [
            networks[key](observations[key]).flatten(1) if key in networks else observations[key].flatten(1)
            for key in self.input_keys
        ]


class _Slice(nn.Module):
    """Columns `start` to `stop` of a matrix."""

    def __init__(self, start: int, stop: int) -> None:
        super().__init__()
        self.start, self.stop = start, stop

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, self.start : self.stop]


class _ChannelsFirst(nn.Sequential):
    """A CNN for images in the order of environments: (rows, height, width, channels)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x.permute(0, 3, 1, 2)
        for layer in self:
            x = layer(x)
        return x


class _FlatMlp(nn.Sequential):
    """An MLP that takes a key of any shape: a force field is flattened first."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x.flatten(1)
        for layer in self:
            x = layer(x)
        return x


class _Branches:
    """The preprocessors of all keys, `module[key]` = Sequential(cnn, mlp), and their total width."""

    def __init__(self, base: Any, specs: YamlTree, shapes: Mapping[str, Shape]) -> None:
        self.module, self.size = nn.ModuleDict(), 0
        for key, spec in specs.items():
            stages, width = _branch(base, key, spec or {}, tuple(shapes[key]))
            self.size += width
            if stages:
                self.module[key] = nn.Sequential(*stages)


def _branch(base: Any, key: str, spec: YamlTree, shape: Shape) -> tuple[list[nn.Module], int]:
    unknown = set(spec) - {'cnn', 'mlp'}
    if unknown:
        raise ValueError(f'input_preprocessors.{key}: unknown {sorted(unknown)}; valid are cnn and mlp')
    stages: list[nn.Module] = []
    width = int(torch.Size(shape).numel())
    if 'cnn' in spec:
        stages.append(_cnn(base, key, spec['cnn'], shape))
        with torch.no_grad():
            width = stages[0](torch.zeros(1, *shape)).flatten(1).shape[1]
    if 'mlp' in spec:
        stages.append(_mlp(base, spec['mlp'], width))
        width = spec['mlp']['units'][-1]
    return stages, width


def _cnn(base: Any, key: str, spec: YamlTree, shape: Shape) -> nn.Module:
    if len(shape) != 3:
        raise ValueError(f'input_preprocessors.{key}.cnn wants an image (height, width, channels), got {shape}')
    layers = base._build_conv(
        spec['type'],
        input_shape=(shape[2], shape[0], shape[1]),
        convs=spec['convs'],
        activation=spec['activation'],
        norm_func_name=spec.get('normalization'),
    )
    return _initialize(base, _ChannelsFirst(*layers), spec)


def _mlp(base: Any, spec: YamlTree, width: int) -> nn.Module:
    layers = base._build_sequential_mlp(width, spec['units'], spec['activation'], nn.Linear)
    return _initialize(base, _FlatMlp(*layers), spec)


def _initialize(base: Any, module: nn.Module, spec: YamlTree) -> nn.Module:
    initializer = base.init_factory.create(**spec.get('initializer', {'name': 'default'}))
    for layer in module.modules():
        if isinstance(layer, (nn.Conv1d, nn.Conv2d, nn.Linear)):
            initializer(layer.weight)
            assert layer.bias is not None  # rl_games builds every layer with one
            nn.init.zeros_(layer.bias)
    return module
