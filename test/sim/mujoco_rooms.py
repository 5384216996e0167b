# SPDX-License-Identifier: Apache-2.0
"""Small environments that MuJoCo simulates, registered as they are imported: `mujoco_rooms:Arm-v0`, `…:Turned-v0`."""

import gymnasium
from gymnasium import spaces
import mujoco
import numpy as np

ARM = """
<mujoco>
  <option timestep="0.005"/>
  <worldbody>
    <body name="cart" pos="0 0 1">
      <joint name="rail" type="slide" axis="1 0 0" range="-1 1" limited="true"/>
      <geom size="0.1" mass="1"/>
      <body name="upper" pos="0.2 0 0" euler="0 90 0">
        <joint name="shoulder" axis="0 1 0" range="-90 90" limited="true"/>
        <geom type="capsule" size="0.05" fromto="0 0 0 0.3 0 0.1"/>
        <site name="imu" pos="0 0 0" euler="0 0 90"/>
        <body pos="0.3 0 0">
          <joint axis="1 0 0"/>
          <joint name="wrist" axis="0 0 1"/>
          <geom type="capsule" size="0.04" fromto="0 0 0 0.2 0.1 0"/>
        </body>
      </body>
    </body>
    <body name="ball" pos="0 1 0.5"><freejoint/><geom size="0.05"/></body>
    <body name="table" pos="0 1 0"><geom type="box" size="0.2 0.2 0.1"/></body>
  </worldbody>
  <actuator>
    <motor name="push" joint="rail" gear="20" ctrlrange="-2 1" ctrllimited="true"/>
    <position name="lift" joint="shoulder" kp="30" kv="2" gear="2"/>
    <velocity name="turn" joint="wrist" kv="5"/>
    <general name="odd" joint="wrist" dyntype="filter" dynprm="0.1"/>
  </actuator>
  <sensor>
    <accelerometer name="felt" site="imu"/>
    <jointpos name="angle" joint="shoulder"/>
  </sensor>
</mujoco>
"""


class Arm(gymnasium.Env):
    """A cart with an arm, a ball and a table; an episode is 25 steps. sign: of the controls that an action gives."""

    metadata = {'render_modes': [], 'render_fps': 50}

    def __init__(self, sign=1.0):
        self.model = mujoco.MjModel.from_xml_string(ARM)
        self.data = mujoco.MjData(self.model)
        self.observation_space = spaces.Box(-np.inf, np.inf, (self.model.nq,))
        self.action_space = spaces.Box(-1.0, 1.0, (self.model.nu,), np.float32)
        self._sign = sign

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        mujoco.mj_resetData(self.model, self.data)
        self.data.qvel[:] = self.np_random.normal(size=self.model.nv)
        self._steps = 0
        return self._observe(), {}

    def step(self, action):
        self.data.ctrl[:] = self._sign * action
        mujoco.mj_step(self.model, self.data, 4)
        self._steps += 1
        return self._observe(), 0.0, False, self._steps % 25 == 0, {}

    def _observe(self):
        return self.data.qpos.astype(np.float32)


gymnasium.register('Arm-v0', Arm)
gymnasium.register('Turned-v0', Arm, kwargs={'sign': -1.0})
