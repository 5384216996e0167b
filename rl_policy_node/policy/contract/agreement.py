# SPDX-License-Identifier: Apache-2.0
"""Combines the observation and action spaces of the user, the run and the weights, which must agree."""

from collections.abc import Callable, Mapping
import math
import re
from typing import Any, NamedTuple

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.policy.checkpoint.weights import WeightsSpaces
from rl_policy_node.policy.contract.facts import Fact, Facts, PublishedShapes
from rl_policy_node.policy.contract.spaces import Spaces

# parameters that hold the shape of the observation; of the first layer follows only its size
_STATISTICS = re.compile(r'running_mean_std\b|$')


class Names(NamedTuple):
    """What errors call the sources of sizes. stated: who stated the spaces. weights: which checkpoint."""

    stated: str = 'the stated spaces'
    weights: str = 'the checkpoint'


def agree(
    stated: Spaces | Mapping[str, object] | None,
    facts: Facts,
    weights: WeightsSpaces | None,
    layout: PublishedShapes | None = None,
    names: Names | None = None,
) -> Spaces:
    """Return the Spaces of a policy.

    stated: Spaces, or a mapping of some of their fields, or None. facts: statements of the run's files.
    weights: WeightsSpaces of the checkpoint, or None. layout: (inputs' shapes, number of actions) of the run's
    environment as it was published; used only if no other source states them, since a run may have changed it.
    names: what errors call those who stated `stated` and `weights`.
    Raises ConfigurationError if two sources disagree, which names both, and if no source states a size.
    """
    fields, names = _fields(stated), names or Names()
    observations = _stated(fields, 'observation', facts.observation, weights, names)
    actions = _stated(fields, 'action', facts.action, weights, names)
    _compare('observation', observations, _observations_differ)
    _compare('action', actions, lambda one, other: '' if _as_action(one) == _as_action(other) else ' ')
    guess = layout or (None, None)
    low, high = _bounds(facts)
    return Spaces(
        **{
            'action_low': low,
            'action_high': high,
            'value_size': weights.value_size if weights else 1,
            **fields,
            'observation': _observation(observations, guess[0]),
            'action': _chosen('action', actions, guess[1]),
        }
    )


def joined_keys(network: Mapping[str, object], spaces: Spaces) -> tuple[str, ...]:
    """Return the keys that form the one vector of a flat network, in the order of its YAML, or ().

    Dextreme's environments concatenate the keys of `params.network.inputs` themselves; the network
    never sees a dict.
    """
    keys = network.get('inputs')
    if not isinstance(spaces.observation, dict) or not isinstance(keys, Mapping):
        return ()
    if set(keys) != set(spaces.observation):
        raise ConfigurationError(
            f'observation: params.network.inputs names {list(keys)}; the spaces have {list(spaces.observation)}'
        )
    return tuple(keys)


def _fields(stated: Spaces | Mapping[str, object] | None) -> dict[str, Any]:
    if stated is None:
        return {}
    if isinstance(stated, Spaces):
        return {name: getattr(stated, name) for name in Spaces.__dataclass_fields__}
    Spaces.check_names(stated)
    return {name: value for name, value in stated.items() if value is not None}


def _stated(
    stated: Mapping[str, object], name: str, fact: Fact | None, weights: WeightsSpaces | None, names: Names
) -> list[Fact]:
    """Return a Fact for each source that states this value, in order of precedence."""
    found = [Fact(stated[name], names.stated)] if name in stated else []
    found += [fact] if fact is not None else []
    value, source = (getattr(weights, name), getattr(weights, f'{name}_source')) if weights else (None, '')
    if name == 'observation' and isinstance(value, tuple) and not _STATISTICS.match(source):
        value = math.prod(value)
    if value is not None:
        found.append(Fact(value, f'{source} of {names.weights}'))
    return found


def _compare(name: str, stated: list[Fact], differ: Callable[[Any, Any], str]) -> None:
    for index, one in enumerate(stated):
        for other in stated[index + 1 :]:
            difference = differ(_plain(one.value), _plain(other.value))
            if difference:
                raise ConfigurationError(
                    f'{name}: {one.source} says {_shown(one.value)}, {other.source} says '
                    f'{_shown(other.value)}{difference}'.rstrip()
                )


def _plain(value: object) -> Any:
    """Return shapes as tuples, whatever the form they came in."""
    if isinstance(value, Mapping):
        return {key: None if shape is None else _plain(shape) for key, shape in value.items()}
    return tuple(value) if isinstance(value, (list, tuple)) else value


def _shown(value: object) -> object:
    value = _plain(value)
    return {key: '?' if shape is None else shape for key, shape in value.items()} if isinstance(value, dict) else value


def _observations_differ(one: object, other: object) -> str:
    """Return '' if both may be the same observation, else a hint at the difference (may be a blank)."""
    if isinstance(one, dict) and isinstance(other, dict):
        lone = sorted(set(one) ^ set(other))
        if lone:
            return f'; only one of them has {", ".join(lone)}'
        odd = [key for key in one if None not in (one[key], other[key]) and one[key] != other[key]]
        return f'; they differ in {", ".join(odd)}' if odd else ''
    if isinstance(one, tuple) and isinstance(other, tuple):
        return '' if one == other else ' '
    # an environment may concatenate keys to the one vector that the network takes
    return '' if None in (_size(one), _size(other)) or _size(one) == _size(other) else ' '


def _size(value: Any) -> int | None:
    if isinstance(value, dict):
        shapes = list(value.values())
        return None if None in shapes else sum(map(math.prod, shapes))
    return math.prod(value) if isinstance(value, tuple) else value


def _as_action(action: object) -> dict[str, object]:
    if isinstance(action, Mapping):
        return {name: list(value) if isinstance(value, (list, tuple)) else value for name, value in action.items()}
    return {'continuous': action}


def _observation(stated: list[Fact], guess: object) -> Any:
    chosen = _plain(_chosen('observation', stated, guess))
    if not isinstance(chosen, dict):
        return chosen
    shapes = dict(chosen)
    for other in (*(_plain(fact.value) for fact in stated), guess):
        if isinstance(other, dict):
            shapes.update({key: other[key] for key, shape in shapes.items() if shape is None and key in other})
    unknown = [key for key, shape in shapes.items() if shape is None]
    flat = next((fact.value for fact in stated if not isinstance(fact.value, Mapping)), None)
    if unknown and flat is not None:
        return flat
    if unknown:
        raise ConfigurationError(f'observation: the shape of {", ".join(unknown)} is said nowhere; state it')
    return shapes


def _chosen(name: str, stated: list[Fact], guess: object) -> object:
    if stated:
        return stated[0].value
    if guess is None:
        raise ConfigurationError(f'{name}: neither the run nor the weights tell its size; state it (spaces)')
    return guess


def _bounds(facts: Facts) -> tuple[float, float]:
    bound = 1.0 if facts.action_bound is None else facts.action_bound.value
    return -bound, bound
