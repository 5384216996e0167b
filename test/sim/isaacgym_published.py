# SPDX-License-Identifier: Apache-2.0
"""Facts of IsaacGymEnvs 1.5.1 (and its branches tacsl and automate), read from isaacgymenvs/tasks: what holds what.

class of a task → piece of the raw state → the attribute that holds it. A file is that of the class, or of its base.
"""

FACTORY = {
    'envs': 'env_ptrs',
    'root_states': 'root_state',
    'body_states': 'body_state',
    'dof_state': 'dof_state',
    'dof_force': 'dof_force',
}
HAND = {
    'envs': 'envs',
    'root_states': 'root_state_tensor',
    'body_states': 'rigid_body_states',
    'dof_state': 'dof_state',
    'dof_force': 'dof_force_tensor',
}
ANYMAL = {
    'envs': 'envs',
    'root_states': 'root_states',
    'dof_state': 'dof_state',
    'dof_force': 'torques',
    'default_dof_pos': 'default_dof_pos',
    'contact_forces': 'contact_forces',
    'commands': 'commands',
}

ATTRIBUTES = {
    'Anymal': ANYMAL,
    'AnymalTerrain': ANYMAL,
    'Ant': {
        'envs': 'envs', 'root_states': 'root_states', 'dof_state': 'dof_state', 'force_sensors': 'vec_sensor_tensor'
    },
    'Humanoid': {
        'envs': 'envs', 'root_states': 'root_states', 'dof_state': 'dof_state', 'dof_force': 'dof_force_tensor',
        'force_sensors': 'vec_sensor_tensor',
    },
    'HumanoidAMP': {
        'envs': 'envs', 'root_states': '_root_states', 'dof_state': '_dof_state', 'dof_force': 'dof_force_tensor',
        'body_states': '_rigid_body_state', 'contact_forces': '_contact_forces', 'force_sensors': 'vec_sensor_tensor',
    },
    'Cartpole': {'envs': 'envs', 'dof_state': 'dof_state'},
    'BallBalance': {'envs': 'envs', 'root_states': 'root_states', 'dof_state': 'dof_states'},
    'Quadcopter': {
        'envs': 'envs', 'root_states': 'root_states', 'dof_state': 'dof_states', 'body_states': 'rb_states'
    },
    'AllegroHand': HAND,
    'ShadowHand': {**HAND, 'force_sensors': 'vec_sensor_tensor'},
    'AllegroHandDextreme': {**HAND, 'force_sensors': 'vec_sensor_tensor'},
    'AllegroKukaBase': {**HAND, 'force_sensors': 'vec_sensor_tensor'},
    'FrankaCabinet': {
        'envs': 'envs', 'root_states': 'root_state_tensor', 'body_states': 'rigid_body_states',
        'dof_state': 'dof_state',
    },
    'FrankaCubeStack': {
        'envs': 'envs', 'root_states': '_root_state', 'body_states': '_rigid_body_state', 'dof_state': '_dof_state',
    },
    'Trifinger': {
        'envs': 'envs', 'root_states': '_actors_root_state', 'body_states': '_rigid_body_state',
        'dof_state': '_dof_state', 'dof_force': '_dof_torque', 'force_sensors': '_ft_sensors_values',
    },
    'FactoryTaskNutBoltPick': {**FACTORY, 'contact_forces': 'contact_force'},
    'IndustRealTaskPegsInsert': {**FACTORY, 'contact_forces': 'contact_force'},
    'AutoMateTaskAssemble': {**FACTORY, 'contact_forces': 'contact_force'},
    'TacSLTaskInsertion': {**FACTORY, 'contact_forces': 'contact_force_net'},
}  # fmt: skip
