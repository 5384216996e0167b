# SPDX-License-Identifier: Apache-2.0
"""Layouts of Isaac Lab's environments, read from a run's own params/env.yaml."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import chain
import math
from typing import Any

from rl_policy_node.policy.layouts.isaaclab_actions import read_action
from rl_policy_node.policy.layouts.isaaclab_direct import JOINT_COUNTS, read_direct, undescribed_action
from rl_policy_node.policy.layouts.isaaclab_joints import acting_asset, with_joints, with_order
from rl_policy_node.policy.layouts.isaaclab_names import place_of, stated_order
from rl_policy_node.policy.layouts.isaaclab_notes import drive_limits, drive_notes, frame_notes, observation_notes
from rl_policy_node.policy.layouts.isaaclab_terms import read_term
from rl_policy_node.policy.layouts.layout import Layout, LayoutAction, LayoutTerm
from rl_policy_node.policy.layouts.robot_joints import RobotJoints
from rl_policy_node.policy.layouts.scene_merge import attributed, completed
from rl_policy_node.policy.layouts.simulator_scene import Scene
from rl_policy_node.policy.shared_types import YamlTree

_GROUP_SETTINGS = ('concatenate_terms', 'concatenate_dim', 'enable_corruption', 'history_length', 'flatten_history_dim')


def read_layout(
    env: YamlTree, params: YamlTree, joints: RobotJoints | None = None, scene: Scene | None = None
) -> Layout | None:
    """Return the Layout of a run's env.yaml, None where it says nothing of observations.

    env: env.yaml as plain data (Python's tags taken apart). params: rl_games' params of agent.yaml. joints: of the
    robot, or scene: what the simulator says, whose numbers count; None for not known.
    Sizes that only the simulator knows are None with a `count`; `complete` fills in what follows from the policy's.
    Raises ConfigurationError for a pattern that matches none of the joints, and for joints of a task without.
    """
    order = stated_order(env, acting_asset(env))
    if order and joints is None and scene is None and _is_managed(env):
        joints = RobotJoints(order, 'joint_ordering in env.yaml')
    layout = _read(env, params, joints)
    if scene is None or layout is None:
        return layout
    unstated = {name: replace(each, positions={}, velocities={}) for name, each in scene.articulations.items()}
    named, full = (_read(_with_scene(env, robots), params) for robots in (unstated, scene.articulations))
    complete = completed(full, scene)
    assert named is not None and complete is not None, 'the files say as much of it'
    return attributed(layout, named, complete, scene.source, 'env.yaml')


def _is_managed(env: YamlTree) -> bool:
    return isinstance(env.get('observations'), dict)


def _with_scene(env: YamlTree, robots: Mapping[str, RobotJoints]) -> YamlTree:
    """Return env.yaml with the joints of each of its assets that the simulator names."""
    stating = with_joints if _is_managed(env) else with_order
    for asset, joints in robots.items():
        if place_of(env, asset):
            env = stating(env, joints, asset)
    return env


def _read(env: YamlTree, params: YamlTree, joints: RobotJoints | None = None) -> Layout | None:
    if joints and _is_managed(env):
        env = with_joints(env, joints, acting_asset(env))
    layout = _managed(env, params) if _is_managed(env) else read_direct(env, joints)
    if layout is None:
        return None
    wrapper = params.get('env') or {}
    return replace(
        layout,
        task=str(params.get('config', {}).get('name') or ''),
        notes=tuple(_notes(layout, env, wrapper)),
        control_rate=_rate(env),
        clip_observations=min(layout.clip_observations, _bound(wrapper.get('clip_observations'))),
        limits=joints.limits if joints else {},
        drives=drive_limits(env, [name for action in layout.actions for name in action.joints]),
    )


def _managed(env: YamlTree, params: YamlTree) -> Layout | None:
    """Return the Layout of a manager-based environment."""
    inputs, actions = _groups(env, params), env.get('actions')
    if inputs is None:
        return None
    return Layout(
        task='',
        inputs=inputs,
        actions=_actions(actions, env) if isinstance(actions, dict) else (undescribed_action(env),),
        notes=(*observation_notes(env, _taken(params)), *frame_notes(env, [*chain(*inputs.values())])),
        source='the managers in env.yaml',
    )


def _groups(env: YamlTree, params: YamlTree) -> dict[str, tuple[LayoutTerm, ...]] | None:
    """Return the inputs of a manager-based environment: the groups that the wrapper hands to the policy."""
    wrapper, observations = params.get('env') or {}, env['observations']
    groups = {name: observations[name] for name in _taken(params) if isinstance(observations.get(name), dict)}
    if not groups:
        return None
    terms = {name: _terms(group, env) for name, group in groups.items()}
    if len(groups) == 1 and not next(iter(groups.values())).get('concatenate_terms', True):
        return {term.name: (term,) for term in next(iter(terms.values()))}
    if not wrapper.get('concate_obs_groups', True):
        return terms
    return {'obs': sum(terms.values(), ())}


def _taken(params: YamlTree) -> list[str]:
    """Return the groups that the wrapper hands to the policy; params: of agent.yaml."""
    return ((params.get('env') or {}).get('obs_groups') or {}).get('obs') or ['policy']


def _actions(terms: YamlTree, env: YamlTree) -> tuple[LayoutAction, ...]:
    return tuple(read_action(name, config, env) for name, config in terms.items() if isinstance(config, dict))


def _terms(group: YamlTree, env: YamlTree) -> tuple[LayoutTerm, ...]:
    return tuple(
        read_term(name, config, env, group)
        for name, config in group.items()
        if name not in _GROUP_SETTINGS and isinstance(config, dict)
    )


def _notes(layout: Layout, env: YamlTree, wrapper: YamlTree) -> Iterator[str]:
    """Yield what the robot's side has to know: the order of joints, the environment's own notes, drives and clips."""
    pieces: list[LayoutTerm | LayoutAction] = [*layout.actions, *chain(*layout.inputs.values())]
    of_robot = [piece for piece in pieces if piece.subject == 'joints' and piece.count.startswith(JOINT_COUNTS)]
    if not all(piece.joints for piece in of_robot):
        yield (
            "joints come in the simulator's order (breadth first from the base), which no file of the run holds: "
            "env.scene['robot'].joint_names in the simulator prints it"
        )
    yield from layout.notes
    yield from drive_notes(env)
    if wrapper.get('clip_actions') is not None:
        yield f'actions were clipped to ± {wrapper["clip_actions"]} (params.env.clip_actions)'


def _rate(env: YamlTree) -> float | None:
    dt = (env.get('sim') or {}).get('dt')
    return 1.0 / (float(dt) * int(env.get('decimation') or 1)) if dt else None


def _bound(value: Any) -> float:
    return float(value) if value and value > 0 else math.inf
