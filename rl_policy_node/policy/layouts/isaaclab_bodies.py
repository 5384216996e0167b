# SPDX-License-Identifier: Apache-2.0
"""Observations of an asset's bodies, and those of Isaac Lab's own tasks, by the name of their function.

What the tasks' functions return is read from isaaclab_tasks 3.0: core/cabinet/mdp/observations.py,
core/reorient/mdp/observations.py and core/locomotion/mdp/observations.py.
"""

from rl_policy_node.policy.layouts import isaaclab_multirotor as multirotor
from rl_policy_node.policy.layouts.isaaclab_commands import commanded
from rl_policy_node.policy.layouts.isaaclab_names import joint_names
from rl_policy_node.policy.layouts.isaaclab_quaternions import quaternion_options
from rl_policy_node.policy.shared_types import YamlTree

_QUATERNION = 'unit quaternion in the order {{order}}'
# Function of Isaac Lab or of its tasks -> numbers for each body, quantity, unit, description
_BODIES = {
    'body_pose_w': (7, 'pose', 'm', f'position x, y, z in the environment and {_QUATERNION}, of {{bodies}}'),
    'body_projected_gravity_b': (3, 'other', '1', 'unit vector along gravity in the own frame of {bodies}'),
    'body_incoming_wrench': (6, 'other', 'N, N m', 'force, then torque, at the joint that leads to {bodies}'),
    'fingertip_pos': (3, 'other', 'm', 'position x, y, z in the environment of {bodies}'),
    'fingertip_vel': (
        6,
        'other',
        'm/s, rad/s',
        'velocity, then angular velocity, axes of the environment, of {bodies}',
    ),
}
# Function of a task -> size, quantity, subject, relative to, unit, description
_TASKS = {
    'rel_ee_drawer_distance': (
        3,
        'relative_position',
        'drawer',
        'ee',
        'm',
        'position of the handle of the drawer minus that of the end effector, axes of the environment',
    ),
    'goal_quat_diff': (
        4,
        'relative_orientation',
        '',
        'command',
        '1',
        f'orientation of {{it}} times the inverse of the wanted one: {_QUATERNION}',
    ),
    'base_yaw_roll': (2, 'other', 'base', '', 'rad', 'yaw, then roll, of the base in the world, each within ± pi'),
    'base_up_proj': (1, 'other', 'base', '', '1', "z of the base's up axis in the world; 1 upright"),
    'base_heading_proj': (
        1,
        'other',
        'base',
        '',
        '1',
        "the base's x axis in the world times the unit vector from it to target_pos, both level",
    ),
    'base_angle_to_target': (
        1,
        'other',
        'base',
        '',
        'rad',
        'direction of target_pos minus yaw of the base, within ± pi',
    ),
    **multirotor.TASKS,
}
_PUBLISHED = ('isaaclab_tasks', 'omni.isaac.lab_tasks')


def body_term(function: str, path: str, params: YamlTree, env: YamlTree) -> YamlTree | None:
    """Return the fields of the LayoutTerm of a function of bodies or of a published task, None for any other.

    path: module and name of the function; those of tasks count only in the module of Isaac Lab's tasks.
    """
    if function in _TASKS and path.startswith(_PUBLISHED):
        return _of_task(function, params, env)
    if function not in _BODIES or function.startswith('fingertip') and not path.startswith(_PUBLISHED):
        return None
    return _of_bodies(function, params, env)


def _of_bodies(function: str, params: YamlTree, env: YamlTree) -> YamlTree | None:
    """Return the fields of a term with as many numbers for each body, None where the file does not count them."""
    each, quantity, unit, text = _BODIES[function]
    config = params.get('asset_cfg') or params.get('sensor_cfg') or {}
    names = joint_names(config.get('body_names'))
    if not names:
        return None
    ordered = config.get('preserve_order') or len(names) == 1
    bodies = ', '.join(names) + ('' if ordered else ', in the order of the simulator')
    # one message has the pose of one body
    one = quantity == 'pose' and len(names) == 1
    text = text.format(bodies=bodies)
    return {
        'shape': (each * len(names),),
        'quantity': quantity if one else 'other',
        'subject': names[0] if one else config.get('name') or 'robot',
        'frame': 'environment' if one else '',
        'unit': unit,
        'description': text,
        **quaternion_options(quantity, params, env, text),
    }


def _of_task(function: str, params: YamlTree, env: YamlTree) -> YamlTree:
    size, quantity, subject, relative_to, unit, text = _TASKS[function]
    subject = subject or (params.get('asset_cfg') or {}).get('name') or 'object'
    text = text.format(it=f'the {subject}')
    if function == 'rel_ee_drawer_distance':
        text += ''.join(f'; {_tracked(env, sensor)}' for sensor in ('cabinet_frame', 'ee_frame'))
    if params.get('target_pos'):
        text += f'; target_pos: {", ".join(map(str, params["target_pos"]))} m in the environment'
    return {
        'shape': (size,),
        'quantity': quantity,
        'subject': subject,
        'relative_to': commanded(params.get('command_name'), env) if relative_to == 'command' else relative_to,
        'frame': 'environment' if relative_to else '',
        'unit': unit,
        'description': text,
        **quaternion_options(quantity, params, env, text),
    }


def _tracked(env: YamlTree, sensor: str) -> str:
    """Return where the first frame of a frame transformer lies, in words."""
    config = (env.get('scene') or {}).get(sensor) or {}
    frame = next(iter(config.get('target_frames') or ()), None) or {}
    position = (frame.get('offset') or {}).get('pos') or ()
    body = str(frame.get('prim_path') or '').rpartition('/')[2].rpartition('?')[2]
    where = f'({", ".join(map(str, position))}) m from {body}' if body else 'see the run'
    return f'{frame.get("name") or sensor}: {where} (scene.{sensor})'
