# SPDX-License-Identifier: Apache-2.0
"""Observation terms of Isaac Lab's manager-based environments, by the name of their function."""

import math
from typing import Any

from rl_policy_node.policy.layouts.isaaclab_names import count_of, default_positions, joint_names
from rl_policy_node.policy.layouts.isaaclab_quaternions import convention, order
from rl_policy_node.policy.layouts.layout import LayoutTerm
from rl_policy_node.policy.shared_types import Numbers, Shape, YamlTree

_QUATERNION = 'unit quaternion in the order {order}'
# Function -> size, quantity, subject, frame, unit, description
_FIXED = {
    'base_pos_z': (1, 'position', 'base', 'world', 'm', 'height of the base in the world'),
    'base_lin_vel': (3, 'linear_velocity', 'base', 'base', 'm/s', 'velocity of the base in its own frame'),
    'base_ang_vel': (3, 'angular_velocity', 'base', 'base', 'rad/s', 'angular velocity of the base in its own frame'),
    'projected_gravity': (3, 'gravity', 'base', 'base', '1', "unit vector along gravity in the base's frame"),
    'root_pos_w': (3, 'position', 'base', 'environment', 'm', 'position of the base in its environment'),
    'root_quat_w': (4, 'orientation', 'base', 'world', '1', f'orientation of the base: {_QUATERNION}'),
    'root_lin_vel_w': (3, 'linear_velocity', 'base', 'world', 'm/s', 'velocity of the base in the world'),
    'root_ang_vel_w': (3, 'angular_velocity', 'base', 'world', 'rad/s', 'angular velocity of the base in the world'),
    'imu_orientation': (4, 'orientation', 'imu', 'world', '1', f'orientation of the IMU: {_QUATERNION}'),
    'imu_projected_gravity': (3, 'gravity', 'imu', 'imu', '1', "unit vector along gravity in the IMU's frame"),
    'imu_ang_vel': (3, 'angular_velocity', 'imu', 'imu', 'rad/s', 'angular velocity of the IMU in its own frame'),
    'imu_lin_acc': (
        3,
        'linear_acceleration',
        'imu',
        'imu',
        'm/s²',
        'linear acceleration of the IMU in its own frame, as simulated',
    ),
    'object_position_in_robot_root_frame': (
        3,
        'position',
        'object',
        'base',
        'm',
        "position of the object in the frame of the robot's base",
    ),
}
# Function -> quantity, unit, whether the default positions are taken off, description
_JOINTS = {
    'joint_pos': ('joint_position', 'rad, m', False, 'position of each joint'),
    'joint_pos_rel': ('joint_position', 'rad, m', True, 'position of each joint minus its default position'),
    'joint_vel': ('joint_velocity', 'rad/s, m/s', False, 'velocity of each joint'),
    'joint_vel_rel': ('joint_velocity', 'rad/s, m/s', False, 'velocity of each joint'),
    'joint_effort': ('joint_effort', 'N m, N', False, 'effort applied at each joint'),
    'joint_pos_limit_normalized': (
        'joint_position',
        'rad, m',
        None,
        'position of each joint, from its soft limits '
        'to -1 .. 1: offset = (lower + upper) / 2, scale = {scale} / (upper - lower)',
    ),
}
# their offset and scale are the limits of the robot, which no file of the run holds
_BY_LIMITS = ('joint_pos_limit_normalized',)
# Class of the command -> size, quantity, description
_COMMANDS = {
    'VelocityCommand': (3, 'command', 'm/s, m/s, rad/s', 'wanted velocity along x and y of the base, wanted yaw rate'),
    'Pose2dCommand': (4, 'other', 'm, rad', 'wanted position x, y, z and heading in the frame of the base'),
    'PoseCommand': (7, 'pose', 'm', f'wanted position x, y, z and orientation in the frame of the base; {_QUATERNION}'),
    'ReOrientationCommand': (7, 'pose', 'm', f'wanted position x, y, z and orientation of the object; {_QUATERNION}'),
}


def read_term(name: str, config: YamlTree, env: YamlTree, group: YamlTree) -> LayoutTerm:
    """Return the LayoutTerm of an observation term's config."""
    function = str(config.get('func') or '').rpartition(':')[2].rpartition('.')[2]
    known = _known(function, config.get('params') or {}, env)
    offset: Numbers | None = known.pop('offset', ())
    scale: Numbers | None = _numbers(config.get('scale'))
    bounds = _bounds(config.get('clip'))
    if known.get('difference_to_mean'):
        known, scale = _of_bytes(known, scale or (1.0,), bounds)
    description = known.pop('description', f'computed by {config.get("func")}')
    if config.get('modifiers'):
        description += '; modifiers changed it further, see the run'
    if function in _BY_LIMITS:
        known, offset, scale, description = _by_limits(known, _numbers(config.get('scale')), bounds, description)
        bounds = {}
    history, flat = _history(config, group)
    return LayoutTerm(
        name=name,
        **{**known, 'shape': _stacked(known['shape'], history, flat)},
        offset=offset,
        scale=scale,
        history=history,
        description=description,
        **bounds,
    )


def _known(function: str, params: YamlTree, env: YamlTree) -> YamlTree:
    if function in _FIXED:
        size, quantity, subject, frame, unit, description = _FIXED[function]
        return {
            'shape': (size,),
            'quantity': quantity,
            'subject': subject,
            'frame': frame,
            'unit': unit,
            'description': description,
            **_quaternion(quantity, params, env, description),
            'elements': (2,) if function == 'base_pos_z' else (),
        }
    if function in _JOINTS:
        return _joints(function, params.get('asset_cfg') or {}, env)
    if function == 'last_action':
        return {
            'shape': None,
            'kind': 'last_action',
            'quantity': 'last_action',
            'count': _last(params),
            'description': 'the action before it was scaled, as the policy gave it',
        }
    special = {'generated_commands': _command, 'height_scan': _height_scan, 'image': _image}
    return special[function](params, env) if function in special else {'shape': None, 'kind': 'unknown'}


def _by_limits(
    known: YamlTree, scale: Numbers, bounds: YamlTree, description: str
) -> tuple[YamlTree, Numbers | None, Numbers | None, str]:
    """Return known, offset, scale and description of a term that the limits of its joints scale.

    A clip bounds the result: the node clips before it scales, so that the user computes the whole.
    """
    factors = [2.0 * number for number in scale or (1.0,)]
    description = description.format(scale=', '.join(f'{factor:g}' for factor in factors))
    if not bounds:
        return known, None, None, description
    clipped = bounds.get('clip_range') or (-bounds['clip'], bounds['clip'])
    description += f', with {clipped[0]:g} .. {clipped[1]:g} as bounds before the last scale'
    return {**known, 'quantity': 'other'}, (), (), description


def _last(params: YamlTree) -> str:
    return f'actions of {params["action_name"]}' if params.get('action_name') else 'actions'


def _joints(function: str, asset_cfg: YamlTree, env: YamlTree) -> YamlTree:
    quantity, unit, relative, description = _JOINTS[function]
    asset, patterns = asset_cfg.get('name') or 'robot', asset_cfg.get('joint_names')
    names = joint_names(patterns)
    # without preserve_order the simulator's own order counts, and the file does not say it
    ordered = names if asset_cfg.get('preserve_order') or len(names) == 1 else ()
    offset = () if relative is False else None if relative is None else default_positions(env, asset, ordered)
    if not ordered:
        description += (
            '; in the order of the simulator' if not names else f'; {", ".join(names)} in the order of the simulator'
        )
    if offset is None and relative:
        description += ', default: init_state.joint_pos of the scene'
    return {
        'shape': (len(names),) if names else None,
        'quantity': quantity,
        'joints': ordered,
        'unit': unit,
        'subject': 'joints' if asset == 'robot' else asset,
        'offset': () if offset == (0.0,) else offset,
        'count': count_of(patterns, asset),
        'description': description,
    }


def _command(params: YamlTree, env: YamlTree) -> YamlTree:
    name = params.get('command_name')
    kind = str(((env.get('commands') or {}).get(name) or {}).get('class_type') or '')
    for ending, (size, quantity, unit, description) in _COMMANDS.items():
        if kind.endswith(ending):
            return {
                'shape': (size,),
                'quantity': quantity,
                'subject': 'command',
                'unit': unit,
                'frame': 'environment' if ending.startswith('ReOrientation') else 'base',
                'description': description,
                **_quaternion(quantity, params, env, description),
            }
    return {'shape': None, 'subject': 'command', 'description': f"the command '{name}' of {kind or 'the environment'}"}


def _height_scan(params: YamlTree, env: YamlTree) -> YamlTree:
    sensor = (params.get('sensor_cfg') or {}).get('name', 'height_scanner')
    pattern = ((env.get('scene') or {}).get(sensor) or {}).get('pattern_cfg') or {}
    size: Any = pattern.get('size') or ()
    step = pattern.get('resolution')
    points = [math.floor(float(length) / float(step) + 1e-6) + 1 for length in size] if step else []
    order = 'x in the inner order, y in the outer' if pattern.get('ordering', 'xy') == 'xy' else 'y in the inner order'
    grid = f'{points[0]} x {points[1]} points over {size[0]} x {size[1]} m, {order}' if points else 'its rays'
    return {
        'shape': (math.prod(points),) if points else None,
        'quantity': 'height_scan',
        'subject': sensor,
        'frame': 'world',
        'unit': 'm',
        'offset': (float(params.get('offset', 0.5)),),
        'description': f'height of the sensor above what each ray hits, {grid}',
    }


def _image(params: YamlTree, env: YamlTree) -> YamlTree:
    sensor = (params.get('sensor_cfg') or {}).get('name', 'tiled_camera')
    camera = (env.get('scene') or {}).get(sensor) or {}
    data = params.get('data_type', 'rgb')
    channels = {'rgb': 3, 'rgba': 4}.get(data, 1)
    shape = (camera['height'], camera['width'], channels) if camera.get('height') and camera.get('width') else None
    normalised = params.get('normalize', True)
    treated = bool(normalised and data == 'rgb')
    return {
        'shape': shape,
        'quantity': 'image',
        'subject': sensor,
        'difference_to_mean': treated,
        'description': f'{data} image' + (', by 255, minus the mean of each channel over the image' if treated else ''),
    }


def _of_bytes(known: YamlTree, scale: Numbers, bounds: YamlTree) -> tuple[YamlTree, Numbers]:
    """Return known and scale of an image whose bytes Isaac Lab divided by 255 before it clipped and scaled them.

    The node clips before it scales at all: a clipped image is left to the user.
    """
    if bounds:
        return {**known, 'quantity': 'other', 'difference_to_mean': False}, scale
    return known, tuple(number / 255.0 for number in scale)


def _quaternion(quantity: str, params: YamlTree, env: YamlTree, description: str) -> YamlTree:
    if quantity not in ('orientation', 'pose'):
        return {}
    known = convention(env)
    return {
        'convention': known,
        'unique_sign': bool(params.get('make_quat_unique')),
        'description': description.format(order=order(known)),
    }


def _bounds(clip: Any) -> YamlTree:
    if not clip:
        return {}
    low, high = map(float, clip)
    return {'clip': high} if low == -high else {'clip_range': (low, high)}


def _numbers(scale: Any) -> Numbers:
    if scale is None:
        return ()
    return tuple(map(float, scale)) if isinstance(scale, (list, tuple)) else (float(scale),)


def _history(config: YamlTree, group: YamlTree) -> tuple[int, bool]:
    """Return how many samples are stacked, and whether flat; the group's setting goes before the term's."""
    holder = group if group.get('history_length') is not None else config
    return int(holder.get('history_length') or 0), holder.get('flatten_history_dim', True)


def _stacked(shape: Shape | None, history: int, flat: bool) -> Shape | None:
    if shape is None or not history:
        return shape
    return (history * math.prod(shape),) if flat else (history, *shape)
