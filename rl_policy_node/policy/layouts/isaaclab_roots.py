# SPDX-License-Identifier: Apache-2.0
"""Observations of an asset's root or of an IMU, by the name of their function in isaaclab.envs.mdp.observations."""

from rl_policy_node.policy.layouts.isaaclab_quaternions import quaternion_options
from rl_policy_node.policy.shared_types import YamlTree

_QUATERNION = 'unit quaternion in the order {{order}}'
# in place of a frame: that of what is measured
_OWN = 'own'
# Function -> size, quantity, asset by default, frame, unit, description; an environment's axes are the world's
_ROOTS = {
    'base_pos_z': (1, 'position', 'robot', 'world', 'm', 'height of {it} in the world'),
    'base_lin_vel': (3, 'linear_velocity', 'robot', _OWN, 'm/s', 'velocity of {it} in its own frame'),
    'base_ang_vel': (3, 'angular_velocity', 'robot', _OWN, 'rad/s', 'angular velocity of {it} in its own frame'),
    'projected_gravity': (3, 'gravity', 'robot', _OWN, '1', 'unit vector along gravity in the frame of {it}'),
    'root_pos_w': (3, 'position', 'robot', 'environment', 'm', 'position of {it} in its environment'),
    'root_quat_w': (4, 'orientation', 'robot', 'environment', '1', f'orientation of {{it}}: {_QUATERNION}'),
    'root_lin_vel_w': (
        3,
        'linear_velocity',
        'robot',
        'environment',
        'm/s',
        'velocity of {it}, axes of the environment',
    ),
    'root_ang_vel_w': (
        3,
        'angular_velocity',
        'robot',
        'environment',
        'rad/s',
        'angular velocity of {it}, axes of the environment',
    ),
    'imu_orientation': (4, 'orientation', 'imu', 'world', '1', f'orientation of {{it}}: {_QUATERNION}'),
    'imu_projected_gravity': (3, 'gravity', 'imu', _OWN, '1', 'unit vector along gravity in the frame of {it}'),
    'imu_ang_vel': (3, 'angular_velocity', 'imu', _OWN, 'rad/s', 'angular velocity of {it} in its own frame'),
    'imu_lin_acc': (
        3,
        'linear_acceleration',
        'imu',
        _OWN,
        'm/s²',
        'linear acceleration of {it} in its own frame, as simulated',
    ),
    # 3.0 names the sensor that knows its orientation PVA
    'pva_orientation': (4, 'orientation', 'pva', 'world', '1', f'orientation of {{it}}: {_QUATERNION}'),
    'pva_projected_gravity': (3, 'gravity', 'pva', _OWN, '1', 'unit vector along gravity in the frame of {it}'),
}
ROOT_FUNCTIONS = frozenset((*_ROOTS, 'object_position_in_robot_root_frame'))


def root_term(function: str, params: YamlTree, env: YamlTree) -> YamlTree:
    """Return the fields of the LayoutTerm of one of ROOT_FUNCTIONS; params: of the term.

    asset_cfg.name says of which asset: the robot is the subject `base`, every other asset has its own name.
    """
    if function == 'object_position_in_robot_root_frame':
        return _seen_from_the_robot(params)
    size, quantity, asset, frame, unit, description = _ROOTS[function]
    named = (params.get('asset_cfg') or {}).get('name') or asset
    sensor = asset if asset != 'robot' and asset not in named.split('_') else ''
    subject = 'base' if named == 'robot' else f'{named}_{sensor}' if sensor else named
    it = {'base': 'the base', 'imu': 'the IMU', 'pva': 'the PVA sensor'}.get(subject, f'the {named}')
    text = description.format(it=it)
    return {
        'shape': (size,),
        'quantity': quantity,
        'subject': subject,
        'frame': subject if frame == _OWN else frame,
        'unit': unit,
        'description': text,
        **quaternion_options(quantity, params, env, text),
        'elements': (2,) if function == 'base_pos_z' else (),
    }


def _seen_from_the_robot(params: YamlTree) -> YamlTree:
    subject = (params.get('object_cfg') or {}).get('name') or 'object'
    robot = (params.get('robot_cfg') or {}).get('name') or 'robot'
    return {
        'shape': (3,),
        'quantity': 'position',
        'subject': subject,
        'frame': 'base' if robot == 'robot' else robot,
        'unit': 'm',
        'description': f'position of the {subject} in the frame of the base of {robot}',
    }
