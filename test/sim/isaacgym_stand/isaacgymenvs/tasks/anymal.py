# SPDX-License-Identifier: Apache-2.0
"""ANYmal on flat ground: PD drives of the simulator; rows are reset after the physics, before they are observed."""

from isaacgymenvs.tasks.legged import Legged
from isaacgymenvs.utils import rotations
import torch


class Anymal(Legged):
    """48 numbers; gravity is turned by the base's orientation, not by its inverse, as in IsaacGymEnvs."""

    def pre_physics_step(self, actions):
        self.actions = actions.clone().to(self.device)

    def simulate(self):
        self.physics()

    def post_physics_step(self):
        self.progress_buf += 1
        rows = self.reset_buf.nonzero(as_tuple=False).flatten()
        if len(rows) > 0:
            self.reset_idx(rows)
        base = self.root_states
        upright = rotations.inverse(base[:, 3:7])
        parts = [
            rotations.turned(upright, base[:, 7:10]) * self.lin_vel_scale,
            rotations.turned(upright, base[:, 10:13]) * self.ang_vel_scale,
            rotations.turned(base[:, 3:7], self.gravity_vec),
            self.commands * self.commands_scale(),
            (self.dof_pos - self.default_dof_pos) * self.dof_pos_scale,
            self.dof_vel * self.dof_vel_scale,
            self.actions,
        ]
        self.obs_buf[:] = torch.cat(parts, dim=1)
        self.rew_buf[:] = torch.exp(-(self.commands[:, :2] ** 2).sum(1))
        self.reset_buf[:] = (self.fallen() | (self.progress_buf >= self.max_episode_length - 1)).long()

    def reset_idx(self, rows):
        self.begin(rows)
        self.commands[rows, 2] = self.drawn(*self.command_yaw_range, len(rows))
        self.reset_buf[rows] = 1
