# SPDX-License-Identifier: Apache-2.0
"""ANYmal on rough ground: all rows on one terrain, the PD drive in the task, the physics in pre_physics_step."""

from isaacgym import gymapi
from isaacgymenvs.tasks.legged import Legged
from isaacgymenvs.utils import rotations
import torch


class AnymalTerrain(Legged):
    """188 numbers, 140 of them heights.

    As in IsaacGymEnvs, the velocities, the gravity and the yaw command of a row that begins are those of its last step.
    """

    drive = gymapi.DOF_MODE_EFFORT
    observed, commanded = 188, 4

    def __init__(self, cfg, **arguments):
        self.custom_origins, self.measured_heights = True, None
        super().__init__(cfg, **arguments)
        x = torch.tensor([0.1 * i for i in range(-8, 9) if i not in (-1, 0, 1)], device=self.device)
        y = torch.tensor([0.1 * i for i in range(-5, 6) if i], device=self.device)
        grid = torch.stack([x[:, None].expand(14, 10), y.expand(14, 10), torch.zeros(14, 10)], dim=2)
        self.height_points = grid.reshape(1, 140, 3).repeat(self.num_envs, 1, 1)

    def create_sim(self, env):
        super().create_sim(env)
        rows = torch.arange(self.num_envs, dtype=torch.float32, device=self.device)
        self.env_origins = torch.stack([8.0 * rows, 4.0 - rows, 0.25 * rows], dim=1)

    def get_heights(self):
        """Return (rows, 140): the height of the ground at the points of a grid that turns with the heading."""
        heading = self.base_quat * torch.tensor([0.0, 0.0, 1.0, 1.0], device=self.device)
        heading = rotations.normalised(heading).repeat_interleave(140, dim=0)
        points = rotations.turned(heading, self.height_points.view(-1, 3)).view(self.num_envs, 140, 3)
        points = points + self.root_states[:, None, :3]
        return 0.1 * torch.sin(points[..., 0]) + 0.05 * torch.cos(2.0 * points[..., 1])

    def pre_physics_step(self, actions):
        self.actions = actions.clone().to(self.device)
        for _ in range(self.cfg['env']['control']['decimation']):
            self.physics()

    def simulate(self):
        pass

    def post_physics_step(self):
        self.progress_buf += 1
        self.base_quat = self.root_states[:, 3:7]
        upright = rotations.inverse(self.base_quat)
        velocity = rotations.turned(upright, self.root_states[:, 7:10])
        turning = rotations.turned(upright, self.root_states[:, 10:13])
        gravity = rotations.turned(upright, self.gravity_vec)
        forward = rotations.turned(self.base_quat, torch.tensor([[1.0, 0.0, 0.0]]).repeat(self.num_envs, 1))
        off = self.commands[:, 3] - torch.atan2(forward[:, 1], forward[:, 0])
        self.commands[:, 2] = torch.clamp(0.5 * torch.atan2(torch.sin(off), torch.cos(off)), -1.0, 1.0)
        self.reset_buf = (self.fallen() | (self.progress_buf >= self.max_episode_length - 1)).long()
        self.rew_buf[:] = torch.exp(-((self.commands[:, :2] - velocity[:, :2]) ** 2).sum(1))
        rows = self.reset_buf.nonzero(as_tuple=False).flatten()
        if len(rows) > 0:
            self.reset_idx(rows)
        self.measured_heights = self.get_heights()
        above = torch.clamp(self.root_states[:, 2:3] - 0.5 - self.measured_heights, -1.0, 1.0)
        parts = [
            velocity * self.lin_vel_scale,
            turning * self.ang_vel_scale,
            gravity,
            self.commands[:, :3] * self.commands_scale(),
            self.dof_pos * self.dof_pos_scale,
            self.dof_vel * self.dof_vel_scale,
            above * self.cfg['env']['learn']['heightMeasurementScale'],
            self.actions,
        ]
        self.obs_buf = torch.cat(parts, dim=1)

    def reset_idx(self, rows):
        self.begin(rows)
        self.root_states[rows, :3] += self.env_origins[rows]
        self.root_states[rows, :2] += self.drawn(-0.5, 0.5, len(rows), 2)
        self.commands[rows, 3] = self.drawn(*self.command_yaw_range, len(rows))
        self.reset_buf[rows] = 1
