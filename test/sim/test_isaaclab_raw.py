# SPDX-License-Identifier: Apache-2.0
"""Raw state of Isaac Lab's tasks: the published formulae make of it the simulator's own observation, in every row."""

import json
import math
import subprocess

import numpy as np
import pytest
from sim.isaaclab_runs import assets_with_ant, lab_python, LEGGED, run_lab, RUNS, TASKS

from rl_policy_node.sim import isaaclab, isaaclab_laws

ROWS, STEPS = 4, 60
NEAR = {'rtol': 0.0, 'atol': 1e-5}


@pytest.fixture(scope='module')
def assets(tmp_path_factory):
    return assets_with_ant(tmp_path_factory.mktemp('lab'), lab_python())


class Record:
    """What a task's process recorded. state: raw state, (steps + 1, rows, …); own: what the articulation has itself."""

    def __init__(self, assets, task, clip, *overrides):
        path = assets.parent / 'record.npz'
        orders = [isaaclab.__file__, path, task, str(ROWS), str(STEPS), str(clip), *overrides]
        said = run_lab(RUNS / 'raw_recorded.py', *orders, ISAACSIM_ASSET_ROOT=str(assets), PYTHONPATH=str(TASKS))
        assert 'raw state without' not in said, 'nothing is left out'
        arrays = dict(np.load(path))
        self.obs, self.dones = arrays['obs'], arrays['dones'].astype(bool)
        self.actions = np.clip(arrays['actions'], -clip, clip)
        self.state = {name[4:]: value for name, value in arrays.items() if name.startswith('raw/')}
        self.scene, self.own = (json.loads(str(arrays[name])) for name in ('scene', 'own'))
        self.robot = self.scene['articulations'][self.own['name']]

    def joints(self, quantity, *names):
        """Return a quantity of joints, in the order of names or the simulator's."""
        columns = [self.robot['joints'].index(name) for name in names or self.robot['joints']]
        return self.state[f'joints/{self.own["name"]}/{quantity}'][..., columns]

    def body(self, name):
        """Return the state of a body, (steps + 1, rows, 13)."""
        return self.state['bodies'][:, :, self.scene['bodies'].index(name)]

    def last_actions(self):
        """Return the action of each step, zeros after resets."""
        kept = np.where(self.dones[..., None], 0.0, self.actions)
        return np.concatenate([np.zeros_like(kept[:1]), kept])


def into(quaternion, vector):
    """Return a vector of the world in the frame of a body; quaternion: x, y, z, w."""
    axis, scalar = -quaternion[..., :3], quaternion[..., 3:]
    turned = 2.0 * np.cross(axis, vector)
    return vector + scalar * turned + np.cross(axis, turned)


def check_what_all_have(record):
    """Check the description against the articulation's own words, and the targets against the actions."""
    robot, own = record.robot, record.own
    assert record.scene['rate'] > 0.0 and record.dones.any(axis=0).all(), 'each row is reset in it'
    assert robot['joints'] == own['joints']
    assert record.scene['bodies'] == [f'{own["name"]}/{body}' for body in own['bodies']]
    assert robot['default'] == own['default']
    for name in ('lower', 'upper', 'max_velocity'):
        stated = [None if abs(value) >= 1e6 else value for value in own[name]]
        assert robot[name] == stated
    efforts = np.abs(record.joints('effort'))
    assert efforts.max() > 0.0
    assert (efforts <= np.array([math.inf if most is None else most for most in robot['max_effort']]) + 1e-4).all()
    (term,) = record.scene['actions']
    kind = term['kind'].partition('_')[2]
    columns = [robot['joints'].index(name) for name in term['joints']]
    targets = record.state[f'targets/{own["name"]}/{kind}'][1:]
    expected = np.float32(term['scale']) * record.actions + np.float32(term['offset'])
    if term['clip']:
        expected = np.clip(expected, *np.float32(term['clip']).T)
    np.testing.assert_allclose(targets[..., columns], expected, rtol=1e-6, atol=1e-6)
    others = np.delete(targets, columns, axis=-1)
    assert np.isnan(others).all()
    for other in {'position', 'velocity', 'effort'} - {kind}:
        assert np.isnan(record.state[f'targets/{own["name"]}/{other}']).all()


@pytest.mark.lab
def test_a_legged_robots_observation_follows_from_its_raw_state(assets):
    record = Record(
        assets,
        LEGGED,
        10.0,
        'env.observations.policy.enable_corruption=false',
        'env.episode_length_s=0.7',
        'env.events.push.interval_range_s=[0.1,0.4]',
    )
    check_what_all_have(record)
    base = record.body('robot/base')
    expected = [
        into(base[..., 3:7], base[..., 7:10]),
        into(base[..., 3:7], base[..., 10:13]),
        into(base[..., 3:7], np.broadcast_to([0.0, 0.0, -1.0], base[..., :3].shape)),
        record.state['commands/base_velocity'],
        record.joints('position') - record.robot['default'],
        record.joints('velocity') - record.robot['default_velocity'],
        record.last_actions(),
    ]
    np.testing.assert_allclose(record.obs, np.concatenate(expected, -1), **NEAR)
    assert [each['shape'] for each in record.scene['terms']['obs']] == [[part.shape[-1]] for part in expected]
    assert record.robot['root'] == 'robot/base'
    assert record.robot['stiffness'][:3] == [30.0, 30.0, 40.0] and set(record.robot['max_effort']) == {20.0}
    ranges = record.scene['commands']['base_velocity']['ranges']
    commands = record.state['commands/base_velocity']
    for column, name in enumerate(['lin_vel_x', 'lin_vel_y', 'ang_vel_z']):
        assert (ranges[name][0] <= commands[..., column]).all() and (commands[..., column] <= ranges[name][1]).all()
    check_rigid(record, base)
    check_specific_force(record)


TABLES = """
import importlib, sys
from isaaclab.envs.mdp.actions import (
    binary_joint_actions, joint_actions, joint_actions_to_limits, non_holonomic_actions, task_space_actions
)
found = {}
for module in (
    binary_joint_actions, joint_actions, joint_actions_to_limits, non_holonomic_actions, task_space_actions
):
    found.update(vars(module))
for name in sys.argv[1].split():
    assert 'apply_actions' in vars(found[name]), name
for place in sys.argv[2].split():
    module, _, name = place.partition(':')
    kind = getattr(importlib.import_module(module), name)
    assert {'_pre_physics_step', '_apply_action'} <= set(vars(kind)), place
"""


@pytest.mark.lab
def test_isaac_lab_has_what_the_tables_of_laws_name():
    orders = [TABLES, ' '.join(isaaclab_laws.TARGETS), ' '.join(isaaclab_laws.DIRECT)]
    subprocess.run([lab_python(), '-c', *orders], check=True, timeout=300)


def check_rigid(record, base):
    """Links move with the base as a rigid body where no joint turns between: also in rows that were just reset."""
    haunch = record.body('robot/front_left_haunch')
    arm = haunch[..., :3] - base[..., :3]
    np.testing.assert_allclose(into(base[..., 3:7], arm), np.broadcast_to([0.2, 0.1, 0.0], arm.shape), **NEAR)
    moved = base[..., 7:10] + np.cross(base[..., 10:13], arm)
    np.testing.assert_allclose(haunch[..., 7:10], moved, **NEAR)
    shank = record.scene['bodies'].index('robot/front_left_shank')
    state = record.state['bodies'][:, :, shank]
    down = -into(state[..., 3:7] * [-1, -1, -1, 1], np.broadcast_to([0.0, 0.0, 0.1], arm.shape))
    np.testing.assert_allclose(
        record.state['com'][:, :, shank], state[..., 7:10] + np.cross(state[..., 10:13], down), **NEAR
    )


def check_specific_force(record):
    """The robot is upright, and its weight rests on its feet: the force is upwards, and that of gravity on average."""
    assert record.scene['sensors']['imu']['body'] == 'robot/base'
    assert abs(record.state['sensors/imu'][5:, :, 2].mean() - 9.81) < 3.0
    feet = record.state['sensors/contact_forces'][5:, :, :, 2].sum(-1)
    weight = (6.0 + 4 * 1.1) * 9.81
    assert abs(feet.mean() - weight) < 0.3 * weight


@pytest.mark.lab
def test_a_cartpoles_observation_follows_from_its_raw_state(assets):
    record = Record(assets, 'Isaac-Cartpole-Direct', 1.0, 'env.episode_length_s=0.6')
    check_what_all_have(record)
    joints = 'slider_to_cart', 'cart_to_pole'
    assert record.scene['actions'][0]['joints'] == [joints[0]]
    expected = [record.joints('position', *joints), record.joints('velocity', *joints)]
    np.testing.assert_allclose(record.obs, np.concatenate(expected, -1), **NEAR)


@pytest.mark.lab
def test_an_ants_observation_follows_from_its_raw_state(assets):
    record = Record(assets, 'Isaac-Ant-Direct', 5.0, 'env.episode_length_s=0.6')
    check_what_all_have(record)
    # the task clamps actions to ±1, its wrapper only to ±5
    assert (np.abs(record.actions) > 1.0).any() and set(record.scene['actions'][0]['scale']) == {7.5}
    assert record.scene['actions'][0]['clip'] == [[-7.5, 7.5]] * 8
    torso = record.body('robot/torso')
    pose, spin = torso[..., :7], into(torso[..., 3:7], torso[..., 10:13])
    # the task observes the velocity of the centre of mass
    speed = into(pose[..., 3:], record.state['com'][:, :, record.scene['bodies'].index('robot/torso')])
    x, y, z, w = np.moveaxis(pose[..., 3:], -1, 0)
    roll = np.arctan2(2.0 * (w * x + y * z), 1.0 - 2.0 * (x * x + y * y))
    yaw = np.arctan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z))
    target = np.array([1000.0, 0.0]) - pose[..., :2]
    heading = np.stack([1.0 - 2.0 * (y * y + z * z), 2.0 * (w * z + x * y)], -1)
    lower, upper = np.array(record.robot['lower']), np.array(record.robot['upper'])
    feet = [
        record.scene['sensors']['joint_wrench']['bodies'].index(name)
        for name in ('front_left_foot', 'front_right_foot', 'left_back_foot', 'right_back_foot')
    ]
    wrench = record.state['sensors/joint_wrench'][:, :, feet].reshape(STEPS + 1, ROWS, -1)
    single = np.stack(
        [
            wrapped(yaw),
            wrapped(roll),
            wrapped(np.arctan2(target[..., 1], target[..., 0]) - yaw),
            1.0 - 2.0 * (x * x + y * y),
            (heading * target / np.linalg.norm(target, axis=-1, keepdims=True)).sum(-1),
        ],
        -1,
    )
    expected = [
        pose[..., 2:3],
        speed,
        spin,
        single,
        (2.0 * record.joints('position') - upper - lower) / (upper - lower),
        0.2 * record.joints('velocity'),
        0.1 * wrench,
        record.last_actions(),
    ]
    np.testing.assert_allclose(record.obs, np.concatenate(expected, -1), **NEAR)


def wrapped(angle):
    """Return an angle in ±π."""
    return np.arctan2(np.sin(angle), np.cos(angle))
