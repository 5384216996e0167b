# SPDX-License-Identifier: Apache-2.0
"""A gripper with tactile fingers that carries a plug to a socket, observed as TacSL's insertion is."""

from isaacgym import gymapi
from isaacgymenvs.tasks.base.vec_task import VecTask
from isaacgymenvs.utils import rotations
import torch

LINKS = (
    ['panda_link{}'.format(index) for index in range(8)]
    + ['panda_hand', 'panda_leftfingertip', 'panda_rightfingertip', 'panda_fingertip_centered']
)  # fmt: skip
HAND, LEFT, RIGHT, CENTRE, PLUG, SOCKET, TABLE = range(8, 15)


class FactoryBase(VecTask):
    """The tensors and targets of the arm. The hand follows its target pose; joints and links go with it."""

    def __init__(self, cfg, **arguments):
        super().__init__(cfg, **arguments)
        self.cfg_ctrl = {'motor_ctrl_mode': 'manual'}
        joints = ['panda_joint{}'.format(index) for index in range(1, 8)]
        limits = {'hasLimits': True, 'lower': [-2.9] * 7 + [0.0] * 2, 'upper': [2.9] * 7 + [0.04] * 2}
        arm = gymapi.Asset(
            LINKS, joints + ['panda_finger_joint1', 'panda_finger_joint2'], velocity=2.0, effort=87.0, **limits
        )
        plug = gymapi.Asset(['plug'], centres={'plug': (0.0, 0.01, 0.02)})
        boxes = [('socket', gymapi.Asset(['socket'])), ('table', gymapi.Asset(['box']))]
        self.gym = gymapi.Gym([('franka', arm), ('plug', plug)] + boxes)
        self.env_ptrs = [self.gym.create_env(row) for row in range(self.num_envs)]
        rows = self.num_envs
        self.root_state, self.body_state = self.zeros(rows * 4, 13), self.zeros(rows * 15, 13)
        self.dof_state, self.dof_force = self.zeros(rows * 9, 2), self.zeros(rows * 9, 1)
        self.contact_force_net = self.zeros(rows, 15, 3)
        self.roots, self.bodies = self.root_state.view(rows, 4, 13), self.body_state.view(rows, 15, 13)
        self.dof_pos = self.dof_state.view(rows, 9, 2)[..., 0]
        self.dof_vel = self.dof_state.view(rows, 9, 2)[..., 1]
        self.dof_torque = self.zeros(rows, 9)

    def move(self, target, orientation):
        """Let the hand go half of the way to a target position and all of the way to an orientation."""
        bodies, dt = self.bodies, self.cfg['sim']['dt']
        before, turned = bodies[:, CENTRE, :3].clone(), bodies[:, CENTRE, 3:7].clone()
        centre = 0.5 * (before + target)
        spin = rotations.product(orientation, rotations.inverse(turned))[:, :3] * 2.0 / dt
        velocity = (centre - before) / dt
        wanted = torch.cat([velocity, spin, spin[:, :1], self.zeros(self.num_envs, 2)], dim=1)
        self.dof_torque = 5.0 * wanted - self.dof_vel
        self.dof_vel[:] = wanted
        self.dof_pos += dt * wanted
        self.dof_force.view(self.num_envs, 9)[:] = 0.9 * self.dof_torque
        self.place(centre, orientation, velocity, spin)

    def place(self, centre, orientation, velocity, spin):
        """Put the links where a pose of the fingertips has them, and the plug into the hand."""
        offsets = {HAND: (0.0, 0.0, -0.1), LEFT: (0.0, 0.02, 0.0), RIGHT: (0.0, -0.018, 0.0), CENTRE: (0.0, 0.0, 0.0)}
        for index in range(HAND):
            self.bodies[:, index, :3] = centre * (index / 10.0)
            self.bodies[:, index, 6] = 1.0
        for index, offset in offsets.items():
            self._put(self.bodies, index, centre, orientation, velocity, spin, offset)
        # what Isaac Gym gives is the velocity of the plug's centre of mass
        self._put(self.roots, 1, centre, orientation, velocity, spin, (0.0, 0.01, 0.05))
        self.roots[:, 1, :3] = centre + self._turned(orientation, (0.0, 0.0, 0.03))
        for index, root in ((0, 0), (PLUG, 1), (SOCKET, 2), (TABLE, 3)):
            self.bodies[:, index] = self.roots[:, root]
        left, right = self.bodies[:, LEFT, :3], self.bodies[:, RIGHT, :3]
        self.fingertip_midpoint_pos = (left + right) * 0.5
        self.fingertip_midpoint_quat = self.bodies[:, CENTRE, 3:7]
        arm = self.fingertip_midpoint_pos - self.bodies[:, CENTRE, :3]
        self.fingertip_midpoint_linvel = velocity + torch.cross(spin, arm, dim=1)
        self.fingertip_midpoint_angvel = self.bodies[:, CENTRE, 10:13]

    def _put(self, states, index, centre, orientation, velocity, spin, offset):
        arm = self._turned(orientation, offset)
        parts = [centre + arm, orientation, velocity + torch.cross(spin, arm, dim=1), spin]
        states[:, index] = torch.cat(parts, dim=1)

    def _turned(self, orientation, offset):
        return rotations.turned(orientation, torch.tensor([offset], device=self.device).repeat(self.num_envs, 1))


class TacSLTaskInsertion(FactoryBase):
    """Poses, joints, images and a force field; all rows end together and are reset before the next physics."""

    def __init__(self, cfg, **arguments):
        super().__init__(cfg, **arguments)
        self.reset_idx(torch.arange(self.num_envs, device=self.device))

    def pre_physics_step(self, actions):
        rows = self.reset_buf.nonzero(as_tuple=False).flatten()
        if len(rows) > 0:
            self.reset_idx(rows)
        scales = [list(self.cfg['rl'][name]) for name in ('pos_action_scale', 'rot_action_scale')]
        shifts, turns = (torch.tensor(scale, device=self.device) for scale in scales)
        target = self.bodies[:, CENTRE, :3] + actions[:, :3] * shifts
        turn = rotations.rotation(actions[:, 3:6] * turns)
        self.move(target, rotations.normalised(rotations.product(turn, self.bodies[:, CENTRE, 3:7])))

    def simulate(self):
        pass

    def get_camera_image_tensors_dict(self):
        """Render, and return name -> images (rows, height, width, 3) uint8 or depths."""
        self.renders = getattr(self, 'renders', 0) + 1
        away = self.roots[:, 2, :3] - self.bodies[:, CENTRE, :3]
        pixels = torch.arange(32 * 24 * 3, device=self.device).view(1, 32, 24, 3)
        image = ((pixels + (away * 2000.0).long()[:, None, None, :]) % 256).to(torch.uint8)
        depth = away[:, 2, None, None].expand(-1, 32, 24)
        return {'left_tactile_camera': depth, 'left_tactile_camera_taxim': image, 'wrist': image.flip(1)}

    def get_tactile_force_field_tensors_dict(self):
        """Return name -> forces (rows, 4, 3, 3)."""
        taxels = torch.arange(12, device=self.device).view(1, 4, 3, 1) * 0.01
        return {'tactile_force_field_left': taxels + self.bodies[:, CENTRE, None, None, 7:10]}

    def post_physics_step(self):
        self.progress_buf += 1
        observed = {
            'ee_pos': self.fingertip_midpoint_pos,
            'ee_quat': self.fingertip_midpoint_quat,
            'socket_pos': self.roots[:, 2, :3],
            'socket_quat': self.roots[:, 2, 3:7],
            'dof_pos': self.dof_pos,
        }
        images = self.get_camera_image_tensors_dict()
        for name in ('left_tactile_camera', 'left_tactile_camera_taxim'):
            images[name] = images[name][:, ::4, ::4]
        observed.update({name: image / 255.0 for name, image in images.items() if name in self.obs_dims})
        observed.update(self.get_tactile_force_field_tensors_dict())
        for name, value in observed.items():
            self.obs_dict[name][:] = value
        self.obs_dict['tactile_force_field_left'][..., 0] *= 0.0
        self.rew_buf[:] = -(self.roots[:, 2, :3] - self.fingertip_midpoint_pos).norm(dim=1)
        self.reset_buf[:] = (self.progress_buf >= self.max_episode_length - 1).long()

    def reset_idx(self, rows):
        count = len(rows)
        socket = torch.rand(count, 3, device=self.device) * 0.1 + torch.tensor([0.4, 0.0, 0.0], device=self.device)
        self.roots[rows] = 0.0
        self.roots[rows, :, 6] = 1.0
        self.roots[rows, 2, :3] = socket
        self.dof_pos[rows] = torch.rand(count, 9, device=self.device) * 0.04
        self.dof_vel[rows] = 0.0
        centre, orientation = self.bodies[:, CENTRE, :3].clone(), self.bodies[:, CENTRE, 3:7].clone()
        centre[rows] = socket + torch.tensor([0.0, 0.0, 0.1], device=self.device)
        orientation[rows] = rotations.rotation(torch.rand(count, 3, device=self.device))
        still = self.zeros(self.num_envs, 3)
        self.place(centre, orientation, still, still)
        self.progress_buf[rows] = 0
        self.reset_buf[rows] = 0
