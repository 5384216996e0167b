# SPDX-License-Identifier: Apache-2.0
"""The insertion task: the contract of its environment, rows apart, and touch that tells the truth."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest
import torch
import yaml

mujoco = pytest.importorskip('mujoco')

from rl_policy_node import geometry  # noqa: E402
from rl_policy_node.sim.insertion import environment, scene, tactile  # noqa: E402
from rl_policy_node.sim.insertion.environment import InsertionEnv  # noqa: E402

OBSERVATIONS = {
    'ee_pos': (3,),
    'ee_quat': (4,),
    'socket_pos': (3,),
    'socket_quat': (4,),
    'tactile_force_field_left': (4, 4, 3),
    'tactile_force_field_right': (4, 4, 3),
}
STATES = {
    'ee_pos': (3,),
    'ee_quat': (4,),
    'ee_lin_vel': (3,),
    'ee_ang_vel': (3,),
    'plug_pos': (3,),
    'plug_quat': (4,),
    'socket_pos_gt': (3,),
    'socket_quat': (4,),
}
PADS = 'tactile_force_field_left', 'tactile_force_field_right'
NORMAL, SHEAR_X, SHEAR_Z = 0, 1, 2


def make(rows, **options):
    return InsertionEnv(rows, **{'seed': 3, 'threads': 1, **options})


def random_actions(rows, steps, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (steps, rows, 6)).astype(np.float32)


def trajectory(env, actions, rows=slice(None)):
    """Return everything that `rows` give in an episode of `actions` (steps, num_envs, 6), as one list."""
    found = [value.numpy()[rows] for group in env.reset().values() for value in group.values()]
    for action in actions:
        observations, rewards, dones, infos = env.step(action)
        found += [value.numpy()[rows] for group in observations.values() for value in group.values()]
        found += [value.numpy()[rows] for value in (rewards, dones, infos['successes'], infos['time_outs'])]
        found.append(env.qpos[rows].copy())
    return found


def grasp_at_rest(env):
    """Return the peg's pose at which each row's grasp is at rest (rows, 6)."""
    return np.array([model.qpos_spring[6:12] for model in env._models])


def assert_same(left, right):
    assert len(left) == len(right)
    for a, b in zip(left, right):
        np.testing.assert_array_equal(a, b)


def check_observations(observations, rows, keys=OBSERVATIONS):
    assert set(observations) == {'obs', 'states'}
    for group, shapes in (('obs', keys), ('states', STATES)):
        assert {key: tuple(value.shape) for key, value in observations[group].items()} == {
            key: (rows, *shape) for key, shape in shapes.items()
        }
        for value in observations[group].values():
            assert value.dtype == torch.float32 and torch.isfinite(value).all()


@pytest.mark.parametrize('rows', [1, 3])
def test_reset_and_step_keep_the_contract(rows):
    env = make(rows)
    check_observations(env.reset(), rows)
    observations, rewards, dones, infos = env.step(np.zeros((rows, 6), np.float32))
    check_observations(observations, rows)
    assert (rewards.shape, rewards.dtype) == ((rows,), torch.float32) and torch.isfinite(rewards).all()
    assert (dones.shape, dones.dtype) == ((rows,), torch.uint8)
    for key in ('time_outs', 'successes'):
        assert (infos[key].shape, infos[key].dtype) == ((rows,), torch.bool)
    assert env.qpos.shape == (rows, 12)


def test_spaces_are_those_of_what_is_observed():
    info = make(2).get_env_info()
    for space, shapes in (('observation_space', OBSERVATIONS), ('state_space', STATES)):
        assert {key: box.shape for key, box in info[space].spaces.items()} == shapes
    assert info['action_space'].shape == (6,) and info['use_global_observations']


def test_blind_environment_differs_in_its_observations_only():
    poses = {key: shape for key, shape in OBSERVATIONS.items() if key not in PADS}
    blind, seeing = make(2, tactile_observations=False), make(2)
    assert set(blind.observation_space.spaces) == set(poses)
    check_observations(blind.reset(), 2, poses)
    seeing.reset()
    for action in random_actions(2, 5):
        check_observations(blind.step(action)[0], 2, poses)
        seeing.step(action)
    np.testing.assert_array_equal(blind.qpos, seeing.qpos)


def test_actions_may_be_tensors():
    arrays, tensors = make(2), make(2)
    actions = random_actions(2, 3)
    assert_same(trajectory(arrays, actions), trajectory(tensors, torch.from_numpy(actions)))


def test_row_comes_back_reset_from_its_last_step():
    env = make(2, episode_length=5)
    first, down = env.reset()['obs'], np.tile(np.float32([0, 0, -1, 0, 0, 0]), (2, 1))
    for step in range(1, 11):
        before = env.qpos.copy()
        observations, _, dones, infos = env.step(down)
        ended = step % 5 == 0
        assert dones.tolist() == [ended] * 2 and infos['time_outs'].tolist() == [ended] * 2
        assert (env.qpos[:, 2] > before[:, 2]).all() == ended  # only a new episode starts higher
        if ended:
            assert (observations['obs']['socket_pos'] != first['socket_pos']).any()
            np.testing.assert_array_equal(env.qpos[:, 6:], grasp_at_rest(env))


def test_staggered_rows_end_one_after_the_other():
    env = make(4, episode_length=8, stagger=True)
    env.reset()
    ends = [env.step(np.zeros((4, 6), np.float32))[2].tolist() for _ in range(16)]
    rows = [[step for step in range(16) if ends[step][row]] for row in range(4)]
    assert rows == [[7, 15], [5, 13], [3, 11], [1, 9]]


def test_same_seed_gives_the_same_trajectory_to_the_bit():
    actions = random_actions(3, 40)
    once = trajectory(make(3, episode_length=16), actions)
    assert_same(once, trajectory(make(3, episode_length=16), actions))
    assert_same(once, trajectory(make(3, episode_length=16, threads=2), actions))
    assert not np.array_equal(once[0], trajectory(make(3, episode_length=16, seed=4), actions[:0])[0])


def test_second_episode_is_not_the_first_again():
    env = make(1)
    assert not torch.equal(env.reset()['obs']['ee_pos'], env.reset()['obs']['ee_pos'])


@pytest.mark.parametrize('rows', [1, 2, 5])
def test_row_depends_neither_on_the_others_nor_on_their_number(rows):
    """Contact included: the actions press the peg down."""
    own = random_actions(1, 60) + np.float32([0, 0, -0.7, 0, 0, 0])
    others = random_actions(rows, 60, seed=1)
    others[:, :1] = own
    alone = trajectory(make(1, episode_length=45), own, rows=0)
    assert_same(trajectory(make(rows, episode_length=45), others, rows=0), alone)


def test_rows_differ():
    found = make(3).reset()['obs']
    for key in set(OBSERVATIONS) - {'socket_quat'}:
        assert len(np.unique(found[key].numpy().reshape(3, -1), axis=0)) == 3, key


def test_signs_of_quaternions_are_those_that_the_shipped_file_tells():
    """unique_sign (w of 0 or more) changes nothing of the socket's, and would turn the gripper's around."""
    env = make(8)
    seen = [env.reset()['obs'], *(env.step(action)[0]['obs'] for action in random_actions(8, 60))]
    gripper, socket = (np.concatenate([each[key].numpy() for each in seen]) for key in ('ee_quat', 'socket_quat'))
    assert (gripper[:, 0] > 0.9).all() and gripper[:, 3].min() < 0 < gripper[:, 3].max()
    assert (socket == geometry.IDENTITY_XYZW).all()
    file = Path(__file__).parents[2] / 'config' / 'insertion.yaml'
    terms = yaml.safe_load(file.read_text())['/**']['ros__parameters']['terms']
    assert {name for name, term in terms.items() if term.get('unique_sign')} == {'socket_quat'}


def test_actions_are_clipped_to_one():
    actions = np.sign(random_actions(2, 10))
    assert_same(trajectory(make(2), actions), trajectory(make(2), 7 * actions))


def test_episodes_start_above_the_socket_whose_place_is_seen_within_the_noise():
    env = make(64)
    found = env.reset()
    socket, seen = found['states']['socket_pos_gt'].numpy(), found['obs']['socket_pos'].numpy()
    above = found['obs']['ee_pos'].numpy() - socket
    assert np.abs(seen - socket).max() <= environment.SOCKET_NOISE + 1e-7
    assert np.ptp(seen - socket, axis=0).min() > environment.SOCKET_NOISE
    assert (np.abs(above[:, :2]) <= environment.START_XY + 1e-7).all()
    low, high = environment.START_HEIGHT
    assert above[:, 2].min() >= low + scene.TIP - 1e-7 and above[:, 2].max() <= high + scene.TIP + 1e-7


@pytest.mark.parametrize('axis', range(6))
@pytest.mark.parametrize('sign', [1, -1])
def test_gripper_goes_where_the_action_points(axis, sign):
    env = make(4)
    before, action = env.reset()['obs'], np.zeros((4, 6), np.float32)
    action[:, axis] = sign * 0.3
    for _ in range(15):
        after = env.step(action)[0]['obs']
    moved = after['ee_pos'].numpy().astype(float) - before['ee_pos'].numpy()
    turned = geometry.rotation_vector_from_quaternion(
        geometry.multiply(
            after['ee_quat'].numpy().astype(float), geometry.conjugate(before['ee_quat'].numpy().astype(float))
        )
    )
    along = np.hstack([moved / environment.POSITION_SCALE, turned / environment.ROTATION_SCALE]) * sign
    assert (along[:, axis] > 0.1).all()
    assert (np.abs(np.delete(along, axis, axis=1)) < 0.3 * along[:, [axis]]).all()


def test_peg_that_is_led_by_the_truth_is_inserted_and_rewarded():
    env = make(4)
    states, rewards = env.reset()['states'], []
    for step in range(120):
        truth = {key: value.numpy().astype(float) for key, value in states.items()}
        error = truth['socket_pos_gt'] - truth['plug_pos']
        error[:, 2] -= scene.HOLE_DEPTH if step > 40 else -0.004  # first above the mouth, then down
        tilt = geometry.rotation_vector_from_quaternion(geometry.conjugate(truth['plug_quat']))
        action = np.hstack([error / environment.POSITION_SCALE, tilt / environment.ROTATION_SCALE])
        observations, reward, _, infos = env.step(np.clip(action, -1, 1))
        states = observations['states']
        rewards.append(reward.numpy())
    assert infos['successes'].all()
    assert rewards[-1].min() > 0.5 > np.max(rewards[:20])


def field(displacement, side=1):
    return tactile.force_field(np.atleast_2d(np.asarray(displacement, dtype=float)), side)[0]


def pushed(force, steps=300):
    """Return the fields (left, right) when a force (3,), N, pulls at the peg of a still gripper in free space."""
    model = scene.build_model()
    data = mujoco.MjData(model)
    data.qpos[2] = data.ctrl[2] = 0.2
    data.xfrc_applied[model.body('peg').id, :3] = force
    mujoco.mj_step(model, data, steps)
    assert data.ncon == 0
    return [field(data.qpos[6:12], side) for side in (1, -1)]


@pytest.mark.parametrize('axis, component', [(0, SHEAR_X), (2, SHEAR_Z)])
@pytest.mark.parametrize('force', [1.0, -1.0])
def test_force_along_the_pads_is_felt_as_shear_of_its_sign_and_size(axis, component, force):
    felt = np.stack(pushed(np.eye(3)[axis] * force))
    assert (felt[..., component] * force > 0).all()
    assert felt[..., component].sum() == pytest.approx(force, rel=0.05)
    other = SHEAR_X + SHEAR_Z - component
    assert abs(felt[..., other].sum()) < 0.01


def test_force_below_the_pads_is_felt_most_by_the_lowest_row():
    for pad in pushed([1.0, 0.0, 0.0]):
        assert (np.diff(pad[..., SHEAR_X], axis=0) < 0).all()  # rows go up


@pytest.mark.parametrize('force', [1.0, -1.0])
def test_force_towards_a_pad_presses_it_and_relieves_the_other(force):
    (left, right), rest = pushed([0.0, force, 0.0]), field(np.zeros(6))
    assert (left[..., NORMAL].sum() - rest[..., NORMAL].sum()) * force > 0
    assert (right[..., NORMAL].sum() - rest[..., NORMAL].sum()) * force < 0


@given(
    st.lists(st.floats(-1e-3, 1e-3), min_size=3, max_size=3), st.lists(st.floats(-0.05, 0.05), min_size=3, max_size=3)
)
def test_pads_are_mirrors_of_each_other(moved, turned):
    displacement = np.array(moved + turned)
    mirrored = displacement * [1, -1, 1, -1, 1, -1]
    np.testing.assert_array_equal(field(displacement, 1), field(mirrored, -1))


@given(st.lists(st.floats(-0.02, 0.02), min_size=6, max_size=6))
def test_normal_forces_only_press_and_friction_bounds_the_shear(displacement):
    for side in (1, -1):
        felt = field(displacement, side)
        assert (felt[..., NORMAL] >= 0).all()
        shear = np.linalg.norm(felt[..., 1:], axis=-1)
        assert (shear <= tactile.FRICTION * felt[..., NORMAL] * (1 + 1e-12)).all()


def test_touch_reveals_the_grasp_before_any_contact():
    """Shear tells where the peg sits in the grasp: its mean the offset, its slope over the rows the pitch."""
    env = make(32)
    found, grasp = env.reset()['obs'], grasp_at_rest(env)
    felt = np.stack([found[pad].numpy().astype(float) for pad in PADS]) / tactile.SHEAR_STIFFNESS
    mean = felt.mean(axis=(0, 2, 3))
    height = np.linspace(-0.009, 0.009, 4)
    pitch = np.einsum('pnrc,r->n', felt[..., SHEAR_X], height) / (8 * (height @ height))
    np.testing.assert_allclose(mean[:, SHEAR_X], grasp[:, 0], atol=1e-8)
    np.testing.assert_allclose(mean[:, SHEAR_Z], grasp[:, 2], atol=1e-8)
    np.testing.assert_allclose(pitch, grasp[:, 4], atol=1e-6)
    assert np.ptp(grasp[:, [0, 2, 4]], axis=0) == pytest.approx(2 * environment.GRASP_SPREAD[[0, 2, 4]], rel=0.25)


def test_peg_that_is_pressed_on_the_socket_is_pushed_up_in_the_grasp():
    env = make(4)
    env.reset()
    down = np.tile(np.float32([0, 0, -1, 0, 0, 0]), (4, 1))
    for _ in range(40):
        found = env.step(down)[0]['obs']
    lifted = np.stack([found[pad].numpy()[..., SHEAR_Z] for pad in PADS]).mean(axis=(0, 2, 3))
    assert (lifted > grasp_at_rest(env)[:, 2] * tactile.SHEAR_STIFFNESS + 0.02).all()


def test_raw_state_is_what_mujoco_says_of_the_bodies():
    env = make(3)
    env.reset()
    for action in random_actions(3, 30):
        env.step(action)
    bodies, names = env.raw()['bodies'], env.scene['bodies']
    for row, model in enumerate(env._models):
        data = mujoco.MjData(model)
        data.qpos[:], data.qvel[:] = env._state[row, 1:13], env._state[row, 13:25]
        mujoco.mj_forward(model, data)
        for name, down, offset in (('gripper', 1, 0.0), ('peg', 0, -scene.TIP)):
            body, velocity = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_BODY, name), np.empty(6)
            mujoco.mj_objectVelocity(model, data, mujoco.mjtObj.mjOBJ_XBODY, body, velocity, 0)
            away = data.xmat[body].reshape(3, 3) @ [0.0, 0.0, offset]
            found = bodies[row, names.index(name)]
            np.testing.assert_allclose(found[:3], data.xpos[body] + away + env._socket[row], atol=1e-9)
            turned = geometry.matrix_from_quaternion(found[3:7]) @ np.diag([1.0, -1.0, -1.0] if down else [1.0] * 3)
            np.testing.assert_allclose(turned, data.xmat[body].reshape(3, 3), atol=1e-9)
            np.testing.assert_allclose(found[7:10], velocity[3:] + np.cross(velocity[:3], away), atol=1e-9)
            np.testing.assert_allclose(found[10:], velocity[:3], atol=1e-9)
            assert np.abs(found[7:]).min() > 1e-6, 'it moves and turns'


def test_raw_state_is_what_the_observations_show():
    env = make(2)
    observed = env.reset()['obs']
    for action in random_actions(2, 5):
        raw, names = env.raw(), env.scene['bodies']
        for name, body in (('ee', 'gripper'), ('socket', 'socket_estimate')):
            pose = raw['bodies'][:, names.index(body)]
            np.testing.assert_allclose(pose[:, :3], observed[f'{name}_pos'], atol=1e-6)
            np.testing.assert_allclose(pose[:, 3:7], observed[f'{name}_quat'], atol=1e-6)
        for side in ('left', 'right'):
            field = observed[f'tactile_force_field_{side}']
            np.testing.assert_allclose(raw[f'sensors/tactile_{side}'], field, atol=1e-6)
        observed = env.step(action)[0]['obs']
    assert not np.allclose(raw['bodies'][:, 1], raw['bodies'][:, 2]), 'the socket is not where it is seen'
