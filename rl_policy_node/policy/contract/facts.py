# SPDX-License-Identifier: Apache-2.0
"""What a run's own files state about its environment, each value with its source."""
from dataclasses import dataclass, fields
import math
from typing import Any, TypeAlias

from rl_policy_node.policy.layouts import isaacgymenvs, isaaclab, Layout
from rl_policy_node.policy.run.train_config import TrainConfig
from rl_policy_node.policy.shared_types import Shape

# (observation, number of actions) of an environment as it was published, None where unknown
PublishedShapes: TypeAlias = tuple[Shape | dict[str, Shape | None] | None, int | None]


@dataclass(frozen=True)
class Fact:
    """A value and where it was read from."""

    value: Any
    source: str


@dataclass(frozen=True)
class Facts:
    """What the run states about its environment; None where it does not.

    observation: (size,), or key → shape (None: the network takes the key, its shape is not stated).
    action: number of continuous actions. clip_observations, clip_actions: bounds ± that the environment put
    on what it gave and took. clip_inputs: key of the observation → a bound of its own. action_bound: the
    action space is ± this. control_rate: Hz.
    """

    observation: Fact | None = None
    action: Fact | None = None
    clip_observations: Fact | None = None
    clip_inputs: Fact | None = None
    clip_actions: Fact | None = None
    action_bound: Fact | None = None
    control_rate: Fact | None = None

    def value(self, name: str, default: object = None) -> object:
        """Return the value of a fact, or the default where the run does not state it."""
        fact = getattr(self, name)
        return default if fact is None else fact.value

    def known(self) -> dict[str, Fact]:
        """Return name → Fact of everything that the run states."""
        return {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) is not None}


def read_facts(config: TrainConfig) -> Facts:
    """Return the Facts of a TrainConfig."""
    observation = _observation(config)
    clip_all, clip_each = _clips(config, observation)
    clip_actions = _first(config, ('params', 'env.clip_actions'))
    # Isaac Lab's wrapper makes the space of the clip, IsaacGymEnvs' is always ±1
    no_clip = Fact(math.inf, f'no params.env.clip_actions in {config.path.name}')
    return Facts(
        observation=observation,
        action=_first(config, ('task', 'env.numActions'), ('environment', 'action_space'),
                      ('environment', 'num_actions'), kind=int),
        clip_observations=clip_all, clip_inputs=clip_each,
        clip_actions=_first(config, ('task', 'env.clipActions'), ('params', 'env.clip_actions')),
        action_bound=clip_actions or no_clip if config.environment else None,
        control_rate=_control_rate(config))


def _lookup(config: TrainConfig, half: str, name: str) -> Any:
    """Return a value of the file's half by its dotted name, or None."""
    node = getattr(config, half)
    for part in name.split('.'):
        node = node.get(part) if isinstance(node, dict) else None
    return node


def _is_number(value: object, kind: type) -> bool:
    return isinstance(value, (int, float) if kind is float else kind) and not isinstance(value, bool)


def _place(config: TrainConfig, half: str, name: str) -> str:
    file = config.path
    if half == 'environment' and config.run and config.run.environment:
        file = config.run.environment
    return f'{name if half == "environment" else f"{half}.{name}"} in {file.name}'


def _first(config: TrainConfig, *places: tuple[str, str], kind: type = float) -> Fact | None:
    for half, name in places:
        value = _lookup(config, half, name)
        if _is_number(value, kind) and value > 0:
            return Fact(kind(value), _place(config, half, name))
    return None


def _clips(config: TrainConfig, observation: Fact | None) -> tuple[Fact | None, Fact | None]:
    """Return the Fact of the clip of all observations, and that of a clip for each key; None where not stated."""
    each = _lookup(config, 'task', 'env.clipObservations')
    if not isinstance(each, dict):
        return _first(config, ('task', 'env.clipObservations'), ('task', 'env.clampAbsObservations'),
                      ('params', 'env.clip_observations')), None
    bounds = {str(key): float(bound) for key, bound in each.items() if _is_number(bound, float) and bound > 0}
    source = _place(config, 'task', 'env.clipObservations')
    keys = observation is not None and isinstance(observation.value, dict)
    # a flat policy's observation has no key: the environment gave it under one of these
    if bounds and not keys and len(set(bounds.values())) == 1:
        return Fact(next(iter(bounds.values())), source.replace(' in ', f'.{next(iter(bounds))} in ', 1)), None
    return None, Fact(bounds, source) if bounds else None


def _observation(config: TrainConfig) -> Fact | None:
    if config.params['network'].get('input_preprocessors') is not None:
        return _dict_observation(config)
    # TacSL states a flat size, too, which is not that of its dict observations
    if _lookup(config, 'task', 'env.use_dict_obs'):
        return _dict_observation(config)
    flat = _first(config, ('task', 'env.numObservations'), ('environment', 'observation_space'),
                  ('environment', 'num_observations'), kind=int)
    if flat is not None:
        return Fact((flat.value,), flat.source)
    shape = _lookup(config, 'environment', 'observation_space')     # of an image, in Isaac Lab's direct workflow
    whole = isinstance(shape, list) and shape and all(_is_number(size, int) for size in shape)
    return Fact(tuple(shape), _place(config, 'environment', 'observation_space')) if whole else None


def _dict_observation(config: TrainConfig) -> Fact | None:
    """Return the keys that the environment gives, and those that the network takes, which may be more."""
    shapes = _lookup(config, 'task', 'env.obsDims')
    shapes = {key: tuple(shape) for key, shape in shapes.items()} if isinstance(shapes, dict) else {}
    taken = config.params['network'].get('input_preprocessors') or {}
    keys = {**dict.fromkeys(taken), **shapes}
    if not keys:
        return None
    places = ['task.env.obsDims'] * bool(shapes) + ['params.network.input_preprocessors'] * bool(taken)
    return Fact(keys, f'{" and ".join(places)} in {config.path.name}')


# Steps of the simulation per step of the policy, as the environments name them; they multiply.
_DECIMATIONS = (('task', 'env.controlFrequencyInv'), ('task', 'env.control.decimation'),
                ('task', 'env.control_decimation'), ('environment', 'decimation'))


def _control_rate(config: TrainConfig) -> Fact | None:
    step = _first(config, ('task', 'sim.dt'), ('environment', 'sim.dt'))
    if step is None:
        return None
    factors = [fact for fact in (_first(config, place, kind=int) for place in _DECIMATIONS) if fact is not None]
    extra = _first(config, ('task', 'env.num_additional_control_steps'), kind=int)
    steps = math.prod(fact.value for fact in factors) * (1 + (extra.value if extra else 0))
    names = [fact.source.partition(' in ')[0] for fact in (step, *factors)]
    names += [f'(1 + {extra.source.partition(" in ")[0]})'] if extra else []
    product = f'({" × ".join(names)})' if len(names) > 1 else names[0]
    return Fact(1.0 / (step.value * steps), f'1 / {product} in {step.source.partition(" in ")[2]}')


def layout_of(config: TrainConfig) -> Layout | None:
    """Return the Layout of the run's environment where it is known, or None."""
    if config.environment:
        return isaaclab.read_layout(config.environment, config.params)
    return isaacgymenvs.read_layout(config.task, config.params) if config.task else None


def published_shapes(layout: Layout | None) -> PublishedShapes:
    """Return (observation, number of actions) of an environment as it was published, None where unknown."""
    if layout is None:
        return None, None
    shapes = layout.shapes
    observation = shapes['obs'] if set(shapes) == {'obs'} else shapes
    return observation, layout.num_actions
