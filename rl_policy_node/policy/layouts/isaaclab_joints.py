# SPDX-License-Identifier: Apache-2.0
"""Resolve the joint-name patterns of a run of Isaac Lab by the names of the robot's joints, as its simulator does."""

from collections.abc import Sequence
import math
import re

from rl_policy_node.errors import ConfigurationError, unfit
from rl_policy_node.policy.layouts.isaaclab_names import asset_config, initial, place_of, stated_order
from rl_policy_node.policy.layouts.isaaclab_terms import JOINT_FUNCTIONS
from rl_policy_node.policy.layouts.robot_joints import RobotJoints
from rl_policy_node.policy.shared_types import YamlTree


def with_joints(env: YamlTree, joints: RobotJoints, asset: str) -> YamlTree:
    """Return env.yaml with names, in order, in place of each pattern of joints of an asset of the scene.

    env: env.yaml of a manager-based environment. Limits of `joints` become the asset's, hard and soft: name →
    [lower, upper], as the simulator computes them, and default positions and velocities its initial state. Raises
    ConfigurationError for a pattern that matches no joint, and where env.yaml states another order.
    """
    _check_asset(env, f'scene.{asset}', asset, joints)
    scene = env.get('scene') or {}
    config = _known(scene.get(asset) or {}, joints)
    return {
        **env,
        'scene': {**scene, asset: config},
        'actions': {
            name: _action(f'actions.{name}', action, asset, joints) if isinstance(action, dict) else action
            for name, action in (env.get('actions') or {}).items()
        },
        'observations': {
            name: _group(name, group, asset, joints) if isinstance(group, dict) else group
            for name, group in (env.get('observations') or {}).items()
        },
    }


def with_order(env: YamlTree, joints: RobotJoints, asset: str = 'robot') -> YamlTree:
    """Return env.yaml of a direct task with the joints as an asset's `joint_ordering`, as 3.0 may write it itself.

    Limits of `joints` become the asset's `joint_pos_limits` and `soft_joint_pos_limits`, their default state its own;
    configs of actions have names in place of patterns. Raises ConfigurationError as with_joints does.
    """
    place = place_of(env, asset)
    _check_asset(env, place, asset, joints)
    if asset == 'robot':
        _resolved(env.get('actuated_joint_names') or [], joints, 'actuated_joint_names')
    config = {**_known(asset_config(env, asset), joints), 'joint_ordering': list(joints.names)}
    ordered = {
        name: _action(name, value, asset, joints) if isinstance(value, dict) and 'class_type' in value else value
        for name, value in env.items()
    }
    if place.startswith('scene.'):
        return {**ordered, 'scene': {**env['scene'], asset: config}}
    return {**ordered, place: config} if place else ordered


def _check_asset(env: YamlTree, where: str, asset: str, joints: RobotJoints) -> None:
    """Raise ConfigurationError where an asset's own order or its default state are not of the joints."""
    order = stated_order(env, asset)
    if order not in ((), joints.names):
        stated = f'{where}.joint_ordering: {", ".join(order)}'
        raise unfit(f'the order of the joints of {joints.source}', ', '.join(joints.names), stated)
    for state in ('joint_pos', 'joint_vel'):
        _resolved(list(initial(env, asset).get(state) or {}), joints, f'{where}.init_state.{state}')


def acting_asset(env: YamlTree) -> str:
    """Return the asset of the scene whose joints the actions move, `robot` where they move none or several's.

    Where there is no `robot`, it is the only asset with actuators.
    """
    actions = [action for action in (env.get('actions') or {}).values() if isinstance(action, dict)]
    assets = {action['asset_name'] for action in actions if action.get('asset_name')}
    if not assets and not place_of(env, 'robot'):
        scene = env.get('scene') or {}
        assets = {name for name, config in scene.items() if isinstance(config, dict) and config.get('actuators')}
    return str(*assets) if len(assets) == 1 else 'robot'


def _action(where: str, action: YamlTree, asset: str, joints: RobotJoints) -> YamlTree:
    """Return the config of an action; one of a class that Isaac Lab does not have keeps patterns that do not match."""
    patterns = action.get('joint_names')
    if not patterns or (action.get('asset_name') or 'robot') != asset:
        return action
    try:
        names = _resolved(patterns, joints, f'{where}.joint_names', bool(action.get('preserve_order')))
    except ConfigurationError:
        if str(action.get('class_type') or '').startswith('isaaclab.'):
            raise
        return action
    return {**action, 'joint_names': names, 'preserve_order': True}


def _group(name: str, group: YamlTree, asset: str, joints: RobotJoints) -> YamlTree:
    return {
        term: _term(f'observations.{name}.{term}', config, asset, joints) if isinstance(config, dict) else config
        for term, config in group.items()
    }


def _term(where: str, config: YamlTree, asset: str, joints: RobotJoints) -> YamlTree:
    function = str(config.get('func') or '').rpartition(':')[2].rpartition('.')[2]
    params = config.get('params') or {}
    entity = params.get('asset_cfg') or {}
    if function not in JOINT_FUNCTIONS or (entity.get('name') or 'robot') != asset:
        return config
    patterns, ordered = entity.get('joint_names') or ['.*'], bool(entity.get('preserve_order'))
    names = _resolved(patterns, joints, f'{where}.params.asset_cfg.joint_names', ordered)
    entity = {**entity, 'name': asset, 'joint_names': names, 'preserve_order': True}
    return {**config, 'params': {**params, 'asset_cfg': entity}}


def _resolved(
    patterns: str | Sequence[str], joints: RobotJoints, where: str, preserve_order: bool = False
) -> list[str]:
    """Return the names that patterns match as a whole, as Isaac Lab's resolve_matching_names orders them.

    They stand in the order of the joints, with preserve_order in that of the patterns.
    """
    patterns = [patterns] if isinstance(patterns, str) else list(patterns)
    matches = {pattern: [name for name in joints.names if _fits(pattern, name, where)] for pattern in patterns}
    for pattern, names in matches.items():
        if not names:
            raise ConfigurationError(
                f"{where}: the pattern '{pattern}' matches none of the joints of {joints.source}: "
                f'{", ".join(joints.names)}',
                where=where,
                got=pattern,
                expected='a pattern that matches a joint',
                choices=joints.names,
            )
    found = [name for names in matches.values() for name in names]
    twice = next((name for name in found if found.count(name) > 1), None)
    if twice:
        both = ' and '.join(f"'{pattern}'" for pattern, names in matches.items() if twice in names)
        raise ConfigurationError(f"{where}: joint '{twice}' matches {both}; Isaac Lab takes one pattern for each joint")
    return found if preserve_order else sorted(found, key=joints.names.index)


def _fits(pattern: str, name: str, where: str) -> bool:
    try:
        return re.fullmatch(pattern, name) is not None
    except re.error as error:
        raise ConfigurationError(f"{where}: '{pattern}' is no regular expression: {error}") from error


def _known(config: YamlTree, joints: RobotJoints) -> YamlTree:
    """Return an asset's config with the default state of its joints, and their limits, hard and soft.

    Limits are name → [lower, upper] (rad or m), of joints that have any. Soft ones that nobody states are their
    middle ± half their range times the factor of the config.
    """
    state = dict(config.get('init_state') or {})
    for key, numbers in (('joint_pos', joints.positions), ('joint_vel', joints.velocities)):
        if set(numbers) == set(joints.names):
            state[key] = {re.escape(name): number for name, number in numbers.items()}
    factor = config.get('soft_joint_pos_limit_factor')
    factor = float(factor) if isinstance(factor, (int, float)) else 1.0
    hard, soft = dict[str, list[float]](), dict[str, list[float]]()
    for name, limits in joints.limits.items():
        if math.isfinite(limits.upper - limits.lower):
            middle, half = (limits.lower + limits.upper) / 2.0, (limits.upper - limits.lower) / 2.0 * factor
            hard[name] = [limits.lower, limits.upper]
            soft[name] = list(joints.soft.get(name, (middle - half, middle + half)))
    stated = {'init_state': state} if state else {}
    return {**config, **stated, 'joint_pos_limits': hard, 'soft_joint_pos_limits': soft}
