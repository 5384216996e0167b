# SPDX-License-Identifier: Apache-2.0
"""Facts from the values of a configuration, each with its place there."""

from collections.abc import Mapping
import math
from typing import TYPE_CHECKING, TypeGuard

from rl_policy_node.policy.contract.facts import Fact
from rl_policy_node.policy.shared_types import Shape

if TYPE_CHECKING:
    from rl_policy_node.policy.run.train_config import TrainConfig


def lookup(config: 'TrainConfig', half: str, name: str) -> object:
    """Return a value by its dotted name, or None; half: params, task or environment."""
    node: object = getattr(config, half)
    for part in name.split('.'):
        node = node.get(part) if isinstance(node, dict) else None
    return node


def place(config: 'TrainConfig', half: str, name: str) -> str:
    """Return the place of a value: its name and its file."""
    file = config.path
    if half == 'environment' and config.run and config.run.environment:
        file = config.run.environment
    return f'{name if half == "environment" else f"{half}.{name}"} in {file.name}'


def is_number(value: object, kind: type = float) -> TypeGuard[float]:
    """Return whether a value is a number of a kind; a truth value is not."""
    return isinstance(value, (int, float) if kind is float else kind) and not isinstance(value, bool)


def first(config: 'TrainConfig', *places: tuple[str, str], kind: type = float) -> Fact | None:
    """Return the Fact of the first of these (half, name) that states a positive number, or None."""
    for half, name in places:
        value = lookup(config, half, name)
        if is_number(value, kind) and value > 0:
            return Fact(kind(value), place(config, half, name))
    return None


def network_keys(config: 'TrainConfig', shapes: Mapping[str, Shape] | None = None, where: str = '') -> Fact | None:
    """Return the keys of the environment's observation, and those of the network's, which may be more, or None.

    shapes: key → shape, as the environment's half states it at the place `where`.
    """
    taken = config.params['network'].get('input_preprocessors') or {}
    keys = {**dict.fromkeys(taken), **(shapes or {})}
    if not keys:
        return None
    places = [where] * bool(shapes) + ['params.network.input_preprocessors'] * bool(taken)
    return Fact(keys, f'{" and ".join(places)} in {config.path.name}')


def control_rate(step: Fact | None, *decimations: Fact | None, extra: Fact | None = None) -> Fact | None:
    """Return the Fact of the policy's rate, Hz, None where no step is stated.

    step: of the simulation, s. decimations: steps of the simulation per step of the policy; they multiply.
    extra: steps beside each of these.
    """
    if step is None:
        return None
    factors = [fact for fact in decimations if fact is not None]
    steps = math.prod(fact.value for fact in factors) * (1 + (extra.value if extra else 0))
    names = [fact.source.partition(' in ')[0] for fact in (step, *factors)]
    names += [f'(1 + {extra.source.partition(" in ")[0]})'] if extra else []
    product = f'({" × ".join(names)})' if len(names) > 1 else names[0]
    return Fact(1.0 / (step.value * steps), f'1 / {product} in {step.source.partition(" in ")[2]}')
