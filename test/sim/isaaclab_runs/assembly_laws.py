# SPDX-License-Identifier: Apache-2.0
"""What Isaac Lab's own FactoryEnv, ForgeEnv and AssemblyEnv observe of a hand, and which targets they set.

python assembly_laws.py RECORD.npz ROWS STEPS: their methods run on tensors of ours, without assets and physics, which
want Isaac Sim; noise of observations is off.
"""

import sys
from types import SimpleNamespace as Things

from isaaclab.utils.math import quat_from_euler_xyz
from isaaclab_tasks.contrib.automate.assembly_env import AssemblyEnv
from isaaclab_tasks.contrib.factory.factory_env import FactoryEnv
from isaaclab_tasks.contrib.forge.forge_env import ForgeEnv
import numpy as np
import torch
import warp

DT = 1.0 / 120.0
POSITION_BOUNDS, ROTATION_BOUNDS = [0.05, 0.06, 0.07], [0.9, 0.8, 0.7]
POSITION_THRESHOLD, ROTATION_THRESHOLD = [0.02, 0.01, 0.015], [0.1, 0.11, 0.12]
EMA, TIP = 0.2, [0.5, 0.1, 0.05]
# as in env.yaml
AUTOMATE = ('joint_pos', 'fingertip_pos', 'fingertip_quat', 'fingertip_goal_pos', 'fingertip_goal_quat', 'delta_pos')
GRASP, GRASP_TURN, PALM_TO_FINGER = [0.01, 0.02, 0.03], [0.6, 0.0, 0.0, 0.8], 0.1134


def held(tensor):
    """Return a value as data of an articulation hold it."""
    return Things(torch=tensor)


def made(kind, rows):
    """Return an environment of a class without a scene: the tensors that its methods read."""
    env = object.__new__(kind)
    still, unturned = torch.zeros(rows, 1, 6), torch.tensor([[0.0, 0.0, 0.0, 1.0]]).repeat(rows, 1)
    data = Things(
        root_pos_w=held(torch.zeros(rows, 3)),
        root_quat_w=held(unturned),
        body_lin_vel_w=held(still[..., :3]),
        body_ang_vel_w=held(still[..., 3:]),
        body_link_jacobian_w=held(torch.zeros(rows, 3, 6, 9)),
        mass_matrix=held(torch.zeros(rows, 9, 9)),
        joint_pos=held(torch.zeros(rows, 9)),
        joint_vel=held(torch.zeros(rows, 9)),
        _sim_timestamp=0.0,
    )
    view = Things(get_link_incoming_joint_force=lambda: warp.zeros((rows, 1, 6), dtype=warp.float32))
    robot = Things(data=data, _data=data, root_view=view)
    scene = Things(num_envs=rows, env_origins=torch.zeros(rows, 3))
    control = Things(
        ema_factor=EMA,
        pos_action_bounds=POSITION_BOUNDS,
        rot_action_bounds=ROTATION_BOUNDS,
        pos_action_threshold=POSITION_THRESHOLD,
        rot_action_threshold=ROTATION_THRESHOLD,
    )
    randomization = Things(fingertip_pos=0.0, fingertip_rot_deg=0.0, ft_force=0.0)
    env.__dict__.update(
        cfg=Things(ctrl=control, obs_rand=randomization, ft_smoothing_factor=0.25, sim=Things(device='cpu')),
        cfg_task=Things(unidirectional_rot=False),
        sim=Things(device='cpu'),
        scene=scene,
        _robot=robot,
        _fixed_asset=robot,
        _held_asset=robot,
        fingertip_body_idx=0,
        left_finger_body_idx=1,
        right_finger_body_idx=2,
        force_sensor_body_idx=0,
        force_sensor_world_smooth=torch.zeros(rows, 6),
        flip_quats=torch.ones(rows),
        prev_fingertip_pos=torch.zeros(rows, 3),
        prev_fingertip_quat=unturned,
        prev_joint_pos=torch.zeros(rows, 7),
        fixed_pos_obs_frame=torch.tensor([TIP]).repeat(rows, 1),
        fixed_pos_action_frame=torch.tensor([TIP]).repeat(rows, 1),
        init_fixed_pos_obs_noise=torch.zeros(rows, 3),
        pos_threshold=torch.tensor([POSITION_THRESHOLD]).repeat(rows, 1),
        rot_threshold=torch.tensor([ROTATION_THRESHOLD]).repeat(rows, 1),
        ema_factor=EMA,
        actions=torch.zeros(rows, 7 if kind is ForgeEnv else 6),
        reset_buf=torch.zeros(rows),
        last_update_timestamp=0.0,
    )
    # of AssemblyEnv: where the plug is grasped, and points of which nothing is observed
    env.__dict__.update(
        plug_grasp_pos_local=torch.tensor([GRASP]).repeat(rows, 1),
        plug_grasp_quat_local=torch.tensor([GRASP_TURN]).repeat(rows, 1),
        palm_to_finger_center=torch.tensor([[0.0, 0.0, -PALM_TO_FINGER]]).repeat(rows, 1),
        robot_to_gripper_quat=unturned,
        identity_quat=unturned,
        keypoint_offsets=[],
        keypoints_held=torch.zeros(rows, 1, 3),
        keypoints_fixed=torch.zeros(rows, 1, 3),
    )
    for name in ('held_base', 'target_held_base'):
        env.__dict__.update({f'{name}_pos': torch.zeros(rows, 3), f'{name}_quat': unturned.clone()})
    env.held_base_pos_local = env.fixed_success_pos_local = torch.zeros(rows, 3)
    env.held_base_quat_local = unturned
    return env


def main(record, rows, steps):
    """Move a hand near the tip, upright but for a little, and keep what both classes make of it."""
    rows, steps, draw = int(rows), int(steps), torch.Generator().manual_seed(5)
    found = {}
    for name, kind in (('factory', FactoryEnv), ('forge', ForgeEnv), ('automate', AssemblyEnv)):
        env = made(kind, rows)
        position, yaw = torch.tensor([TIP]).repeat(rows, 1), torch.linspace(-1.9, 1.2, rows)
        for step in range(steps):
            position = position + 0.01 * torch.randn(rows, 3, generator=draw)
            yaw = yaw + 0.02 * torch.randn(rows, generator=draw)
            tilt = 0.03 * torch.randn(2, rows, generator=draw)
            orientation = quat_from_euler_xyz(torch.pi + tilt[0], tilt[1], yaw)
            data = env._robot.data
            data.body_pos_w, data.body_quat_w = held(position[:, None]), held(orientation[:, None])
            data._sim_timestamp = (step + 1) * DT
            env._compute_intermediate_values(DT)
            given = torch.rand(rows, env.actions.shape[1], generator=draw) * 2.0 - 1.0
            env._pre_physics_step(given)
            targets = {}
            smoothed = env.actions.clone()
            env.generate_ctrl_signals = lambda kept=targets, **arguments: kept.update(arguments)
            env._apply_action()
            targets = targets or vars(env)  # AssemblyEnv keeps them
            seen = {
                'position': position,
                'orientation': orientation,
                'given': given,
                'smoothed': smoothed,
                'linear': env.ee_linvel_fd,
                'angular': env.ee_angvel_fd,
                'target_position': targets['ctrl_target_fingertip_midpoint_pos'],
                'target_orientation': targets['ctrl_target_fingertip_midpoint_quat'],
            }
            if kind is ForgeEnv:
                seen['observed_orientation'] = env.noisy_fingertip_quat
            if kind is AssemblyEnv:
                env.cfg.obs_order = env.cfg.state_order = AUTOMATE
                seen['observed'] = env._get_observations()['policy']
            for key, value in seen.items():
                found.setdefault(f'{name}/{key}', []).append(value.numpy().copy())
    np.savez(record, **{name: np.stack(values) for name, values in found.items()})


if __name__ == '__main__':
    main(*sys.argv[1:])
