"""The MuJoCo scene: a gripper on an impedance law, a peg compliant in its grasp, an octagonal socket.

The socket's mouth is the physics origin; the environment adds the world offset, so that one model
serves every row. Lengths in m, masses in kg, angles in rad.
"""
import math

import mujoco
import numpy as np

PEG_RADIUS = 0.008
PEG_LENGTH = 0.050
TIP = 0.040                  # from the middle between the fingertips down to the peg's tip
HOLE_RADIUS = 0.00825        # apothem of the octagon: 0.5 mm of clearance on the diameter
HOLE_DEPTH = 0.020
RING_HEIGHTS = (0.001, 0.019)    # of the two rings of contact spheres, from the tip
SUBSTEPS = 8
TIMESTEP = 1.0 / 480.0

# TacSL's task-space impedance gains
POSITION_GAINS = (600.0, 50.0)
ROTATION_GAINS = (50.0, 1.41)


def _socket():
    wall, depth = 0.010, HOLE_DEPTH / 2
    width = (HOLE_RADIUS + 2 * wall) * math.tan(math.pi / 8)
    boxes = []
    for side in range(8):
        angle = side * math.pi / 4
        radius = HOLE_RADIUS + wall
        boxes.append(
            f'<geom class="socket" type="box" size="{wall} {width} {depth}" '
            f'pos="{radius * math.cos(angle)} {radius * math.sin(angle)} {-depth}" '
            f'euler="0 0 {angle}"/>')
    bottom = HOLE_RADIUS + 2 * wall
    boxes.append(f'<geom class="socket" type="cylinder" size="{bottom} 0.005" '
                 f'pos="0 0 {-HOLE_DEPTH - 0.005}"/>')
    return '\n'.join(boxes)


def _peg():
    """Two rings of eight small spheres: cheap to collide, smooth, and a rounded edge."""
    sphere = 0.001
    spheres = []
    for height in RING_HEIGHTS:
        for k in range(8):
            angle = k * math.pi / 4
            radius = PEG_RADIUS - sphere
            spheres.append(
                f'<geom class="peg" size="{sphere}" pos="{radius * math.cos(angle)} '
                f'{radius * math.sin(angle)} {height - TIP}"/>')
    return '\n'.join(spheres)


def _joints(prefix, slide, hinge):
    axes = {'x': '1 0 0', 'y': '0 1 0', 'z': '0 0 1'}
    lines = [f'<joint name="{prefix}_{a}" type="slide" axis="{v}" {slide}/>' for a, v in axes.items()]
    lines += [f'<joint name="{prefix}_r{a}" type="hinge" axis="{v}" {hinge[a]}/>' for a, v in axes.items()]
    return '\n'.join(lines)


def _actuators():
    lines = []
    for prefix, (kp, kv) in (('', POSITION_GAINS), ('r', ROTATION_GAINS)):
        lines += [f'<position joint="ee_{prefix}{axis}" kp="{kp}" kv="{kv}"/>' for axis in 'xyz']
    return '\n'.join(lines)


def scene_xml():
    """Return the MJCF of one row."""
    hinge = 'stiffness="3" damping="0.03" armature="{}"'
    peg_hinges = {'x': hinge.format(5e-5), 'y': hinge.format(5e-5), 'z': hinge.format(1e-4)}
    body = PEG_LENGTH / 2
    return f"""
<mujoco model="insertion">
  <compiler angle="radian" autolimits="true"/>
  <option timestep="{TIMESTEP}" gravity="0 0 0" integrator="implicitfast" solver="Newton"
          iterations="20" cone="pyramidal"/>
  <visual>
    <global offwidth="640" offheight="480" azimuth="125" elevation="-22"/>
    <headlight ambient="0.45 0.45 0.45" diffuse="0.5 0.5 0.5" specular="0.1 0.1 0.1"/>
    <quality shadowsize="0"/>
    <map znear="0.01"/>
  </visual>
  <statistic center="0 0 0.01" extent="0.12"/>
  <default>
    <geom condim="3" friction="0.4" solref="0.008 1"/>
    <default class="socket"><geom rgba="0.30 0.42 0.55 0.45" contype="1" conaffinity="2"/></default>
    <default class="peg"><geom type="sphere" mass="0" rgba="0.9 0.5 0.1 1" contype="2" conaffinity="1"/></default>
    <default class="visual"><geom contype="0" conaffinity="0" mass="0"/></default>
  </default>
  <worldbody>
    <light pos="0.1 -0.2 0.4" dir="-0.2 0.4 -1" castshadow="false"/>
    <geom class="visual" type="plane" size="0.2 0.2 0.01" pos="0 0 {-HOLE_DEPTH - 0.01}" rgba="0.93 0.93 0.9 1"/>
    {_socket()}
    <body name="gripper">
      {_joints('ee', '', dict.fromkeys('xyz', ''))}
      <inertial pos="0 0 0" mass="1" diaginertia="0.01 0.01 0.01"/>
      <geom class="visual" type="box" size="0.010 0.004 0.011" pos="0 {PEG_RADIUS + 0.003} 0" rgba="0.15 0.15 0.15 1"/>
      <geom class="visual" type="box" size="0.010 0.004 0.011" pos="0 {-PEG_RADIUS - 0.003} 0" rgba="0.15 0.15 0.15 1"/>
      <geom class="visual" type="box" size="0.008 0.022 0.010" pos="0 0 0.026" rgba="0.75 0.75 0.78 1"/>
      <body name="peg">
        {_joints('peg', 'stiffness="2500" damping="20"', peg_hinges)}
        <inertial pos="0 0 {body - TIP}" mass="0.05" diaginertia="1.1e-5 1.1e-5 1.6e-6"/>
        <geom class="visual" type="cylinder" size="{PEG_RADIUS - 0.0001} {body}" pos="0 0 {body - TIP}" rgba="0.93 0.62 0.18 1"/>
        {_peg()}
      </body>
    </body>
  </worldbody>
  <actuator>
    {_actuators()}
  </actuator>
</mujoco>"""


def build_model():
    """Return a compiled model; its qpos is [gripper xyz, rotations xyz, peg xyz, rotations xyz]."""
    model = mujoco.MjModel.from_xml_string(scene_xml())
    assert model.nq == model.nv == 12 and np.all(model.jnt_qposadr == np.arange(12))
    return model
