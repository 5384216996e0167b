# SPDX-License-Identifier: Apache-2.0
"""Short env.yaml files of Isaac Lab's direct tasks, in its form, with numbers unlike the published ones.

WXYZ are those of 2.x, XYZW those of 3.0: name of a task → text. SIZES: name → (observation, actions).
"""

# an unturned body tells the order of quaternions
_OLD = 'init_state: {pos: !!python/tuple [0.1, 0.2, 0.3], rot: !!python/tuple [1.0, 0.0, 0.0, 0.0]'
_NEW = 'init_state: {pos: !!python/tuple [0.1, 0.2, 0.3], rot: !!python/tuple [0.0, 0.0, 0.0, 1.0]'
_SIM = 'sim: {dt: 0.01}\n'
_CTRL = """
  pos_action_bounds: [0.06, 0.07, 0.08]
  rot_action_bounds: [0.9, 0.8, 0.7]
  pos_action_threshold: [0.01, 0.02, 0.03]
  rot_action_threshold: [0.11, 0.12, 0.13]
  default_task_prop_gains: [110, 120, 130, 31, 32, 33]
  default_dof_pos_tensor: [-1.1, -0.4, 1.2, -2.1, 0.4, 1.9, 0.5]
  kp_null: 11.0
  kd_null: 6.5
"""
FACTORY = f"""{_SIM}decimation: 4
observation_space: 21
action_space: 6
scene: {{robot: {{{_NEW}}}}}}}
obs_order: [fingertip_pos_rel_fixed, fingertip_quat, ee_linvel, ee_angvel]
task: {{name: peg_insert, unidirectional_rot: false, fixed_asset_cfg: {{height: 0.025, base_height: 0.005}}}}
obs_rand: {{fixed_asset_pos: [0.001, 0.002, 0.003], fingertip_pos: 0.0003, fingertip_rot_deg: 0.2}}
ctrl:
  ema_factor: 0.3{_CTRL}"""
NUT = FACTORY.replace('peg_insert', 'nut_thread').replace('unidirectional_rot: false', 'unidirectional_rot: true')
FACTORY_2 = FACTORY.replace(f'scene: {{robot: {{{_NEW}}}}}}}', f'robot: {{{_OLD}}}}}')
FORGE = f"""{
    FACTORY.replace('ee_angvel]', 'ee_angvel, ft_force, force_threshold]').replace('action_space: 6', 'action_space: 7')
}  ema_factor_range: [0.03, 0.2]
  task_prop_gains_noise_level: [0.4, 0.4, 0.4, 0.3, 0.3, 0.3]
  pos_threshold_noise_level: [0.2, 0.2, 0.2]
  rot_threshold_noise_level: [0.3, 0.3, 0.3]
  default_dead_zone: [4.0, 4.0, 4.0, 1.0, 1.0, 1.0]
ft_smoothing_factor: 0.35
""".replace('{height', '{contact: 1, height').replace(
    'unidirectional_rot: false', 'unidirectional_rot: false, contact_penalty_threshold_range: [5.0, 9.0]'
)
FORGE_2 = FORGE.replace(f'scene: {{robot: {{{_NEW}}}}}}}', f'robot: {{{_OLD}}}}}')
AUTOMATE = f"""{_SIM}decimation: 8
observation_space: 99
action_space: 6
scene: {{robot: {{{_NEW}}}}}}}
obs_order: [joint_pos, fingertip_pos, fingertip_quat, fingertip_goal_pos, fingertip_goal_quat, delta_pos]
task_name: insertion
tasks:
  insertion: {{unidirectional_rot: false, palm_to_finger_dist: 0.115, fixed_asset_cfg: {{height: 0.05}}}}
ctrl:
  ema_factor: 0.25{_CTRL}"""
_HAND = """decimation: 3
obs_type: {kind}
actuated_joint_names: [wrist, thumb, index]
fingertip_body_names: [thumb_tip, index_tip]
vel_obs_scale: 0.3
act_moving_average: 0.4
force_torque_obs_scale: 10.0
"""
SHADOW = f"""{_SIM}{_HAND.format(kind='full')}observation_space: 67
action_space: 5
scene:
  robot: {{{_NEW}, joint_pos: {{.*: 0.0}}}}}}
  object: {{init_state: {{pos: !!python/tuple [0.0, -0.4, 0.6], rot: !!python/tuple [0.0, 0.0, 0.0, 1.0]}}}}
actuated_tendon_names: [thumb_tendon, index_tendon]
actuated_tendon_position_limits: !!python/tuple [0.5, 3.5]
in_hand_pos_offset: !!python/tuple [0.01, 0.02, -0.05]
"""
OPENAI = f"""{_SIM}{_HAND.format(kind='openai')}observation_space: 18
action_space: 5
scene:
  robot: {{{_NEW}, joint_pos: {{.*: 0.0}}}}}}
actuated_tendon_names: [thumb_tendon, index_tendon]
actuated_tendon_position_limits: !!python/tuple [0.5, 3.5]
observation_noise_model: {{class_type: 'isaaclab.utils.noise:NoiseModelWithAdditiveBias'}}
action_noise_model: {{class_type: 'isaaclab.utils.noise:NoiseModelWithAdditiveBias'}}
"""
ALLEGRO_2 = f"""{_SIM}{_HAND.format(kind='full')}observation_space: 59
action_space: 3
robot_cfg: {{{_OLD}, joint_pos: {{.*: 0.0}}}}}}
object_cfg: {{init_state: {{pos: !!python/tuple [0.0, -0.2, 0.6], rot: !!python/tuple [1.0, 0.0, 0.0, 0.0]}}}}
"""
_PANDA = 'joint_pos: {panda_joint1: 0.1, panda_joint2: -1.2, "panda_joint[3-7]": 0.3, panda_finger_joint.*: 0.04}'
CABINET = f"""{_SIM}decimation: 2
observation_space: 31
action_space: 8
scene:
  robot: {{{_NEW}, {_PANDA}}}}}
  cabinet: {{init_state: {{rot: !!python/tuple [0.0, 0.0, 0.0, 1.0], joint_pos: {{drawer_top_joint: 0.02}}}}}}
arm_action: {{class_type: 'isaaclab.envs.mdp.actions.joint_actions_to_limits:EMAJointPositionToLimitsAction',
             asset_name: robot, joint_names: [panda_joint.*], scale: 1.0, rescale_to_limits: true, alpha: 0.02,
             clip: null, preserve_order: false}}
finger_joint_names: panda_finger_joint.*
ee_body_name: panda_hand
ee_pos_offset: !!python/tuple [0.0, 0.0, 0.11]
gripper_open_command: 0.05
gripper_close_command: 0.01
drawer_joint_name: drawer_top_joint
drawer_handle_body_name: drawer_handle_top
drawer_handle_pos_offset: !!python/tuple [0.3, 0.0, 0.02]
"""
CABINET_2 = f"""{_SIM}decimation: 2
observation_space: 23
action_space: 9
robot: {{{_OLD}, {_PANDA}}}}}
cabinet: {{init_state: {{joint_pos: {{drawer_top_joint: 0.0}}}}}}
action_scale: 7.0
dof_velocity_scale: 0.2
finger_reward_scale: 2.0
"""
_LEGS = 'joint_pos: {.*HAA: 0.0, .*F_HFE: 0.4, .*H_HFE: -0.4, .*F_KFE: -0.8, .*H_KFE: 0.8}'
_REWARDS = 'yaw_rate_reward_scale: 0.5\nfeet_air_time_reward_scale: 0.5\nflat_orientation_reward_scale: -5.0\n'
ANYMAL_2 = f"""{_SIM}decimation: 4
observation_space: 48
action_space: 12
robot: {{{_OLD}, {_LEGS}}}}}
action_scale: 0.45
{_REWARDS}"""
ANYMAL_ROUGH = f"""{_SIM}decimation: 4
observation_space: 63
action_space: 12
scene:
  robot: {{{_NEW}, {_LEGS}}}}}
  height_scanner: {{pattern_cfg: {{resolution: 0.5, size: [2.0, 1.0], ordering: xy}}}}
action_scale: 0.45
{_REWARDS}"""
QUADCOPTER_2 = f"""{_SIM}decimation: 2
observation_space: 12
action_space: 4
robot: {{{_OLD}}}}}
thrust_to_weight: 1.8
moment_scale: 0.02
distance_to_goal_reward_scale: 15.0
"""
_WALK = 'dof_vel_scale: 0.15\nangular_velocity_scale: 0.35\ncontact_force_scale: 0.02\naction_scale: 0.5\n'
ANT = f"""{_SIM}decimation: 2
observation_space: 60
action_space: 8
scene: {{robot: {{{_NEW}, joint_pos: {{.*: 0.0}}}}}}}}
joint_gears: {{.*: 15.0}}
feet_body_names: [a, b, c, d]
target_pos: !!python/tuple [900.0, 0.0, 0.0]
{_WALK}"""
HUMANOID_2 = f"""{_SIM}decimation: 2
observation_space: 24
action_space: 4
robot: {{{_OLD}, joint_pos: {{.*: 0.0}}}}}}
joint_gears: [67.5, 67.5, 45.0, 22.5]
{_WALK}"""
_CART = 'action_scale: 90.0\ncart_dof_name: slider_to_cart\npole_dof_name: cart_to_pole\n'
_RANGE = 'initial_cart_position_range: !!python/tuple [-1.0, 1.0]\n'
_POLE = 'joint_pos: {slider_to_cart: 0.2, cart_to_pole: 0.0}'
CARTPOLE = f"""{_SIM}decimation: 2
observation_space: 4
action_space: 1
scene: {{cartpole: {{{_NEW}, {_POLE}}}}}}}
{_CART}{_RANGE}"""
CARTPOLE_2 = f"""{_SIM}decimation: 2
observation_space: 4
action_space: 1
robot_cfg: {{{_OLD}, {_POLE}}}}}
{_CART}"""
CAMERA = f"""{_SIM}decimation: 2
observation_space: [3, 96, 96]
action_space: 1
scene:
  cartpole: {{{_NEW}, {_POLE}}}}}
  tiled_camera: {{data_types: [rgb], height: 12, width: 16}}
frame_stack: 2
{_CART}{_RANGE}"""
CAMERA_2 = f"""{_SIM}decimation: 2
observation_space: [12, 16, 3]
action_space: 1
robot_cfg: {{{_OLD}, {_POLE}}}}}
tiled_camera: {{data_types: [rgb], height: 12, width: 16}}
{_CART}"""
UNKNOWN = f'{_SIM}decimation: 2\nobservation_space: 7\naction_space: 2\naction_scale: 3.0\n'

XYZW = {
    'factory': FACTORY,
    'nut': NUT,
    'forge': FORGE,
    'automate': AUTOMATE,
    'shadow': SHADOW,
    'openai': OPENAI,
    'cabinet': CABINET,
    'anymal_rough': ANYMAL_ROUGH,
    'ant': ANT,
    'cartpole': CARTPOLE,
    'camera': CAMERA,
}
WXYZ = {
    'factory_2': FACTORY_2,
    'forge_2': FORGE_2,
    'allegro_2': ALLEGRO_2,
    'cabinet_2': CABINET_2,
    'anymal_2': ANYMAL_2,
    'quadcopter_2': QUADCOPTER_2,
    'humanoid_2': HUMANOID_2,
    'cartpole_2': CARTPOLE_2,
    'camera_2': CAMERA_2,
}
SIZES = {
    'factory': (19, 6),
    'nut': (19, 6),
    'forge': (24, 7),
    'automate': (24, 6),
    'shadow': (67, 5),
    'openai': (18, 5),
    'cabinet': (31, 8),
    'anymal_rough': (63, 12),
    'ant': (60, 8),
    'cartpole': (4, 1),
    'camera': ((6, 12, 16), 1),
    'factory_2': (19, 6),
    'forge_2': (24, 7),
    'allegro_2': (59, 3),
    'cabinet_2': (23, 9),
    'anymal_2': (48, 12),
    'quadcopter_2': (12, 4),
    'humanoid_2': (24, 4),
    'cartpole_2': (4, 1),
    'camera_2': ((12, 16, 3), 1),
}
