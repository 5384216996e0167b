# SPDX-License-Identifier: Apache-2.0
"""Resolve the joint-name patterns of Isaac Lab's configs."""

from collections.abc import Iterable
import re
from typing import Any, SupportsFloat

from rl_policy_node.policy.shared_types import Numbers, Shape, YamlTree

_PLAIN = re.compile(r'[\w\-/:]+')


def joint_names(patterns: str | Iterable[str] | None) -> tuple[str, ...]:
    """Return the names where all patterns are plain names, else ()."""
    patterns = [patterns] if isinstance(patterns, str) else list(patterns or ())
    return tuple(patterns) if patterns and all(_PLAIN.fullmatch(pattern) for pattern in patterns) else ()


def count_of(patterns: str | Iterable[str] | None, asset: str = 'robot') -> str:
    """Return what a joint-sized term counts: equal texts mean equal sizes."""
    patterns = [patterns] if isinstance(patterns, str) else list(patterns or ['.*'])
    if patterns == ['.*']:
        return 'joints' if asset == 'robot' else f'joints of {asset}'
    return f'joints of {asset} that match {", ".join(patterns)}'


def subject_of(asset: str) -> str:
    """Return what measures the joints of an asset of the scene: the robot's are `joints`."""
    return 'joints' if asset == 'robot' else asset


def per_joint(values: SupportsFloat | YamlTree | None, names: tuple[str, ...], default: float = 0.0) -> Numbers | None:
    """Return one number each for `names`, or one for all, or None where that takes the joints' names.

    values: a number, or pattern → number as in `init_state.joint_pos`; what no pattern matches is `default`.
    """
    if values is None:
        return None
    if not isinstance(values, dict):
        return (float(values),)
    if names:
        numbers = []
        for name in names:
            matching = (float(value) for pattern, value in values.items() if re.fullmatch(pattern, name))
            numbers.append(next(matching, default))
        return tuple(numbers[:1] if len(set(numbers)) == 1 else numbers)
    if set(values) == {'.*'} or all(value == default for value in values.values()):
        return (float(next(iter(values.values()), default)),)
    return None


def default_state(env: YamlTree, asset: str, names: tuple[str, ...], state: str = 'joint_pos') -> Numbers | None:
    """Return joint_pos (rad, m) or joint_vel of `init_state` of an asset: one number each, one for all, or None."""
    return per_joint(initial(env, asset).get(state, {}), names)


def initial(env: YamlTree, asset: str) -> YamlTree:
    """Return `init_state` of an asset of the scene, {} where there is none."""
    return asset_config(env, asset).get('init_state') or {}


def asset_config(env: YamlTree, asset: str) -> YamlTree:
    """Return the config of an asset or a sensor, {} where there is none.

    It stands in the scene or, in direct tasks of 2.x, beside it, there also as `robot_cfg` and the like.
    """
    config = setting(env, place_of(env, asset))
    return config if isinstance(config, dict) else {}


def place_of(env: YamlTree, asset: str) -> str:
    """Return the dotted name of the config of an asset or a sensor, '' where there is none."""
    return next((name for name in (f'scene.{asset}', asset, f'{asset}_cfg') if setting(env, name)), '')


def stated_order(env: YamlTree, asset: str) -> tuple[str, ...]:
    """Return the joints of an asset in the simulator's order where its `joint_ordering` (3.0) lists them, else ()."""
    order = asset_config(env, asset).get('joint_ordering')
    return tuple(order) if isinstance(order, (list, tuple)) else ()


def limits_of(
    env: YamlTree, asset: str, names: tuple[str, ...], kind: str = 'soft_joint_pos_limits'
) -> tuple[Numbers, Numbers] | None:
    """Return the middle and half the range (rad, m) of the limits of `names`, None where one has none.

    kind: soft_joint_pos_limits or joint_pos_limits.
    """
    known: dict[str, list[float]] = asset_config(env, asset).get(kind) or {}
    if not names or not set(names) <= set(known):
        return None
    pairs = [known[name] for name in names]
    if any(lower >= upper for lower, upper in pairs):
        return None
    # to 12 digits: the middle of 0.1 and 0.2 is meant to be 0.15
    middle = tuple(float(f'{(lower + upper) / 2.0:.12g}') for lower, upper in pairs)
    return middle, tuple(float(f'{(upper - lower) / 2.0:.12g}') for lower, upper in pairs)


def limit_factor(env: YamlTree, asset: str) -> str:
    """Return how much of the range of a joint lies within its soft limits, in words, '' for all of it."""
    factor = asset_config(env, asset).get('soft_joint_pos_limit_factor')
    return f'; soft limits: {factor} of the range (soft_joint_pos_limit_factor)' if factor not in (None, 1.0) else ''


def in_words(values: object) -> str:
    """Return a number of a config, or pattern → number, as a text with the same numbers."""
    if isinstance(values, dict):
        return ', '.join(f'{pattern} {value}' for pattern, value in values.items())
    return str(values)


def setting(env: YamlTree, name: str) -> object:
    """Return a value of env.yaml by its dotted name, None where the file lacks it."""
    node: Any = env
    for part in name.split('.'):
        node = node.get(part) if isinstance(node, dict) else None
    return node


def space(env: YamlTree, name: str) -> Shape | None:
    """Return the observation or action space of the direct workflow as a shape, None where it is not one.

    Isaac Lab wrote num_observations and num_actions before it had spaces.
    """
    size = env.get(f'{name}_space')
    return shape_of(env.get(f'num_{name}s') if size is None else size)


def shape_of(size: object) -> Shape | None:
    """Return a space of the config as a shape; None for a text, which is a space of gymnasium's own."""
    if isinstance(size, int) and not isinstance(size, bool):
        return (size,)
    if isinstance(size, (list, tuple)) and size and all(isinstance(n, int) for n in size):
        return tuple(size)
    return None
