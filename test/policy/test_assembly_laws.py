# SPDX-License-Identifier: Apache-2.0
"""Isaac Lab's own Factory, FORGE and AutoMate observe and act as their layouts say."""

import numpy as np
import pytest
from sim.isaaclab_runs import run_lab, RUNS

from rl_policy_node import geometry
from rl_policy_node.control.context import Context
from rl_policy_node.control.terms.computed import LastAction, LastActionOptions
from rl_policy_node.control.terms.kind import Setting

ROWS, STEPS, DT = 5, 40, 1.0 / 120.0
# those of the script
TIP, EMA = np.array([0.5, 0.1, 0.05]), 0.2
POSITION_BOUNDS, POSITION_THRESHOLD = np.array([0.05, 0.06, 0.07]), np.array([0.02, 0.01, 0.015])
ROTATION_BOUND, ROTATION_THRESHOLD = 0.7, np.array([0.1, 0.11, 0.12])
pytestmark = pytest.mark.lab


@pytest.fixture(scope='module')
def played(tmp_path_factory):
    """Return a function from a task to what its class made of a hand: name → (steps, rows, n)."""
    file = tmp_path_factory.mktemp('laws') / 'laws.npz'
    run_lab(RUNS / 'assembly_laws.py', file, ROWS, STEPS)
    found = np.load(file)
    return lambda task: {name.partition('/')[2]: value for name, value in found.items() if name.startswith(f'{task}/')}


def yaw_of(quaternion):
    """Return the turn about z of roll, pitch, yaw."""
    x, y, z, w = np.moveaxis(quaternion.astype(np.float64), -1, 0)
    return np.arctan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))


def same_angle(left, right, tolerance=1e-4):
    apart = (left - right + np.pi) % (2 * np.pi) - np.pi
    assert np.abs(apart).max() < tolerance


def test_factory_observes_velocities_by_differences(played):
    seen = played('factory')
    np.testing.assert_allclose(seen['linear'][1:], np.diff(seen['position'], axis=0) / DT, atol=1e-4)
    turned = geometry.multiply(seen['orientation'][1:], geometry.conjugate(seen['orientation'][:-1]))
    turned = np.where(turned[..., 3:] < 0, -turned, turned)
    np.testing.assert_allclose(
        seen['angular'][1:], geometry.rotation_vector_from_quaternion(turned) / DT, atol=0.05, rtol=1e-3
    )


def test_automate_observes_the_goal_of_the_fingertips_by_its_formula(played):
    seen = played('automate')
    turn = np.array([0.6, 0.0, 0.0, 0.8])
    goal = np.array([0.01, 0.02, 0.03]) + geometry.rotate(turn, np.array([0.0, 0.0, -0.1134]))
    observed = seen['observed']
    np.testing.assert_allclose(observed[..., 7:14], np.concatenate([seen['position'], seen['orientation']], -1))
    np.testing.assert_allclose(observed[..., 14:17], np.broadcast_to(goal, seen['position'].shape), atol=1e-6)
    np.testing.assert_allclose(observed[..., 17:21], np.broadcast_to(turn, seen['orientation'].shape), atol=1e-6)
    np.testing.assert_allclose(observed[..., 21:], goal - seen['position'], atol=1e-6)


def test_node_observes_factorys_smoothed_action_to_the_last_bit(played):
    seen = played('factory')
    term = LastAction(LastActionOptions(smoothing=EMA), Setting({}, {}, ROWS, 6), 'prev_actions')
    now = Context.at_reset(ROWS, 6)
    np.testing.assert_array_equal(term.compute({}, now), 0)
    for action, smoothed in zip(seen['given'], seen['smoothed']):
        now.last_action[:] = action
        np.testing.assert_array_equal(term.compute({}, now), smoothed)


@pytest.mark.parametrize('task', ['factory', 'automate'])
def test_target_moves_from_the_measured_pose_within_bounds_about_the_tip(played, task):
    seen = played(task)
    away = seen['position'] + seen['smoothed'][..., :3] * POSITION_THRESHOLD - TIP
    # the first of the bounds below and the second above, whatever the axis
    within = np.clip(away, -POSITION_BOUNDS[0], POSITION_BOUNDS[1])
    assert (away < within).any() and (away > within).any()
    np.testing.assert_allclose(seen['target_position'], TIP + within, atol=1e-6)
    turn = geometry.quaternion_from_rotation_vector(seen['smoothed'][..., 3:].astype(float) * ROTATION_THRESHOLD)
    turned = geometry.multiply(turn, seen['orientation'].astype(float))
    same_angle(yaw_of(seen['target_orientation']), yaw_of(turned))
    down = geometry.rotate(seen['target_orientation'].astype(float), np.array([0.0, 0.0, 1.0]))
    np.testing.assert_allclose(down, np.broadcast_to([0.0, 0.0, -1.0], down.shape), atol=1e-4)


def test_velocities_that_forge_observes_are_those_of_its_layout(played):
    seen = played('forge')
    assert np.abs(np.diff(seen['position'], axis=0)).max() / DT > 0.5, 'the hand moves'
    assert (seen['linear'] == 0).all()
    x, y, z, w = np.moveaxis(seen['orientation'].astype(np.float64), -1, 0)
    vector, scalar = np.stack([0 * x, w * y - x * z, x * y + w * z], axis=-1), y * y + z * z
    length = np.linalg.norm(vector, axis=-1)
    half = np.arctan2(length, scalar)  # of a quaternion that is not of length 1
    angle = vector[..., 2] * 2 * half / np.sin(half)
    np.testing.assert_allclose(seen['angular'][..., 2], angle / DT, rtol=1e-3, atol=0.1)
    assert (seen['angular'][..., :2] == 0).all() and np.abs(seen['angular'][..., 2]).max() > 50.0
    np.testing.assert_allclose(seen['observed_orientation'], seen['orientation'] * [0, 1, 1, 0], atol=1e-6)


def test_forge_sets_targets_about_the_tip_near_the_measured_pose(played):
    seen = played('forge')
    away = TIP + seen['smoothed'][..., :3] * POSITION_BOUNDS - seen['position']
    wanted = seen['position'] + np.clip(away, -POSITION_THRESHOLD, POSITION_THRESHOLD)
    np.testing.assert_allclose(seen['target_position'], wanted, atol=1e-6)
    yaw = -np.pi + 1.5 * np.pi * (seen['smoothed'][..., 5] * ROTATION_BOUND + 1) / 2
    turn = geometry.quaternion_from_rotation_vector(np.stack([0 * yaw, 0 * yaw, yaw.astype(float)], axis=-1))
    asked = geometry.multiply(np.array([1.0, 0.0, 0.0, 0.0]), turn)

    def counted(quaternion):
        """Yaws from -125 to 235 degrees."""
        yaw = yaw_of(quaternion) % (2 * np.pi)
        return np.where(yaw > np.deg2rad(235), yaw - 2 * np.pi, yaw)

    now = counted(seen['orientation'])
    step = np.clip(counted(asked) - now, -ROTATION_THRESHOLD[2], ROTATION_THRESHOLD[2])
    assert (np.abs(step) < ROTATION_THRESHOLD[2]).any()
    same_angle(yaw_of(seen['target_orientation']), now + step)
