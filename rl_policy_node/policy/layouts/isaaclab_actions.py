# SPDX-License-Identifier: Apache-2.0
"""Action terms of Isaac Lab's manager-based environments, by the name of their class."""

import math
from typing import Any

from rl_policy_node.policy.layouts.isaaclab_multirotor import thrust_action
from rl_policy_node.policy.layouts.isaaclab_names import (
    count_of,
    default_state,
    in_words,
    initial,
    joint_names,
    limit_factor,
    limits_of,
    per_joint,
    subject_of,
)
from rl_policy_node.policy.layouts.isaaclab_quaternions import convention, order
from rl_policy_node.policy.layouts.layout import LayoutAction
from rl_policy_node.policy.shared_types import Numbers, YamlTree

_LIMITS = 'action scaled from -1 .. 1 to the soft limits of the joint'
_RANGE = 'offset = middle of the limits, scale = half of their range times {scale}'
# Class -> kind, law; in it {scale}, {offset} and {alpha} are the config's own.
_JOINT_LAWS = {
    'RelativeJointPositionAction': ('joint_delta', 'target = measured position + {scale} * action + {offset}'),
    'JointVelocityAction': ('joint_velocity', 'joint velocity = {scale} * action + {offset}'),
    'JointEffortAction': ('effort', 'joint effort = {scale} * action + {offset}'),
    'JointPositionToLimitsAction': ('joint_position', f'target = {{scale}} * {_LIMITS}: {_RANGE}'),
    'EMAJointPositionToLimitsAction': (
        'joint_position',
        f'target = alpha * ({{scale}} * {_LIMITS}: {_RANGE}) + (1 - alpha) * target sent before, alpha = {{alpha}}',
    ),
}
_XYZW, _WXYZ = (0.0, 0.0, 0.0, 1.0), (1.0, 0.0, 0.0, 0.0)
# Convention -> quaternions of no turn
_UNTURNED = {'xyzw': (_XYZW,), 'wxyz': (_WXYZ,), None: (_XYZW, _WXYZ)}


def read_action(name: str, config: YamlTree, env: YamlTree) -> LayoutAction:
    """Return the LayoutAction of an action term's config."""
    kind = str(config.get('class_type') or '').rpartition(':')[2].rpartition('.')[2]
    if kind == 'JointPositionAction':
        return _joint_position(name, config, env)
    if kind in _JOINT_LAWS:
        return _joints(name, kind, config, env)
    if kind.startswith(('Binary', 'AbsBinary')):
        return _gripper(name, kind, config)
    if kind == 'DifferentialInverseKinematicsAction':
        return _inverse_kinematics(name, config, env)
    size = 2 if kind == 'NonHolonomicAction' else None
    return thrust_action(name, config, env) or LayoutAction(
        name,
        size,
        count='' if size else f'actions of {name}',
        law=f"that of {config.get('class_type')}, with the run's own configuration",
    )


def _joints(name: str, kind: str, config: YamlTree, env: YamlTree) -> LayoutAction:
    """Return an action on joints; `other` where its configuration asks for more than the node's kind has."""
    known, (node_kind, law) = _of_joints(config), _JOINT_LAWS[kind]
    offset, scale = config.get('offset', 0.0), per_joint(config.get('scale', 1.0), known['joints'], 1.0)
    if kind == 'JointVelocityAction' and config.get('use_default_offset', True):
        offset = initial(env, config.get('asset_name') or 'robot').get('joint_vel', 0.0)
    law = law.format(scale=config.get('scale', 1.0), offset=offset, alpha=config.get('alpha'))
    numbers: dict[str, Any] = {'scale': scale, 'offset': per_joint(offset, known['joints'])}
    if 'ToLimits' in kind:
        law += limit_factor(env, config.get('asset_name') or 'robot')
        numbers = {
            **_within_limits(config, known['joints'], env),
            'clip': _reach(config, known['joints']),
            'smoothing': config.get('alpha') if kind.startswith('EMA') else 1.0,
        }
        exact = (
            numbers['clip'] is not None
            and isinstance(numbers['smoothing'], (int, float))
            and config.get('rescale_to_limits', True)
        )
    else:
        exact = kind != 'RelativeJointPositionAction' or numbers['offset'] in ((0.0,), ())
    if node_kind == 'joint_delta':
        numbers.update(offset=(), integrate='observed')
    law += f', clipped to {config["clip"]}' if config.get('clip') else ''
    bounds = _bounded(config['clip'], known['joints'], node_kind) if config.get('clip') else {}
    if bounds is None or not exact:
        return LayoutAction(name, law=law, **known)
    if numbers['offset'] == (0.0,):
        numbers['offset'] = ()
    return LayoutAction(name, kind=node_kind, law=law, **numbers, **bounds, **known)


def _within_limits(config: YamlTree, joints: tuple[str, ...], env: YamlTree) -> dict[str, Numbers | None]:
    """Return offset and scale of an action that the soft limits of the joints scale, None where they are not known."""
    limits = limits_of(env, config.get('asset_name') or 'robot', joints)
    scale = per_joint(config.get('scale', 1.0), joints, 1.0)
    if limits is None or scale is None:
        return {'offset': None, 'scale': None}
    middles, halves = limits
    each = scale * len(halves) if len(scale) == 1 else scale
    scales = tuple(float(f'{number * half:.12g}') for number, half in zip(each, halves))
    return {'offset': middles, 'scale': scales}


def _reach(config: YamlTree, joints: tuple[str, ...]) -> float | None:
    """Return how far an action counts before its joint is at its limit, None where joints differ."""
    scale = per_joint(config.get('scale', 1.0), joints, 1.0)
    return 1.0 / abs(scale[0]) if scale and len(scale) == 1 and scale[0] else None


def _gripper(name: str, kind: str, config: YamlTree) -> LayoutAction:
    """Return a gripper; its one action commands all joints, so that they may be named in any order."""
    names = joint_names(config.get('joint_names'))
    opened, closed = (_command(config.get(f'{end}_command_expr') or {}, names) for end in ('open', 'close'))
    law = (
        f'open {config.get("open_command_expr")} where the action is 0 or more, else close '
        f'{config.get("close_command_expr")}'
    )
    subject = subject_of(config.get('asset_name') or 'robot')
    if kind != 'BinaryJointPositionAction' or not opened or not closed or config.get('clip'):
        return LayoutAction(name, 1, subject=subject, law=law)
    return LayoutAction(name, 1, kind='gripper', subject=subject, joints=names, open=opened, closed=closed, law=law)


def _command(values: YamlTree, names: tuple[str, ...]) -> Numbers | None:
    """Return one number each for `names`, or the one that all patterns have: every joint matches one of them."""
    numbers = set(values.values())
    return (float(*numbers),) if len(numbers) == 1 else per_joint(values, names) if names else None


def _of_joints(config: YamlTree) -> YamlTree:
    """Return what all actions on joints have in common: their names if the file tells the order, else their count."""
    patterns, asset = config.get('joint_names'), config.get('asset_name') or 'robot'
    names = joint_names(patterns)
    ordered = names if config.get('preserve_order') or len(names) == 1 else ()
    return {
        'size': len(names) or None,
        'subject': subject_of(asset),
        'joints': ordered,
        'count': count_of(patterns, asset),
    }


def _joint_position(name: str, config: YamlTree, env: YamlTree) -> LayoutAction:
    known = _of_joints(config)
    default = config.get('use_default_offset', True)
    asset = config.get('asset_name') or 'robot'
    offset = (
        default_state(env, asset, known['joints']) if default else per_joint(config.get('offset', 0.0), known['joints'])
    )
    where = 'default position (init_state.joint_pos)' if default else str(config.get('offset', 0.0))
    law = f'target = {config.get("scale", 1.0)} * action + {where}'
    if not known['joints']:
        law += ', joints in the order of the simulator'
    if offset is None and default:
        law += f'; offset: init_state.joint_pos of {asset}: {in_words(initial(env, asset)["joint_pos"])}'
    bounds: dict[str, Any] | None = {}
    if config.get('clip'):
        law += f', clipped to {config["clip"]}'
        bounds = _clipped(config['clip'], known['joints'])
    return LayoutAction(
        name,
        kind='other' if bounds is None else 'joint_position',
        law=law,
        offset=offset,
        scale=per_joint(config.get('scale', 1.0), known['joints'], 1.0),
        **(bounds or {}),
        **known,
    )


def _bounded(clip: YamlTree, joints: tuple[str, ...], kind: str) -> dict[str, Any] | None:
    """Return the bound of commands whose sides are alike, None for another clip, which the node's kind has not."""
    sides, bound = _clipped(clip, joints), {'joint_velocity': 'max_velocity', 'effort': 'max_effort'}.get(kind)
    if sides is None or bound is None or any(low != -high for low, high in zip(sides['lower'], sides['upper'])):
        return None
    return {bound: sides['upper']} if all(map(math.isfinite, sides['upper'])) else None


def _clipped(clip: YamlTree, joints: tuple[str, ...]) -> dict[str, Any] | None:
    """Return lower and upper of `pattern: [least, greatest]`, None where that takes the joints' names."""
    sides = {
        name: per_joint({pattern: pair[side] for pattern, pair in clip.items()}, joints, infinite)
        for name, side, infinite in (('lower', 0, -math.inf), ('upper', 1, math.inf))
    }
    return None if None in sides.values() else sides


def _inverse_kinematics(name: str, config: YamlTree, env: YamlTree) -> LayoutAction:
    controller = config.get('controller') or {}
    relative, position = controller.get('use_relative_mode'), controller.get('command_type') == 'position'
    size = 3 if position else 6 if relative else 7
    what = 'change of the pose of' if relative else 'pose of'
    parts = (
        'position'
        if position
        else 'position, rotation vector'
        if relative
        else f'position, quaternion {order(convention(env))}'
    )
    scales: dict[str, Any] = {}
    if relative and not position and not config.get('clip') and not _affine(config):
        scale = config.get('scale', 1.0)
        six = [float(n) for n in scale] if isinstance(scale, (list, tuple)) else [float(scale)] * 6
        # the controller's own: turns up to 1e-6 rad are none
        scales = {
            'kind': 'pose_delta',
            'position_scale': tuple(six[:3]),
            'rotation_scale': tuple(six[3:]),
            'rotation_threshold': 1e-6,
        }
    body = str(config.get('body_name'))
    away = _body_offset(config.get('body_offset') or {}, env)
    frame = f'the frame that lies {away} {body} (body_offset)' if away else body
    law = f'{what} {frame} in the frame of the base = {config.get("scale", 1.0)} * action ({parts})'
    law += _affine(config)
    measured = f'pose of {frame} in the frame of the base'
    if away:
        measured += f'; a controller that tracks {body} itself ends up as far from the targets'
    return LayoutAction(
        name, size, subject='ee', **scales, law=f'{law}, tracked by differential inverse kinematics', measured=measured
    )


def _affine(config: YamlTree) -> str:
    """Return the offset of an action of inverse kinematics in words, '' for none."""
    offset = config.get('offset')
    numbers = offset if isinstance(offset, (list, tuple)) else [offset or 0.0]
    return f' + {offset}' if any(numbers) else ''


def _body_offset(offset: YamlTree, env: YamlTree) -> str:
    """Return where the controlled frame lies in the frame of the body, in words, '' for at the body."""
    position, rotation = offset.get('pos') or (), tuple(offset.get('rot') or ())
    where = f'({", ".join(map(str, position))}) m' if any(position) else ''
    if rotation and rotation not in _UNTURNED[convention(env)]:
        turn = f'turned by the quaternion ({", ".join(map(str, rotation))}), {order(convention(env))},'
        where = f'{where} and {turn}' if where else turn
    return f'{where} from' if where else ''
