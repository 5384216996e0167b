# SPDX-License-Identifier: Apache-2.0
"""The same masses, observed as TacSL's tasks are: a dict with an image."""

import hydra
from isaacgymenvs.tasks.base.vec_task import VecTask
from isaacgymenvs.tasks.reach import Rails
import torch


class ReachTactile(VecTask):
    """Dict observations, states of their own; all rows end together and are reset before the next physics."""

    def __init__(self, cfg, **arguments):
        super().__init__(cfg, **arguments)
        self.base = hydra.compose(config_name='task/ReachBase.yaml')['task']
        self.rails = Rails(self.num_envs, torch.initial_seed(), self.device)
        self.reset_idx(torch.arange(self.num_envs, device=self.device))

    def pre_physics_step(self, actions):
        rows = self.reset_buf.nonzero(as_tuple=False).flatten()
        if len(rows) > 0:
            self.reset_idx(rows)
        self.actions = actions.to(self.device)

    def simulate(self):
        self.rails.move(self.actions)

    def post_physics_step(self):
        self.progress_buf += 1
        self.obs_dict['ee_pos'][:] = self.rails.position
        self.obs_dict['socket_pos'][:] = self.rails.goal
        pixels = self.obs_dict['left_tactile']
        pixels[:] = (self.rails.goal - self.rails.position)[:, None, None, :] * self.base.sensor.gain
        pixels[:, ::2] += self.rails.velocity[:, None, None, :]
        self.obs_dict['plug_vel'][:] = self.rails.velocity
        self.rew_buf[:] = -self.rails.distance()
        last = self.progress_buf >= self.max_episode_length - 1
        self.reset_buf[:] = torch.where(last, torch.ones_like(self.reset_buf), self.reset_buf)
        if last.any():
            self.extras['successes'] = torch.mean(self._check_success().float())

    def _check_success(self):
        return self.rails.distance() < self.cfg['env']['goalDistance']

    def reset_idx(self, rows):
        self.rails.reset(rows)
        self.progress_buf[rows] = 0
        self.reset_buf[rows] = 0
