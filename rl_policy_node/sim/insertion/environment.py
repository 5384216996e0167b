# SPDX-License-Identifier: Apache-2.0
"""A tactile peg insertion with IsaacGymEnvs' contract: many rows, one MuJoCo model, two threads.

It replaces TacSL's `TacSLTaskInsertion` and keeps its interface: the observation dict, the critic
states, the six-number action, 256 steps at 60 Hz. It is physics (contact, friction, a compliant grasp),
but it is neither TacSL nor a calibrated model of a robot.
"""

from collections.abc import Iterable, Mapping
import copy
from typing import TypeAlias

import gymnasium
import mujoco
from mujoco import rollout
import numpy as np
from numpy.typing import ArrayLike, NDArray
import torch

from rl_policy_node import geometry
from rl_policy_node.geometry import Floats
from rl_policy_node.sim.insertion import measured, scene, tactile
from rl_policy_node.sim.insertion.measured import DOWN_XYZW, hinges

POSITION_SCALE = 0.01  # m, TacSL's pos_action_scale
ROTATION_SCALE = 0.05  # rad, TacSL's rot_action_scale
ROTATION_THRESHOLD = 1e-6  # rad, TacSL's clamp_rot_thresh
SUCCESS_DISTANCE = 0.0045  # m, mean keypoint distance
KEYPOINTS = np.linspace(-0.25, 0.25, 4)  # m, along the peg's axis

SOCKET_POSITION = np.array([0.5, 0.0, 0.01])  # m, robot base frame
SOCKET_SPREAD = np.array([0.010, 0.010, 0.005])  # m
SOCKET_NOISE = 0.003  # m, error of the observed socket position, per axis
START_XY = 0.010  # m
START_HEIGHT = (0.010, 0.030)  # m, tip above the mouth
START_ANGLE = 0.05  # rad
GRASP_SPREAD = np.array([0.003, 0.0, 0.003, 0.0, 0.2, 0.0])  # m, rad: the peg's pose in the grasp

_OBSERVATIONS = {'ee_pos': (3,), 'ee_quat': (4,), 'socket_pos': (3,), 'socket_quat': (4,)}
_TACTILE = {'tactile_force_field_left': tactile.SHAPE, 'tactile_force_field_right': tactile.SHAPE}
_STATES = {
    'ee_pos': (3,),
    'ee_quat': (4,),
    'ee_lin_vel': (3,),
    'ee_ang_vel': (3,),
    'plug_pos': (3,),
    'plug_quat': (4,),
    'socket_pos_gt': (3,),
    'socket_quat': (4,),
}

# {'obs': name → (num_envs, …), 'states': …}, float32
Observations: TypeAlias = dict[str, dict[str, torch.Tensor]]


def _dict_space(shapes: Mapping[str, tuple[int, ...]]) -> gymnasium.spaces.Dict:
    return gymnasium.spaces.Dict(
        {key: gymnasium.spaces.Box(-np.inf, np.inf, shape, np.float32) for key, shape in shapes.items()}
    )


class InsertionEnv:
    """`num_envs` rows of the insertion task.

    reset() → observations; step(actions (num_envs, 6) in ±1) → observations, rewards (num_envs,),
    dones (num_envs,) uint8, infos. Observations are `{'obs': {...}, 'states': {...}}`, float32 torch
    tensors with one row per environment; a row that is done is returned already reset.
    Each row has its own random stream, so its episodes do not depend on the other rows.
    """

    value_size = 1
    agents = 1
    control_rate = 60.0  # Hz
    scene = measured.described(control_rate)

    def __init__(
        self,
        num_envs: int,
        seed: int = 0,
        episode_length: int = 256,
        tactile_observations: bool = True,
        stagger: bool = False,
        threads: int = 2,
    ) -> None:
        self.num_envs = int(num_envs)
        self.episode_length = int(episode_length)
        shapes: dict[str, tuple[int, ...]] = {**_OBSERVATIONS, **(_TACTILE if tactile_observations else {})}
        self.observation_space = _dict_space(shapes)
        self.state_space = _dict_space(_STATES)
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (6,), np.float32)
        self._random = [np.random.default_rng([int(seed), row]) for row in range(self.num_envs)]
        model = scene.build_model()
        self._models = [copy.deepcopy(model) for _ in range(self.num_envs)]
        self._rollout = rollout.Rollout(nthread=threads)
        self._data = [mujoco.MjData(model) for _ in range(max(threads, 1))]
        self._warmstart = np.zeros((1, model.nv))
        self._state = np.zeros((self.num_envs, mujoco.mj_stateSize(model, mujoco.mjtState.mjSTATE_FULLPHYSICS)))
        assert self._state.shape[1] == 1 + 2 * model.nq, 'time, qpos, qvel'
        self._progress = np.zeros(self.num_envs, dtype=np.int64)
        self._stagger = stagger
        self._socket = np.zeros((self.num_envs, 3))
        self._seen_socket = np.zeros((self.num_envs, 3))
        self._observed: dict[str, NDArray[np.float32]] = {}

    def get_number_of_agents(self) -> int:
        return self.agents

    def get_env_info(self) -> dict[str, object]:
        """Return the description of the environment that rl_games' agents need."""
        return {
            'observation_space': self.observation_space,
            'action_space': self.action_space,
            'state_space': self.state_space,
            'use_global_observations': True,
            'agents': self.agents,
            'value_size': self.value_size,
        }

    def get_env_state(self) -> None:
        return None

    def set_env_state(self, _state: object) -> None:
        """Do nothing: no state persists after an episode."""

    def set_train_info(self, _frame: int, *_args: object) -> None:
        """Do nothing: the task does not change while training."""

    @property
    def qpos(self) -> Floats:
        """Generalised positions (num_envs, 12): gripper and peg joints, socket frame; for rendering."""
        return self._state[:, 1:13]

    def raw(self) -> dict[str, Floats]:
        """Return the raw state after the last reset or step: name → (num_envs, …), as `scene` describes it."""
        return measured.raw_arrays(self._state[:, 1:25], self._socket, self._seen_socket)

    def reset(self) -> Observations:
        """Start a new episode in every row."""
        self._reset_rows(np.arange(self.num_envs))
        if self._stagger:
            self._progress[:] = np.arange(self.num_envs) * self.episode_length // self.num_envs
        return self._observe()

    def step(self, actions: ArrayLike) -> tuple[Observations, torch.Tensor, torch.Tensor, dict[str, torch.Tensor]]:
        """Step one control period (1/60 s): track the target pose of each action."""
        actions = np.asarray(actions, dtype=np.float32)
        if not np.isfinite(actions).all():
            raise ValueError(f'actions of rows {np.nonzero(~np.isfinite(actions).all(1))[0].tolist()} are not finite')
        control = self._impedance_targets(np.clip(actions, -1.0, 1.0))
        states, _ = self._rollout.rollout(
            self._models,
            self._data,
            self._state,
            np.repeat(control[:, None], scene.SUBSTEPS, axis=1),
            initial_warmstart=self._warmstart,
        )
        self._state = np.ascontiguousarray(states[:, -1])
        if not np.isfinite(self._state).all():
            raise FloatingPointError(f'the physics diverged in rows {np.nonzero(~np.isfinite(self._state).all(1))[0]}')
        self._progress += 1
        distance = self._keypoint_distance()
        done = self._progress >= self.episode_length
        infos = {'time_outs': torch.from_numpy(done.copy()), 'successes': torch.from_numpy(distance < SUCCESS_DISTANCE)}
        rewards = torch.from_numpy(self._reward(distance).astype(np.float32))
        if done.any():
            self._reset_rows(np.nonzero(done)[0])
        return self._observe(), rewards, torch.from_numpy(done.astype(np.uint8)), infos

    def _reset_rows(self, rows: Iterable[int]) -> None:
        for row in rows:
            draw = self._random[row].uniform
            self._socket[row] = SOCKET_POSITION + draw(-1, 1, 3) * SOCKET_SPREAD
            self._seen_socket[row] = self._socket[row] + draw(-1, 1, 3) * SOCKET_NOISE
            grasp = draw(-1, 1, 6) * GRASP_SPREAD
            state = self._state[row]
            state[:] = 0.0
            state[1:3] = draw(-1, 1, 2) * START_XY
            state[3] = draw(*START_HEIGHT) + scene.TIP
            state[4:7] = draw(-1, 1, 3) * START_ANGLE
            state[7:13] = grasp
            self._models[row].qpos_spring[6:12] = grasp
            self._progress[row] = 0

    def _impedance_targets(self, actions: Floats) -> Floats:
        position, quaternion = geometry.apply_pose_delta(
            self._observed['ee_pos'],
            self._observed['ee_quat'],
            actions,
            POSITION_SCALE,
            ROTATION_SCALE,
            ROTATION_THRESHOLD,
        )
        matrix = geometry.matrix_from_quaternion(geometry.multiply(quaternion, geometry.conjugate(DOWN_XYZW)))
        angles = np.stack(
            [
                np.arctan2(-matrix[:, 1, 2], matrix[:, 2, 2]),
                np.arcsin(np.clip(matrix[:, 0, 2], -1.0, 1.0)),
                np.arctan2(-matrix[:, 0, 1], matrix[:, 0, 0]),
            ],
            axis=-1,
        )
        return np.concatenate([position - self._socket, angles], axis=-1)

    def _peg_pose(self) -> tuple[Floats, Floats]:
        """Return tip position (N, 3), m, and rotation (N, 4) xyzw of the peg in the socket frame."""
        gripper, in_grasp = hinges(self.qpos[:, 3:6]), hinges(self.qpos[:, 9:12])
        quaternion = geometry.multiply(gripper, in_grasp)
        held = self.qpos[:, 6:9] + geometry.matrix_from_quaternion(in_grasp) @ np.array([0.0, 0.0, -scene.TIP])
        matrix = geometry.matrix_from_quaternion(gripper)
        return self.qpos[:, 0:3] + np.einsum('nij,nj->ni', matrix, held), quaternion

    def _keypoint_distance(self) -> Floats:
        tip, quaternion = self._peg_pose()
        axis = geometry.matrix_from_quaternion(quaternion)[:, :, 2]
        goal = np.array([0.0, 0.0, -scene.HOLE_DEPTH])
        upright = np.array([0.0, 0.0, 1.0])
        error = (tip - goal)[:, None] + KEYPOINTS[:, None] * (axis - upright)[:, None]
        distance: Floats = np.sqrt(np.sum(error * error, axis=-1)).mean(axis=-1)
        return distance

    def _reward(self, distance: Floats) -> Floats:
        """Return TacSL's reward: minus the keypoint distance, a squashed bonus near the goal, and one at it."""
        near = 1.0 / (np.exp(300.0 * distance) + np.exp(-300.0 * distance))
        reward: Floats = -distance + near + 0.5 * (distance < SUCCESS_DISTANCE)
        return reward

    def _observe(self) -> Observations:
        ee_quat = geometry.multiply(hinges(self.qpos[:, 3:6]), DOWN_XYZW)
        displacement = self.qpos[:, 6:12]
        upright = np.tile(geometry.IDENTITY_XYZW, (self.num_envs, 1))
        tip, peg = self._peg_pose()
        values = {
            'ee_pos': self.qpos[:, 0:3] + self._socket,
            'ee_quat': ee_quat,
            'socket_pos': self._seen_socket,
            'socket_quat': upright,
            'tactile_force_field_left': tactile.force_field(displacement, +1),
            'tactile_force_field_right': tactile.force_field(displacement, -1),
            'ee_lin_vel': self._state[:, 13:16],
            'ee_ang_vel': self._state[:, 16:19],
            'plug_pos': tip + self._socket,
            'plug_quat': peg,
            'socket_pos_gt': self._socket,
        }
        values = {key: value.astype(np.float32) for key, value in values.items()}
        self._observed = values
        return {
            'obs': {key: torch.from_numpy(values[key]) for key in self.observation_space.spaces},
            'states': {key: torch.from_numpy(values[key]) for key in self.state_space.spaces},
        }
