"""Action terms of Isaac Lab's manager-based environments, by the name of their class."""
from rl_policy_node.policy.layouts.isaaclab_names import count_of, default_positions, joint_names, per_joint
from rl_policy_node.policy.layouts.layout import LayoutAction

_LIMITS = 'action scaled from -1 .. 1 to the soft limits of the joint'
# Class -> law; in it {scale} and {offset} are the config's own.
_JOINT_LAWS = {
    'RelativeJointPositionAction': 'target = measured position + {scale} * action + {offset}',
    'JointVelocityAction': 'joint velocity = {scale} * action + offset (the default velocity, usually 0)',
    'JointEffortAction': 'joint effort = {scale} * action + {offset}',
    'JointPositionToLimitsAction': f'target = {{scale}} * {_LIMITS}',
    'EMAJointPositionToLimitsAction': f'target = alpha * ({{scale}} * {_LIMITS}) + (1 - alpha) * target sent before, '
                                      'alpha = {alpha}',
}


def read_action(name, config, env):
    """Return the LayoutAction of an action term's config."""
    kind = str(config.get('class_type') or '').rpartition(':')[2].rpartition('.')[2]
    if kind == 'JointPositionAction':
        return _joint_position(name, config, env)
    if kind in _JOINT_LAWS:
        values = {'scale': config.get('scale', 1.0), 'offset': config.get('offset', 0.0), 'alpha': config.get('alpha')}
        return LayoutAction(name, law=_JOINT_LAWS[kind].format(**values), **_of_joints(config))
    if kind.startswith(('Binary', 'AbsBinary')):
        return LayoutAction(name, 1, subject='joints', law=f'open {config.get("open_command_expr")} where the action '
                            f'is 0 or more, else close {config.get("close_command_expr")}')
    if kind == 'DifferentialInverseKinematicsAction':
        return _inverse_kinematics(name, config)
    size = 2 if kind == 'NonHolonomicAction' else None
    return LayoutAction(name, size, count='' if size else f'actions of {name}',
                        law=f"that of {config.get('class_type')}, with the run's own configuration")


def _of_joints(config):
    """What all actions on joints have in common: their names where the file tells the order, else their count."""
    patterns, asset = config.get('joint_names'), config.get('asset_name') or 'robot'
    names = joint_names(patterns)
    ordered = names if config.get('preserve_order') or len(names) == 1 else ()
    return {'size': len(names) or None, 'subject': 'joints', 'joints': ordered, 'count': count_of(patterns, asset)}


def _joint_position(name, config, env):
    known = _of_joints(config)
    default = config.get('use_default_offset', True)
    asset = config.get('asset_name') or 'robot'
    offset = (default_positions(env, asset, known['joints']) if default else
              per_joint(config.get('offset', 0.0), known['joints']))
    where = 'default position (init_state.joint_pos)' if default else str(config.get('offset', 0.0))
    law = f'target = {config.get("scale", 1.0)} * action + {where}'
    if not known['joints']:
        law += ', joints in the order of the simulator'
    if config.get('clip'):
        law += f', clipped to {config["clip"]}'
    return LayoutAction(name, kind='joint_position', law=law, offset=offset,
                        scale=per_joint(config.get('scale', 1.0), known['joints'], 1.0), **known)


def _inverse_kinematics(name, config):
    controller = config.get('controller') or {}
    relative, position = controller.get('use_relative_mode'), controller.get('command_type') == 'position'
    size = 3 if position else 6 if relative else 7
    what = 'change of the pose of' if relative else 'pose of'
    parts = 'position' if position else 'position, rotation vector' if relative else 'position, quaternion w x y z'
    return LayoutAction(name, size, subject='ee', law=f'{what} {config.get("body_name")} in the frame of the base = '
                        f'{config.get("scale", 1.0)} * action ({parts}), tracked by differential inverse kinematics')
