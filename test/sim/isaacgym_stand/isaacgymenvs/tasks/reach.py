# SPDX-License-Identifier: Apache-2.0
"""Masses on rails that are to be brought to a goal; the same bits with every torch."""

from isaacgymenvs.tasks.base.vec_task import VecTask
import torch

AXES = 3


class Rails:
    """`rows` times three masses: position, velocity and goal (rows, 3), float32.

    Every operation is one multiplication or addition of float32, every random number comes from integers.
    """

    def __init__(self, rows, seed, device):
        self._numbers = torch.arange(rows, dtype=torch.int64, device=device) * 7919 + seed
        self.position, self.velocity, self.goal = (torch.zeros(rows, AXES, device=device) for _ in range(3))

    def draw(self, rows):
        """Return a random number in [−1, 1) for each of the rows (indices)."""
        self._numbers[rows] = (self._numbers[rows] * 1103515245 + 12345) % 2147483648
        return (self._numbers[rows] // 65536).to(torch.float32) / 16384 - 1

    def reset(self, rows):
        """Put the masses of the rows (indices) and their goals somewhere."""
        for axis in range(AXES):
            self.position[rows, axis], self.goal[rows, axis] = self.draw(rows), self.draw(rows)
        self.velocity[rows] = 0

    def move(self, actions):
        """Let the masses be pushed for a while."""
        self.velocity[:] = self.velocity * 0.9 + actions * 0.05
        self.position[:] = self.position * 0.95 + self.velocity

    def distance(self):
        """Return the squared distance to the goal, (rows,)."""
        squares = (self.goal - self.position) * (self.goal - self.position)
        return squares[:, 0] + squares[:, 1] + squares[:, 2]


class Reach(VecTask):
    """Flat observations (position, velocity, goal), states for the critic; episodes end apart.

    Rows that ended are reset after the physics of the next step, before it is observed.
    """

    def __init__(self, cfg, **arguments):
        super().__init__(cfg, **arguments)
        # as tasks draw from torch, which nobody but the training script seeds
        self.rails = Rails(self.num_envs, torch.initial_seed(), self.device)
        self.successes = self.zeros(self.num_envs)

    def pre_physics_step(self, actions):
        self.actions = actions.to(self.device)

    def simulate(self):
        self.rails.move(self.actions)

    def post_physics_step(self):
        self.progress_buf += 1
        rows = self.reset_buf.nonzero(as_tuple=False).flatten()
        if len(rows) > 0:
            self.reset_idx(rows)
        rails = self.rails
        self.obs_buf[:] = torch.cat([rails.position * 4, rails.velocity * 40, rails.goal * 4], dim=1)
        self.states_buf[:] = self.obs_buf[:, : self.num_states]
        self.rew_buf[:] = -rails.distance()
        reached = rails.distance() < self.cfg['env']['goalDistance']
        self.successes += reached.float()
        self.reset_buf[:] = (reached | (self.progress_buf >= self.max_episode_length - 1)).long()
        self.extras['consecutive_successes'] = self.successes.mean()

    def reset_idx(self, rows):
        self.rails.reset(rows)
        # a third of the length at the most: ends of different rows come apart
        self.progress_buf[rows] = ((self.rails.draw(rows) + 1) * (self.max_episode_length // 6)).long()
        self.successes[rows] = 0
        self.reset_buf[rows] = 0
