# SPDX-License-Identifier: Apache-2.0
"""Layouts of Isaac Lab's environments, read from a run's own params/env.yaml."""

from collections.abc import Iterator, Mapping, Sequence
import math
from typing import Any

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.policy.layouts.isaaclab_actions import read_action
from rl_policy_node.policy.layouts.isaaclab_joints import with_joints
from rl_policy_node.policy.layouts.isaaclab_notes import drive_notes, frame_notes, observation_notes
from rl_policy_node.policy.layouts.isaaclab_quaternions import convention, order
from rl_policy_node.policy.layouts.isaaclab_terms import read_term
from rl_policy_node.policy.layouts.layout import Layout, LayoutAction, LayoutTerm
from rl_policy_node.policy.layouts.robot_joints import RobotJoints
from rl_policy_node.policy.shared_types import Shape, YamlTree

_GROUP_SETTINGS = ('concatenate_terms', 'concatenate_dim', 'enable_corruption', 'history_length', 'flatten_history_dim')
# Factory's and Forge's terms -> size, quantity, subject, unit, description
_FACTORY = {
    'fingertip_pos': (3, 'position', 'ee', 'm', 'position of panda_fingertip_centered'),
    'fingertip_pos_rel_fixed': (
        3,
        'relative_position',
        'ee',
        'm',
        'position of panda_fingertip_centered minus that of the fixed part',
    ),
    'fingertip_quat': (
        4,
        'orientation',
        'ee',
        '1',
        'orientation of panda_fingertip_centered: quaternion in the order {order}',
    ),
    'ee_linvel': (3, 'linear_velocity', 'ee_velocity', 'm/s', 'velocity of the fingertips, by differences'),
    'ee_angvel': (3, 'angular_velocity', 'ee_velocity', 'rad/s', 'angular velocity of the fingertips, by differences'),
    'force_threshold': (1, 'other', 'ee', 'N', 'contact force that the policy is to stay below'),
    'ft_force': (3, 'force', 'ft_sensor', 'N', 'force at the sensor of the wrist, smoothed'),
}


def read_layout(env: YamlTree, params: YamlTree, joints: RobotJoints | None = None) -> Layout | None:
    """Return the Layout of a run's env.yaml, None where it says nothing of observations.

    env: env.yaml as plain data (Python's tags taken apart). params: rl_games' params of agent.yaml. joints: of the
    robot of a manager-based task, None for not known.
    Sizes that only the simulator knows are None with a `count`; `complete` fills in what follows from the policy's.
    Raises ConfigurationError for a pattern that matches none of the joints, and for joints of a direct task.
    """
    if joints and not isinstance(env.get('observations'), dict):
        raise ConfigurationError(
            f'{joints.source}: the run is of a direct task, whose env.yaml has no patterns of joints; joints are '
            'for manager-based tasks'
        )
    env = with_joints(env, joints) if joints else env
    if isinstance(env.get('observations'), dict):
        inputs = _groups(env, params)
    else:
        inputs = _direct(env)
    if inputs is None:
        return None
    wrapper = params.get('env') or {}
    return Layout(
        task=str(params.get('config', {}).get('name') or ''),
        inputs=inputs,
        actions=_actions(env),
        notes=tuple(_notes(env, wrapper, inputs)),
        control_rate=_rate(env),
        clip_observations=_bound(wrapper.get('clip_observations')),
    )


def _groups(env: YamlTree, params: YamlTree) -> dict[str, tuple[LayoutTerm, ...]] | None:
    """Return the inputs of a manager-based environment: the groups that the wrapper hands to the policy."""
    wrapper, observations = params.get('env') or {}, env['observations']
    groups = {name: observations[name] for name in _taken(wrapper) if isinstance(observations.get(name), dict)}
    if not groups:
        return None
    terms = {name: _terms(group, env) for name, group in groups.items()}
    if len(groups) == 1 and not next(iter(groups.values())).get('concatenate_terms', True):
        return {term.name: (term,) for term in next(iter(terms.values()))}
    if not wrapper.get('concate_obs_groups', True):
        return terms
    return {'obs': sum(terms.values(), ())}


def _taken(wrapper: YamlTree) -> list[str]:
    """Return the groups that the wrapper hands to the policy; wrapper: params.env of agent.yaml."""
    return (wrapper.get('obs_groups') or {}).get('obs') or ['policy']


def _terms(group: YamlTree, env: YamlTree) -> tuple[LayoutTerm, ...]:
    return tuple(
        read_term(name, config, env, group)
        for name, config in group.items()
        if name not in _GROUP_SETTINGS and isinstance(config, dict)
    )


def _direct(env: YamlTree) -> dict[str, tuple[LayoutTerm, ...]] | None:
    """Return the input of an environment of the direct workflow, whose config says sizes and nothing more."""
    size = env.get('observation_space', env.get('num_observations'))
    if env.get('obs_order'):
        return {'obs': (*(_factory(name, env) for name in env['obs_order']), _smoothed_actions(env))}
    if size is None:
        return None
    if isinstance(size, dict):
        return {name: (_undescribed(name, shape),) for name, shape in size.items()}
    return {'obs': (_undescribed('observation', size),)}


def _undescribed(name: str, shape: object) -> LayoutTerm:
    return LayoutTerm(
        name,
        _shape(shape),
        'unknown',
        description='what it is made of, the code of the task says: _get_observations of its environment',
    )


def _shape(size: object) -> Shape | None:
    """Return a space of the config as a shape; a text (a space of gymnasium's own) says nothing here."""
    if isinstance(size, int) and not isinstance(size, bool):
        return (size,)
    if isinstance(size, (list, tuple)) and size and all(isinstance(n, int) for n in size):
        return tuple(size)
    return None


def _factory(name: str, env: YamlTree) -> LayoutTerm:
    if name not in _FACTORY:
        return LayoutTerm(name, None, 'unknown', description='not an observation of the released environment')
    size, quantity, subject, unit, description = _FACTORY[name]
    quaternion = convention(env) if quantity == 'orientation' else 'xyzw'
    return LayoutTerm(
        name,
        (size,),
        quantity=quantity,
        subject=subject,
        frame='environment',
        unit=unit,
        convention=quaternion,
        description=description.format(order=order(quaternion)),
        relative_to='fixed_part' if quantity == 'relative_position' else '',
    )


def _smoothed_actions(env: YamlTree) -> LayoutTerm:
    shape = _shape(env.get('action_space', env.get('num_actions')))
    ema = (env.get('ctrl') or {}).get('ema_factor', 'ctrl.ema_factor')
    return LayoutTerm(
        'prev_actions',
        shape,
        count='actions',
        subject='smoothed_actions',
        description='the smoothed '
        f'action: {ema} * action + (1 - {ema}) * smoothed action before, zeros at the start; not the '
        'action that the policy gave',
    )


def _actions(env: YamlTree) -> tuple[LayoutAction, ...]:
    if isinstance(env.get('actions'), dict):
        return tuple(
            read_action(name, config, env) for name, config in env['actions'].items() if isinstance(config, dict)
        )
    shape = _shape(env.get('action_space', env.get('num_actions')))
    scale = env.get('action_scale')
    law = 'what the code of the task says: _pre_physics_step of its environment'
    law += f'; action_scale is {scale}' if scale is not None else ''
    return (LayoutAction('action', None if shape is None else math.prod(shape), count='actions', law=law),)


def _notes(env: YamlTree, wrapper: YamlTree, inputs: Mapping[str, Sequence[LayoutTerm]]) -> Iterator[str]:
    terms = [term for group in inputs.values() for term in group]
    if any(term.count.startswith('joints') and not term.joints and term.subject == 'joints' for term in terms):
        yield (
            "joints come in the simulator's order (breadth first from the base), which no file of the run holds: "
            "env.scene['robot'].joint_names in the simulator prints it"
        )
    yield from observation_notes(env, _taken(wrapper))
    yield from drive_notes(env)
    yield from frame_notes(env, terms)
    if env.get('obs_order'):
        yield 'actions were smoothed (ctrl.ema_factor) and bound to a box around the fixed part before the controller'
    if wrapper.get('clip_actions') is not None:
        yield f'actions were clipped to ± {wrapper["clip_actions"]} (params.env.clip_actions)'


def _rate(env: YamlTree) -> float | None:
    dt = (env.get('sim') or {}).get('dt')
    return 1.0 / (float(dt) * int(env.get('decimation') or 1)) if dt else None


def _bound(value: Any) -> float:
    return float(value) if value and value > 0 else math.inf
