# SPDX-License-Identifier: Apache-2.0
"""The MuJoCo scene: a gripper on an impedance law, a peg compliant in its grasp, an octagonal socket.

The socket's mouth is the physics origin; the environment adds the world offset, so that one model
serves every row. Lengths in m, masses in kg, angles in rad.
"""

from collections.abc import Mapping
import math

import mujoco
import numpy as np

PEG_RADIUS = 0.008
PEG_LENGTH = 0.050
TIP = 0.040  # from the middle between the fingertips down to the peg's tip
HOLE_RADIUS = 0.00825  # apothem of the octagon: 0.5 mm of clearance on the diameter
HOLE_DEPTH = 0.020
RING_HEIGHTS = (0.001, 0.019)  # of the two rings of contact spheres, from the tip
SUBSTEPS = 8
TIMESTEP = 1.0 / 480.0

# TacSL's task-space impedance gains
POSITION_GAINS = (600.0, 50.0)
ROTATION_GAINS = (50.0, 1.41)

_GEL, _DARK, _LIGHT = '0.16 0.65 0.62 1', '0.23 0.25 0.28 1', '0.74 0.76 0.79 1'


def _socket() -> str:
    wall, depth = 0.010, HOLE_DEPTH / 2
    width = (HOLE_RADIUS + 2 * wall) * math.tan(math.pi / 8)
    boxes = []
    for side in range(8):
        angle = side * math.pi / 4
        radius = HOLE_RADIUS + wall
        boxes.append(
            f'<geom class="socket" type="box" size="{wall} {width} {depth}" '
            f'pos="{radius * math.cos(angle)} {radius * math.sin(angle)} {-depth}" '
            f'euler="0 0 {angle}"/>'
        )
    bottom = HOLE_RADIUS + 2 * wall
    boxes.append(f'<geom class="socket" type="cylinder" size="{bottom} 0.005" pos="0 0 {-HOLE_DEPTH - 0.005}"/>')
    return '\n'.join(boxes)


def _socket_picture() -> tuple[str, str]:
    """Return the walls as they are drawn: eight wedges without overlap, clear where the camera looks in."""
    inner, outer = HOLE_RADIUS, HOLE_RADIUS + 0.016
    slope = math.tan(math.pi / 8)
    corners = [
        (radius, side * slope * radius, z) for radius in (inner, outer) for side in (-1, 1) for z in (-HOLE_DEPTH, 0.0)
    ]
    vertices = ' '.join(f'{value}' for corner in corners for value in corner)
    wedges = [
        f'<geom class="{"glass" if side in (0, 7) else "steel"}" type="mesh" mesh="wall" '
        f'euler="0 0 {side * math.pi / 4}"/>'
        for side in range(8)
    ]
    mesh = f'<mesh name="wall" vertex="{vertices}"/>'
    return mesh, '\n'.join(wedges)


def _gripper_picture() -> str:
    """Return the fingers, their gel pads (the tactile sensors) and the palm, as they are drawn."""
    boxes = []
    for side in (-1, 1):
        pad, finger = side * (PEG_RADIUS + 0.0005), side * (PEG_RADIUS + 0.006)
        boxes.append(f'<geom class="visual" type="box" size="0.009 0.0015 0.011" pos="0 {pad} 0" rgba="{_GEL}"/>')
        boxes.append(
            f'<geom class="visual" type="box" size="0.009 0.004 0.022" pos="0 {finger} 0.010" rgba="{_DARK}"/>'
        )
    boxes.append(f'<geom class="visual" type="box" size="0.012 0.026 0.006" pos="0 0 0.038" rgba="{_LIGHT}"/>')
    boxes.append(f'<geom class="visual" type="cylinder" size="0.014 0.03" pos="0 0 0.074" rgba="{_DARK}"/>')
    return '\n'.join(boxes)


def _peg() -> str:
    """Two rings of eight small spheres: cheap to collide, smooth, and a rounded edge."""
    sphere = 0.001
    spheres = []
    for height in RING_HEIGHTS:
        for k in range(8):
            angle = k * math.pi / 4
            radius = PEG_RADIUS - sphere
            spheres.append(
                f'<geom class="peg" size="{sphere}" pos="{radius * math.cos(angle)} '
                f'{radius * math.sin(angle)} {height - TIP}"/>'
            )
    return '\n'.join(spheres)


def _joints(prefix: str, slide: str, hinge: Mapping[str, str]) -> str:
    axes = {'x': '1 0 0', 'y': '0 1 0', 'z': '0 0 1'}
    lines = [f'<joint name="{prefix}_{a}" type="slide" axis="{v}" {slide}/>' for a, v in axes.items()]
    lines += [f'<joint name="{prefix}_r{a}" type="hinge" axis="{v}" {hinge[a]}/>' for a, v in axes.items()]
    return '\n'.join(lines)


def _actuators() -> str:
    lines = []
    for prefix, (kp, kv) in (('', POSITION_GAINS), ('r', ROTATION_GAINS)):
        lines += [f'<position joint="ee_{prefix}{axis}" kp="{kp}" kv="{kv}"/>' for axis in 'xyz']
    return '\n'.join(lines)


def scene_xml() -> str:
    """Return the MJCF of one row."""
    hinge = 'stiffness="3" damping="0.03" armature="{}"'
    peg_hinges = {'x': hinge.format(5e-5), 'y': hinge.format(5e-5), 'z': hinge.format(1e-4)}
    body = PEG_LENGTH / 2
    mesh, walls = _socket_picture()
    return f"""
<mujoco model="insertion">
  <compiler angle="radian" autolimits="true"/>
  <option timestep="{TIMESTEP}" gravity="0 0 0" integrator="implicitfast" solver="Newton"
          iterations="20" cone="pyramidal"/>
  <visual>
    <global offwidth="640" offheight="480" fovy="30" azimuth="157" elevation="-26"/>
    <headlight ambient="0.48 0.48 0.48" diffuse="0.34 0.34 0.34" specular="0 0 0"/>
    <quality shadowsize="0" offsamples="8"/>
    <map znear="0.01"/>
  </visual>
  <statistic center="0 0 0.031" extent="0.170"/>
  <asset>{mesh}</asset>
  <default>
    <geom condim="3" friction="0.4" solref="0.008 1"/>
    <default class="socket"><geom group="3" contype="1" conaffinity="2"/></default>
    <default class="peg"><geom type="sphere" mass="0" group="3" contype="2" conaffinity="1"/></default>
    <default class="visual">
      <geom contype="0" conaffinity="0" mass="0"/>
      <default class="steel"><geom rgba="0.42 0.52 0.64 1"/></default>
      <default class="glass"><geom rgba="0.60 0.75 0.90 0.20"/></default>
    </default>
  </default>
  <worldbody>
    <light directional="true" pos="0.3 0.3 0.5" dir="-0.5 -0.6 -1" castshadow="false"
           diffuse="0.44 0.44 0.44" specular="0.1 0.1 0.1"/>
    <geom class="visual" type="plane" size="3 3 0.1" pos="0 0 {-HOLE_DEPTH - 0.01}" rgba="0.97 0.98 0.99 1"/>
    <geom class="steel" type="cylinder" size="0.030 0.005" pos="0 0 {-HOLE_DEPTH - 0.005}"/>
    {walls}
    {_socket()}
    <body name="gripper">
      {_joints('ee', '', dict.fromkeys('xyz', ''))}
      <inertial pos="0 0 0" mass="1" diaginertia="0.01 0.01 0.01"/>
      {_gripper_picture()}
      <body name="peg">
        {_joints('peg', 'stiffness="2500" damping="20"', peg_hinges)}
        <inertial pos="0 0 {body - TIP}" mass="0.05" diaginertia="1.1e-5 1.1e-5 1.6e-6"/>
        <geom class="visual" type="cylinder" size="{PEG_RADIUS - 0.0001} {body}" pos="0 0 {body - TIP}"
              rgba="0.93 0.60 0.18 1"/>
        {_peg()}
      </body>
    </body>
  </worldbody>
  <actuator>
    {_actuators()}
  </actuator>
</mujoco>"""


def build_model() -> mujoco.MjModel:
    """Return a compiled model; its qpos is [gripper xyz, rotations xyz, peg xyz, rotations xyz]."""
    model = mujoco.MjModel.from_xml_string(scene_xml())
    assert model.nq == model.nv == 12 and np.all(model.jnt_qposadr == np.arange(12))
    return model
