# SPDX-License-Identifier: Apache-2.0
"""What is known of published tasks: the attributes that hold their tensors, and how they set joint targets.

Facts of IsaacGymEnvs 1.5.1 and its branches tacsl and automate; a file is named below isaacgymenvs/tasks.
"""

# piece -> the attributes that may hold it. A task with names of its own takes a mapping:
# sim.options: ['raw.dof_state=my_dof_state']
NAMES = {
    'envs': ('envs', 'env_ptrs'),
    # Ant, Anymal, AnymalTerrain, Humanoid, Quadcopter, BallBalance; AllegroHand, ShadowHand, FrankaCabinet; Factory,
    # IndustReal, TacSL, AutoMate; HumanoidAMP; FrankaCubeStack; Trifinger
    'root_states': (
        'root_states',
        'root_state_tensor',
        'root_state',
        '_root_states',
        '_root_state',
        '_actors_root_state',
    ),
    # the hands, FrankaCabinet; Factory and its kin; HumanoidAMP, FrankaCubeStack, Trifinger; Quadcopter, Ingenuity
    'body_states': ('rigid_body_states', 'body_state', '_rigid_body_state', 'rb_states'),
    # most; HumanoidAMP, FrankaCubeStack, Trifinger; BallBalance, Quadcopter, Ingenuity
    'dof_state': ('dof_state', '_dof_state', 'dof_states'),
    # Anymal, AnymalTerrain; Factory and its kin; Humanoid, the hands; Trifinger
    'dof_force': ('torques', 'dof_force', 'dof_force_tensor', '_dof_torque'),
    # Anymal, AnymalTerrain
    'default_dof_pos': ('default_dof_pos',),
    # Anymal, AnymalTerrain; TacSL; Factory, IndustReal, AutoMate; HumanoidAMP, FrankaCubeStack
    'contact_forces': ('contact_forces', 'contact_force_net', 'contact_force', '_contact_forces'),
    # Ant, Humanoid, ShadowHand; Trifinger
    'force_sensors': ('vec_sensor_tensor', '_ft_sensors_values'),
    # Anymal, AnymalTerrain
    'commands': ('commands',),
    # those of HELD
    'position_targets': (),
    'velocity_targets': (),
    'effort_targets': (),
}

# buffers that some tasks refresh only for some of their observations (shadow_hand.py, compute_observations)
REFRESHED = {'dof_force_tensor': 'refresh_dof_force_tensor', 'vec_sensor_tensor': 'refresh_force_sensor_tensor'}

# methods that measure, and the setting of task.env by which the task calls them (tacsl/tacsl_task_insertion.py)
MEASURED = {
    'get_camera_image_tensors_dict': 'use_camera_obs',
    'get_tactile_force_field_tensors_dict': 'use_shear_force',
}

# a pose and velocity that tasks compute, in four attributes: _pos, _quat, _linvel, _angvel (factory/factory_base.py)
SITES = ('fingertip_midpoint',)

# classes whose commands begin with velocities along x and y and a yaw rate in the base's frame -> their ranges
BASE_VELOCITY = {
    'Anymal': lambda task: {  # anymal.py, reset_idx
        'lin_vel_x': task.command_x_range,
        'lin_vel_y': task.command_y_range,
        'ang_vel_z': task.command_yaw_range,
    },
    'AnymalTerrain': lambda task: {  # anymal_terrain.py: the yaw rate follows from a wanted heading, clipped to 1
        'lin_vel_x': task.command_x_range,
        'lin_vel_y': task.command_y_range,
        'ang_vel_z': [-1.0, 1.0],
        'heading': task.command_yaw_range,
    },
}


class Law:
    """A joint target that is affine in the action: product of the attributes `scale` * action + attribute `offset`.

    size: it is the target of the first `size` joints; None: of all. gains: attributes of the stiffness and damping of
    the drive, where the task states them.
    """

    def __init__(self, kind, scale, offset='', size=None, gains=()):
        self.kind, self.scale, self.offset, self.size, self.gains = kind, scale, offset, size, gains


_LEGS = Law('position', ('action_scale',), 'default_dof_pos', gains=('Kp', 'Kd'))
_MOTORS = Law('effort', ('motor_efforts', 'power_scale'))

# class -> the law of its pre_physics_step
LAWS = {
    'Anymal': lambda task: _LEGS,  # anymal.py
    'AnymalTerrain': lambda task: _LEGS,  # anymal_terrain.py: the task itself is the PD drive
    'Ant': lambda task: Law('effort', ('joint_gears', 'power_scale')),  # ant.py
    'Cartpole': lambda task: Law('effort', ('max_push_effort',), size=1),  # cartpole.py: its first joint is the cart's
    'Humanoid': lambda task: _MOTORS,  # humanoid.py
    'HumanoidAMPBase': lambda task: (  # amp/humanoid_amp_base.py
        Law('position', ('_pd_action_scale',), '_pd_action_offset') if task._pd_control else _MOTORS
    ),
}

# class -> the kind of the targets that its pre_physics_step sets, and the attribute that holds them
HELD = {
    'AllegroHand': lambda task: ('position', 'cur_targets'),  # allegro_hand.py
    'AllegroHandDextreme': lambda task: ('position', 'cur_targets'),  # dextreme/allegro_hand_dextreme.py
    'ShadowHand': lambda task: ('position', 'cur_targets'),  # shadow_hand.py, for the joints of actuated_dof_indices
    'Quadcopter': lambda task: ('position', 'dof_position_targets'),  # quadcopter.py
    'FactoryBase': lambda task: (  # factory/factory_base.py, generate_ctrl_signals; IndustReal, TacSL, AutoMate
        ('effort', 'dof_torque')
        if task.cfg_ctrl['motor_ctrl_mode'] == 'manual'
        else ('position', 'ctrl_target_dof_pos')
    ),
}


def of_class(table, task):
    """Return the entry of a table for the task's class or its nearest base, None without one."""
    for each in type(task).__mro__:
        if each.__name__ in table:
            return table[each.__name__](task)
    return None
