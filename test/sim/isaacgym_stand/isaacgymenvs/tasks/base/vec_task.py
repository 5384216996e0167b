# SPDX-License-Identifier: Apache-2.0
"""What all tasks share: buffers, clipping, the order of a step."""

import isaacgym  # noqa: F401 - before torch
from isaacgymenvs.utils import spaces
import numpy as np
import torch


class VecTask:
    """A task of cfg['env']['numEnvs'] rows.

    A subclass has pre_physics_step(actions), simulate() and post_physics_step(), which fill obs_buf (or, for
    use_dict_obs, the tensors of obs_dict), states_buf, rew_buf and reset_buf in place.
    """

    def __init__(
        self, cfg, rl_device, sim_device, graphics_device_id, headless, virtual_screen_capture=False, force_render=False
    ):
        self.cfg, env = cfg, cfg['env']
        on_gpu = sim_device != 'cpu'
        if cfg['sim']['use_gpu_pipeline'] != on_gpu or cfg['sim']['physx']['use_gpu'] != on_gpu:
            raise ValueError('the simulation is configured for another device than {}'.format(sim_device))
        self.device, self.rl_device, self.headless, self.force_render = sim_device, rl_device, headless, force_render
        self.num_environments = env['numEnvs']
        self.num_agents = env.get('numAgents', 1)
        self.use_dict_obs = env.get('use_dict_obs', False)
        self.obs_dims, self.state_dims = env.get('obsDims', {}), env.get('stateDims', {})
        self.num_obs, self.num_states = env.get('numObservations', 0), env.get('numStates', 0)
        self.num_actions = env['numActions']
        self.control_freq_inv = env.get('controlFrequencyInv', 1)
        self.clip_obs, self.clip_actions = env.get('clipObservations', np.inf), env.get('clipActions', np.inf)
        self.max_episode_length = env['episodeLength']
        self.rendered = 0
        self.allocate_buffers()

    @property
    def num_envs(self):
        return self.num_environments

    @property
    def observation_space(self):
        if self.use_dict_obs:
            return spaces.Dict({name: spaces.Box(np.inf, dims) for name, dims in self.obs_dims.items()})
        return spaces.Box(np.inf, (self.num_obs,))

    @property
    def action_space(self):
        return spaces.Box(1.0, (self.num_actions,))

    def allocate_buffers(self):
        rows = self.num_envs
        self.obs_dict = {
            name: self.zeros(rows, *dims) for name, dims in list(self.obs_dims.items()) + list(self.state_dims.items())
        }
        self.obs_buf = self.zeros(rows, self.num_obs)
        self.states_buf = self.zeros(rows, self.num_states)
        self.rew_buf = self.zeros(rows)
        self.reset_buf = self.zeros(rows, dtype=torch.long) + 1
        self.timeout_buf = self.zeros(rows, dtype=torch.long)
        self.progress_buf = self.zeros(rows, dtype=torch.long)
        self.extras = {}

    def zeros(self, *shape, dtype=torch.float32):
        return torch.zeros(*shape, dtype=dtype, device=self.device)

    def zero_actions(self):
        return torch.zeros(self.num_envs, self.num_actions, device=self.rl_device)

    def reset(self):
        """Return the buffers as they are; nothing is reset and nothing computed."""
        return self._observed()

    def step(self, actions):
        """Return observations, rewards, dones and extras; rows that are done begin anew in the next step."""
        self.pre_physics_step(torch.clamp(actions, -self.clip_actions, self.clip_actions))
        for _ in range(self.control_freq_inv):
            self.rendered += self.force_render
            self.simulate()
        self.post_physics_step()
        self.timeout_buf = (self.progress_buf >= self.max_episode_length - 1) & (self.reset_buf != 0)
        self.extras['time_outs'] = self.timeout_buf.to(self.rl_device)
        return self._observed(), self.rew_buf.to(self.rl_device), self.reset_buf.to(self.rl_device), self.extras

    def _observed(self):
        if self.use_dict_obs:
            observed = {'obs': {name: self._clipped(self.obs_dict[name]) for name in self.obs_dims}}
            if self.state_dims:
                observed['states'] = {name: self._clipped(self.obs_dict[name]) for name in self.state_dims}
            return observed
        # the same dict every time, as IsaacGymEnvs has it
        self.obs_dict['obs'] = self._clipped(self.obs_buf)
        if self.num_states:
            self.obs_dict['states'] = self._clipped(self.states_buf)
        return self.obs_dict

    def _clipped(self, tensor):
        # in place where IsaacGymEnvs has a new tensor: what is handed out is written into again
        return tensor.clamp_(-self.clip_obs, self.clip_obs).to(self.rl_device)
