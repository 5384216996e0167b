# SPDX-License-Identifier: Apache-2.0
"""The raw state of Gymnasium's environments that MuJoCo simulates: what MuJoCo itself says, and nothing disturbed."""

import ast
from pathlib import Path
import sys

import gymnasium as gym
import numpy as np
import pytest

from rl_policy_node import geometry
from rl_policy_node.sim import create_environment, worker
from rl_policy_node.sim.environment_specs import EnvironmentSpec, GymnasiumSpec, PythonSpec
from rl_policy_node.sim.gymnasium import create

mujoco = pytest.importorskip('mujoco')
ARM, ROWS = 'sim.mujoco_rooms:Arm-v0', 3


def played(id, steps, **options):
    """Return an environment after some random steps, its last actions, and the environments of its rows."""
    made, random = create(ROWS, 4, id, **options), np.random.default_rng(0)
    made.reset()
    actions = None
    for _ in range(steps):
        actions = random.uniform(-1.5, 1.5, (ROWS, *made.action_space.shape)).astype(np.float32)
        made.step(actions)
    return made, actions, [env.unwrapped for env in made._vector.envs]


@pytest.mark.parametrize('id', [ARM, 'Ant-v5', 'Pusher-v5'])
def test_bodies_have_the_pose_and_the_velocity_of_their_origin_in_the_world(id):
    made, _, envs = played(id, 7)
    found, com = made.raw()['bodies'], made.raw()['com']
    for row, env in enumerate(envs):
        now = mujoco.MjData(env.model)
        now.qpos[:], now.qvel[:] = env.data.qpos, env.data.qvel
        mujoco.mj_forward(env.model, now)
        for body in range(1, env.model.nbody):
            velocity = np.empty(6)
            mujoco.mj_objectVelocity(env.model, now, mujoco.mjtObj.mjOBJ_XBODY, body, velocity, 0)
            w, x, y, z = now.xquat[body]
            wanted = [*now.xpos[body], x, y, z, w, *velocity[3:], *velocity[:3]]
            np.testing.assert_allclose(found[row, body - 1], wanted, atol=1e-9)
            mujoco.mj_objectVelocity(env.model, now, mujoco.mjtObj.mjOBJ_BODY, body, velocity, 0)
            np.testing.assert_allclose(com[row, body - 1], velocity[3:], atol=1e-9)
    assert np.abs(found[..., 7:]).max() > 0.1, 'they move'


def test_joints_are_named_and_in_the_order_of_the_model():
    made, _, envs = played(ARM, 3)
    arm, raw = made.scene['articulations']['cart'], made.raw()
    assert arm['joints'] == ['rail', 'shoulder', 'joint2', 'wrist'] and arm['root'] == 'cart/cart'
    assert arm['lower'] == [-1.0, pytest.approx(-np.pi / 2), None, None] and arm['max_effort'] == [
        40.0,
        None,
        None,
        None,
    ]
    assert made.scene['bodies'] == ['cart/cart', 'cart/upper', 'cart/body3', 'ball', 'table']
    assert list(made.scene['articulations']) == ['cart'], 'what moves freely has no joints'
    for row, env in enumerate(envs):
        assert np.array_equal(raw['joints/cart/position'][row], env.data.qpos[:4])
        assert np.array_equal(raw['joints/cart/velocity'][row], env.data.qvel[:4])
        assert np.array_equal(raw['joints/cart/effort'][row], env.data.qfrc_actuator[:4])


def test_actuators_are_told_as_the_terms_of_the_action():
    made, actions, _ = played(ARM, 4)
    actions[0, 0] = 1.3
    made.step(actions)
    terms = made.scene['actions']
    assert [term['kind'] for term in terms] == ['joint_effort', 'joint_position', 'joint_velocity', 'other']
    assert [term.get('joints') for term in terms] == [['rail'], ['shoulder'], ['wrist'], None]
    assert [term.get('scale') for term in terms] == [[20.0], [0.5], [1.0], None] and terms[3]['size'] == 1
    assert terms[0]['clip'] == [[-40.0, 20.0]] and terms[1]['clip'] is None
    raw = made.raw()
    nan = np.full(ROWS, np.nan)
    effort = [20.0, *(20.0 * actions[1:, 0])]
    for quantity, wanted in (
        ('effort', [effort, nan, nan, nan]),
        ('position', [nan, 0.5 * actions[:, 1], nan, nan]),
        ('velocity', [nan, nan, nan, actions[:, 2]]),
    ):
        np.testing.assert_allclose(raw[f'targets/cart/{quantity}'], np.stack(wanted, 1), rtol=1e-6)


def test_position_actuator_goes_to_the_target_that_the_scene_states():
    env = gym.make(ARM).unwrapped
    env.model.opt.gravity[:] = 0.0
    env.model.dof_damping[:] = 5.0
    env.reset(seed=0)
    for _ in range(400):
        env.step(np.array([0.0, 0.8, 0.0, 0.0]))
    assert env.data.qpos[1] == pytest.approx(0.5 * 0.8, abs=0.01)


def test_environment_that_changes_its_actions_has_a_law_of_its_own():
    made = create(ROWS, 4, 'sim.mujoco_rooms:Turned-v0')
    assert made.scene['actions'] == [{'name': 'action', 'kind': 'other', 'size': 4}]
    pendulum = create(ROWS, 4, 'sim.pendulum_forces:PendulumForces-v0')
    assert [term['kind'] for term in pendulum.scene['actions']] == ['other'], 'it chooses among forces'


def test_accelerometer_measures_in_the_axes_of_its_body():
    made, _, envs = played(ARM, 5)
    assert made.scene['sensors']['felt'] == {'kind': 'acceleration', 'body': 'cart/upper'}
    for env in envs:
        mujoco.mj_forward(env.model, env.data)
    raw = made.raw()
    for row, env in enumerate(envs):
        acceleration = np.empty(6)
        mujoco.mj_rnePostConstraint(env.model, env.data)
        body = mujoco.mj_name2id(env.model, mujoco.mjtObj.mjOBJ_BODY, 'upper')
        mujoco.mj_objectAcceleration(env.model, env.data, mujoco.mjtObj.mjOBJ_XBODY, body, acceleration, 1)
        np.testing.assert_allclose(raw['sensors/felt'][row], acceleration[3:], atol=1e-9)
        assert raw['sensors/angle'][row] == env.data.qpos[1]


def test_reading_changes_nothing_of_an_episode():
    quiet, read = create(ROWS, 4, 'Ant-v5', max_episode_steps=8), create(ROWS, 4, 'Ant-v5', max_episode_steps=8)
    assert np.array_equal(quiet.reset(), read.reset())
    random = np.random.default_rng(0)
    for _ in range(20):
        actions = random.uniform(-1.5, 1.5, (ROWS, 8)).astype(np.float32)
        read.raw()
        for found, wanted in zip(read.step(actions)[:3], quiet.step(actions)[:3]):
            assert np.array_equal(found, wanted)


def test_row_that_ended_already_shows_its_next_episode():
    made, actions, envs = played(ARM, 25)
    raw = made.raw()
    assert not raw['joints/cart/position'].any(), 'as the reset leaves it'
    np.testing.assert_allclose(raw['targets/cart/velocity'][:, 3], actions[:, 2]), 'of the step before the reset'


def test_other_environments_offer_none():
    assert create(ROWS, 4, 'CartPole-v1').scene is None
    apart = create(ROWS, 4, 'InvertedPendulum-v5', vectorization_mode='async')
    assert apart.scene is None
    apart.close()


def test_raw_state_of_a_worker_is_the_same():
    spec = {'seed': 5, 'gymnasium': GymnasiumSpec('Ant-v5')}
    here = create_environment(EnvironmentSpec('gymnasium', 2, **spec))
    there = create_environment(EnvironmentSpec('gymnasium', 2, python=PythonSpec(sys.executable), **spec))
    try:
        assert here.scene == there.scene
        for environment in (here, there):
            environment.reset()
            environment.step(np.full((2, 8), 0.3, np.float32))
        found, wanted = there.raw, here.raw
        assert list(found) == list(wanted) and 'bodies' in found
        assert all(np.array_equal(found[name], wanted[name]) for name in wanted)
        quaternions = found['bodies'][..., 3:7]
        np.testing.assert_allclose(geometry.normalize_quaternion(quaternions), quaternions, atol=1e-9)
    finally:
        there.close()


def test_file_is_written_for_python_3_6():
    path = Path(worker.__file__).with_name('mujoco_state.py')
    ast.parse(path.read_text(), feature_version=(3, 6))
