# SPDX-License-Identifier: Apache-2.0
"""A manager-based task for Isaac Lab: a robot with four legs walks as it is told.

Importing the module in Isaac Lab's own Python registers Legged-Velocity-v0. The robot lies below ISAACSIM_ASSET_ROOT.
"""

import math

import gymnasium
from isaaclab.actuators import ImplicitActuatorCfg
from isaaclab.assets import ArticulationCfg
from isaaclab.envs import ManagerBasedRLEnvCfg, mdp
from isaaclab.managers import EventTermCfg, ObservationGroupCfg, ObservationTermCfg, RewardTermCfg, TerminationTermCfg
from isaaclab.scene import InteractiveSceneCfg
from isaaclab.sensors import ContactSensorCfg, ImuCfg
import isaaclab.sim as sim_utils
from isaaclab.sim import SimulationCfg
from isaaclab.terrains import TerrainImporterCfg
from isaaclab.utils import configclass
from isaaclab.utils.assets import ISAAC_NUCLEUS_DIR
from isaaclab.utils.noise import UniformNoiseCfg
from isaaclab_newton.physics import MJWarpSolverCfg, NewtonCfg

LEGGED = ArticulationCfg(
    prim_path='{ENV_REGEX_NS}/Robot',
    spawn=sim_utils.UsdFileCfg(
        usd_path=f'{ISAAC_NUCLEUS_DIR}/Robots/Own/Legged/legged.usd', activate_contact_sensors=True
    ),
    init_state=ArticulationCfg.InitialStateCfg(
        pos=(0.0, 0.0, 0.36),
        joint_pos={
            '.*_left_abduction': 0.05,
            '.*_right_abduction': -0.05,
            'front_.*_hip': 0.6,
            'hind_.*_hip': -0.6,
            'front_.*_knee': -1.2,
            'hind_.*_knee': 1.2,
        },
    ),
    soft_joint_pos_limit_factor=0.9,
    actuators={
        'legs': ImplicitActuatorCfg(
            joint_names_expr=['.*'],
            stiffness={'.*_abduction': 30.0, '.*_hip': 30.0, '.*_knee': 40.0},
            damping=1.0,
            armature=0.005,
            joint_effort_limit=20.0,
            joint_velocity_limit=25.0,
        )
    },
)


@configclass
class LeggedScene(InteractiveSceneCfg):
    """A plane and the robot, with its contact forces and an inertial measurement unit."""

    terrain = TerrainImporterCfg(prim_path='/World/ground', terrain_type='plane', collision_group=-1)
    robot = LEGGED
    contact_forces = ContactSensorCfg(prim_path='{ENV_REGEX_NS}/Robot/.*_shank')
    imu = ImuCfg(prim_path='{ENV_REGEX_NS}/Robot/base')


@configclass
class Commands:
    """What the robot is told: velocities forwards and to the left, m/s, and a yaw rate, rad/s."""

    base_velocity = mdp.UniformVelocityCommandCfg(
        asset_name='robot',
        resampling_time_range=(1.0, 2.0),
        rel_standing_envs=0.1,
        debug_vis=False,
        ranges=mdp.UniformVelocityCommandCfg.Ranges(
            lin_vel_x=(-0.8, 1.0), lin_vel_y=(-0.4, 0.4), ang_vel_z=(-1.0, 1.0)
        ),
    )


@configclass
class Actions:
    """Joint positions around the default ones."""

    joint_pos = mdp.JointPositionActionCfg(asset_name='robot', joint_names=['.*'], scale=0.25, use_default_offset=True)


@configclass
class Policy(ObservationGroupCfg):
    """The policy's observation: 48 numbers. enable_corruption=False switches its noise off."""

    base_lin_vel = ObservationTermCfg(func=mdp.base_lin_vel, noise=UniformNoiseCfg(n_min=-0.1, n_max=0.1))
    base_ang_vel = ObservationTermCfg(func=mdp.base_ang_vel, noise=UniformNoiseCfg(n_min=-0.2, n_max=0.2))
    projected_gravity = ObservationTermCfg(func=mdp.projected_gravity, noise=UniformNoiseCfg(n_min=-0.05, n_max=0.05))
    velocity_commands = ObservationTermCfg(func=mdp.generated_commands, params={'command_name': 'base_velocity'})
    joint_pos = ObservationTermCfg(func=mdp.joint_pos_rel, noise=UniformNoiseCfg(n_min=-0.01, n_max=0.01))
    joint_vel = ObservationTermCfg(func=mdp.joint_vel_rel, noise=UniformNoiseCfg(n_min=-1.5, n_max=1.5))
    actions = ObservationTermCfg(func=mdp.last_action)

    def __post_init__(self):
        self.enable_corruption = True
        self.concatenate_terms = True


@configclass
class Observations:
    """One group."""

    policy: Policy = Policy()


@configclass
class Events:
    """Random starts, and pushes."""

    reset_base = EventTermCfg(
        func=mdp.reset_root_state_uniform,
        mode='reset',
        params={
            'pose_range': {'x': (-0.5, 0.5), 'y': (-0.5, 0.5), 'yaw': (-math.pi, math.pi)},
            'velocity_range': {'x': (-0.3, 0.3), 'y': (-0.3, 0.3), 'yaw': (-0.3, 0.3)},
        },
    )
    reset_joints = EventTermCfg(
        func=mdp.reset_joints_by_scale,
        mode='reset',
        params={'position_range': (0.8, 1.2), 'velocity_range': (0.0, 0.0)},
    )
    push = EventTermCfg(
        func=mdp.push_by_setting_velocity,
        mode='interval',
        interval_range_s=(1.0, 2.0),
        params={'velocity_range': {'x': (-0.5, 0.5), 'y': (-0.5, 0.5)}},
    )


@configclass
class Rewards:
    """Follow the command, upright and smoothly."""

    follow_velocity = RewardTermCfg(
        func=mdp.track_lin_vel_xy_exp, weight=1.0, params={'command_name': 'base_velocity', 'std': 0.5}
    )
    follow_yaw_rate = RewardTermCfg(
        func=mdp.track_ang_vel_z_exp, weight=0.5, params={'command_name': 'base_velocity', 'std': 0.5}
    )
    upright = RewardTermCfg(func=mdp.flat_orientation_l2, weight=-2.5)
    bounce = RewardTermCfg(func=mdp.lin_vel_z_l2, weight=-2.0)
    smooth = RewardTermCfg(func=mdp.action_rate_l2, weight=-0.01)


@configclass
class Terminations:
    """Time is up, or the robot tilts by more than 0.9 rad."""

    time_out = TerminationTermCfg(func=mdp.time_out, time_out=True)
    tilted = TerminationTermCfg(func=mdp.bad_orientation, params={'limit_angle': 0.9})


@configclass
class LeggedVelocity(ManagerBasedRLEnvCfg):
    """50 Hz, four steps of the physics each."""

    scene: LeggedScene = LeggedScene(num_envs=256, env_spacing=2.5)
    observations: Observations = Observations()
    actions: Actions = Actions()
    commands: Commands = Commands()
    rewards: Rewards = Rewards()
    terminations: Terminations = Terminations()
    events: Events = Events()
    sim: SimulationCfg = SimulationCfg(
        physics=NewtonCfg(solver_cfg=MJWarpSolverCfg(njmax=80, nconmax=30, integrator='implicitfast'))
    )

    def __post_init__(self):
        self.decimation = 4
        self.episode_length_s = 10.0
        self.sim.dt = 0.005
        self.sim.render_interval = self.decimation


gymnasium.register(
    id='Legged-Velocity-v0',
    entry_point='isaaclab.envs:ManagerBasedRLEnv',
    disable_env_checker=True,
    kwargs={
        'env_cfg_entry_point': f'{__name__}:LeggedVelocity',
        'rl_games_cfg_entry_point': f'{__name__}:legged_velocity_ppo.yaml',
    },
)
