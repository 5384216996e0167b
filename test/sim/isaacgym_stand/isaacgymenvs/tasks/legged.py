# SPDX-License-Identifier: Apache-2.0
"""A walking robot: a base that floats, twelve joints that follow their targets."""

from isaacgym import gymapi
from isaacgymenvs.tasks.base.vec_task import VecTask
from isaacgymenvs.utils import rotations
import torch

LEGS, JOINTS = ('LF', 'LH', 'RF', 'RH'), ('HAA', 'HFE', 'KFE')
DOWN = (0.0, 0.0, -1.0)


class Legged(VecTask):
    """What Anymal and AnymalTerrain share. The base turns and moves with the joints, so that every action shows."""

    drive = gymapi.DOF_MODE_POS
    observed, commanded = 48, 3

    def __init__(self, cfg, **arguments):
        env = cfg['env']
        env['numObservations'], env['numActions'] = self.observed, 12
        env['episodeLength'] = int(env['learn']['episodeLength_s'] / cfg['sim']['dt'] + 0.5)
        super().__init__(cfg, **arguments)
        learn, ranges = env['learn'], env['randomCommandVelocityRanges']
        self.lin_vel_scale, self.ang_vel_scale = learn['linearVelocityScale'], learn['angularVelocityScale']
        self.dof_pos_scale, self.dof_vel_scale = learn['dofPositionScale'], learn['dofVelocityScale']
        self.action_scale = env['control']['actionScale']
        self.Kp, self.Kd = env['control']['stiffness'], env['control']['damping']
        self.command_x_range, self.command_y_range = ranges['linear_x'], ranges['linear_y']
        self.command_yaw_range, self.dt = ranges['yaw'], cfg['sim']['dt']
        self.create_sim(env)
        rows, links = self.num_envs, len(self.asset.links)
        self.root_states = self.zeros(rows, 13)
        self.dof_state = self.zeros(rows * 12, 2)
        self.dof_pos, self.dof_vel = self.dof_state.view(rows, 12, 2)[..., 0], self.dof_state.view(rows, 12, 2)[..., 1]
        self.contact_forces, self.torques = self.zeros(rows, links, 3), self.zeros(rows, 12)
        self.commands, self.actions = self.zeros(rows, self.commanded), self.zeros(rows, 12)
        self.gravity_vec = torch.tensor([DOWN], device=self.device).repeat(rows, 1)
        self.default_dof_pos = self.zeros(rows, 12)
        self.default_dof_pos[:] = torch.tensor([env['defaultJointAngles'][name] for name in self.dof_names])
        self.reset_idx(torch.arange(rows, device=self.device))

    def create_sim(self, env):
        """Make the environments of one robot each."""
        self.dof_names = ['{}_{}'.format(leg, joint) for leg in LEGS for joint in JOINTS]
        links = ['base'] + ['{}_{}'.format(leg, part) for leg in LEGS for part in ('HIP', 'THIGH', 'SHANK')]
        gains = {'stiffness': self.Kp, 'damping': self.Kd} if self.drive == gymapi.DOF_MODE_POS else {}
        self.asset = gymapi.Asset(
            links, self.dof_names, driveMode=self.drive, velocity=20.0, effort=80.0, upper=gymapi.UNBOUNDED, **gains
        )
        self.gym = gymapi.Gym([('anymal', self.asset)])
        self.envs = [self.gym.create_env(row) for row in range(self.num_envs)]

    def drawn(self, low, high, *shape):
        """Return random numbers of a range."""
        return torch.rand(*shape, device=self.device) * (high - low) + low

    def physics(self):
        """Let the joints go towards their targets, and the base with them."""
        target = self.action_scale * self.actions + self.default_dof_pos
        self.torques[:] = torch.clamp(self.Kp * (target - self.dof_pos) - self.Kd * self.dof_vel, -80.0, 80.0)
        self.dof_vel[:] = 0.8 * self.dof_vel + 0.05 * self.torques
        self.dof_pos += self.dt * self.dof_vel
        base, legs = self.root_states, self.dof_vel.view(-1, 4, 3)
        base[:, 10:13] = 0.8 * base[:, 10:13] + 0.3 * (legs[:, 0] - legs[:, 3] + legs[:, 1])
        base[:, 7:10] = 0.8 * base[:, 7:10] + 0.02 * rotations.turned(base[:, 3:7], legs.sum(1))
        base[:, :3] += self.dt * base[:, 7:10]
        turn = rotations.rotation(self.dt * base[:, 10:13])
        base[:, 3:7] = rotations.normalised(rotations.product(turn, base[:, 3:7]))
        self.contact_forces[:, 3::3, 2] = 100.0 + self.torques.view(-1, 4, 3)[..., 2]
        self.contact_forces[:, 0] = 0.0

    def fallen(self):
        """Return (rows,) bool: whose base leans far over."""
        return rotations.turned(rotations.inverse(self.root_states[:, 3:7]), self.gravity_vec)[:, 2] > -0.3

    def begin(self, rows):
        """Put joints and base of the rows (indices) where episodes begin, and draw their commands along x and y."""
        count = len(rows)
        self.dof_pos[rows] = self.default_dof_pos[rows] * self.drawn(0.5, 1.5, count, 12)
        self.dof_vel[rows] = self.drawn(-0.1, 0.1, count, 12)
        start = self.cfg['env']['baseInitState']
        values = [*start['pos'], *start['rot'], *start['vLinear'], *start['vAngular']]
        self.root_states[rows] = torch.tensor(values, device=self.device)
        self.commands[rows, 0] = self.drawn(*self.command_x_range, count)
        self.commands[rows, 1] = self.drawn(*self.command_y_range, count)
        self.progress_buf[rows] = 0

    def commands_scale(self):
        """Return the factors of the three commands."""
        return torch.tensor([self.lin_vel_scale, self.lin_vel_scale, self.ang_vel_scale], device=self.device)
