# SPDX-License-Identifier: Apache-2.0
"""Rotations against Rodrigues' formula, and the pose-delta law against its docstring, there and back."""

from hypothesis import assume, given
from hypothesis import strategies as st
import numpy as np
import pytest

from rl_policy_node import geometry

POSITION_SCALE, ROTATION_SCALE, THRESHOLD = 0.01, 0.05, 1e-6
HALF = np.sqrt(0.5)


def vectors(size, largest):
    """Return a strategy for float64 arrays (1, size) within ±largest."""
    return st.lists(st.floats(-largest, largest), min_size=size, max_size=size).map(lambda v: np.array([v]))


def quaternions(dtype=np.float64):
    """Return a strategy for unit quaternions (1, 4), as exact as `dtype`."""
    return (
        vectors(4, 1.0).filter(lambda q: np.linalg.norm(q) > 0.1).map(lambda q: (q / np.linalg.norm(q)).astype(dtype))
    )


def rodrigues(vector):
    """Return the rotation matrix (3, 3) of a rotation vector (3,), without quaternions."""
    angle = np.linalg.norm(vector)
    x, y, z = vector / angle if angle else vector
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def signed(smallest):
    """Return a strategy for float32 numbers of a magnitude from `smallest` to 1."""
    smallest = float(np.nextafter(np.float32(smallest), np.float32(1)))
    return st.builds(lambda sign, size: sign * size, st.sampled_from([-1, 1]), st.floats(smallest, 1.0, width=32))


@given(vectors(3, 10.0))
def test_quaternion_of_a_rotation_vector_turns_as_rodrigues_says(vector):
    quaternion = geometry.quaternion_from_rotation_vector(vector)
    np.testing.assert_allclose(geometry.matrix_from_quaternion(quaternion)[0], rodrigues(vector[0]), atol=1e-14)


@given(quaternions(), quaternions())
def test_product_rotates_by_the_right_factor_first(left, right):
    product = geometry.matrix_from_quaternion(geometry.multiply(left, right))
    one_by_one = geometry.matrix_from_quaternion(left) @ geometry.matrix_from_quaternion(right)
    np.testing.assert_allclose(product, one_by_one, atol=1e-14)


def test_product_of_quarter_turns_is_the_known_one():
    about_x, about_z = np.array([[HALF, 0, 0, HALF]]), np.array([[0, 0, HALF, HALF]])
    np.testing.assert_allclose(geometry.multiply(about_z, about_x), [[0.5, 0.5, 0.5, 0.5]], atol=1e-14)
    np.testing.assert_allclose(geometry.multiply(about_x, about_z), [[0.5, -0.5, 0.5, 0.5]], atol=1e-14)


def test_quaternions_are_x_y_z_w():
    about_z = geometry.quaternion_from_rotation_vector([[0, 0, np.pi / 2]])
    np.testing.assert_allclose(about_z, [[0, 0, HALF, HALF]], atol=1e-14)
    np.testing.assert_allclose(geometry.matrix_from_quaternion(about_z)[0] @ [1, 0, 0], [0, 1, 0], atol=1e-14)
    np.testing.assert_array_equal(geometry.matrix_from_quaternion(geometry.IDENTITY_XYZW), np.eye(3))


@given(quaternions())
def test_conjugate_is_the_inverse(quaternion):
    back = geometry.conjugate(quaternion)
    np.testing.assert_allclose(geometry.multiply(quaternion, back), [geometry.IDENTITY_XYZW], atol=1e-14)
    np.testing.assert_allclose(
        geometry.matrix_from_quaternion(back)[0], geometry.matrix_from_quaternion(quaternion)[0].T, atol=1e-14
    )


@given(vectors(3, 1.8))
def test_rotation_vector_of_its_quaternion_is_the_same_vector(vector):
    quaternion = geometry.quaternion_from_rotation_vector(vector)
    np.testing.assert_allclose(geometry.rotation_vector_from_quaternion(quaternion), vector, rtol=1e-14, atol=1e-14)
    np.testing.assert_allclose(geometry.rotation_vector_from_quaternion(-quaternion), vector, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize('angle', [0.0, 1e-140, 1e-12, 1e-7, np.pi - 1e-9])
def test_rotation_vector_keeps_tiny_and_nearly_half_turns(angle):
    vector = np.array([[0.0, angle, 0.0]])
    back = geometry.rotation_vector_from_quaternion(geometry.quaternion_from_rotation_vector(vector))
    np.testing.assert_allclose(back, vector, rtol=1e-6, atol=1e-160)


@given(quaternions())
def test_rotation_vector_takes_the_short_way(quaternion):
    assert np.linalg.norm(geometry.rotation_vector_from_quaternion(quaternion)) <= np.pi + 1e-14


@given(quaternions(np.float32), st.floats(0.1, 10.0))
def test_normalized_quaternion_is_unit_float64_and_of_the_same_direction(quaternion, length):
    unit = geometry.normalize_quaternion(quaternion * np.float32(length))
    assert unit.dtype == np.float64
    np.testing.assert_allclose(np.linalg.norm(unit), 1.0, rtol=1e-14)
    np.testing.assert_allclose(unit, quaternion, atol=1e-6)


@given(quaternions(), vectors(3, 1.0))
def test_angle_between_is_the_angle_of_the_turn_from_one_to_the_other(quaternion, turn):
    turned = geometry.multiply(geometry.quaternion_from_rotation_vector(turn), quaternion)
    for other in (turned, -turned):
        np.testing.assert_allclose(geometry.angle_between(quaternion, other), np.linalg.norm(turn), atol=1e-14)


@given(vectors(3, 1.0), quaternions(np.float32), vectors(6, 1.0))
def test_pose_delta_is_the_sum_and_the_turn_that_its_docstring_states(position, quaternion, action):
    scales = np.array([0.01, 0.02, 0.03]), np.array([0.05, 0.06, 0.07])
    target, orientation = geometry.apply_pose_delta(position, quaternion, action, *scales, 0.0)
    np.testing.assert_array_equal(target, position + action[:, :3] * scales[0])
    observed = geometry.matrix_from_quaternion(geometry.normalize_quaternion(quaternion))[0]
    np.testing.assert_allclose(
        geometry.matrix_from_quaternion(orientation)[0], rodrigues(action[0, 3:] * scales[1]) @ observed, atol=1e-14
    )
    assert abs(np.linalg.norm(orientation) - 1.0) < 1e-14


def test_pose_delta_turns_about_the_axes_of_the_base_not_of_the_gripper():
    down = np.array([[1.0, 0.0, 0.0, 0.0]])
    action = np.array([[0, 0, 0, 0, 0, 1.0]])
    _, orientation = geometry.apply_pose_delta(np.zeros((1, 3)), down, action, 0.01, np.pi / 2, 0.0)
    # what pointed along the base's x points along its y now
    np.testing.assert_allclose(geometry.matrix_from_quaternion(orientation)[0] @ [1, 0, 0], [0, 1, 0], atol=1e-14)
    np.testing.assert_allclose(orientation, [[HALF, HALF, 0, 0]], atol=1e-14)


@pytest.mark.parametrize('angle, turned', [(0.0, False), (0.9e-6, False), (1e-6, False), (1.1e-6, True)])
def test_turns_not_above_the_threshold_are_left_out(angle, turned):
    quaternion = geometry.normalize_quaternion([[0.1, -0.2, 0.3, 0.9]])
    action = np.array([[0, 0, 0, angle, 0, 0]])
    _, orientation = geometry.apply_pose_delta(np.zeros((1, 3)), quaternion, action, 1.0, 1.0, THRESHOLD)
    assert np.array_equal(geometry.normalize_quaternion(quaternion), orientation) != turned
    assert geometry.angle_between(quaternion, orientation) == pytest.approx(angle * turned, rel=1e-6, abs=1e-14)


def test_threshold_bounds_the_whole_angle_not_its_components():
    action = np.array([[0, 0, 0, 0.9e-6, 0.9e-6, 0.0]]) / ROTATION_SCALE
    _, orientation = geometry.apply_pose_delta(
        np.zeros((1, 3)), [geometry.IDENTITY_XYZW], action, POSITION_SCALE, ROTATION_SCALE, THRESHOLD
    )
    np.testing.assert_allclose(orientation, [[0.45e-6, 0.45e-6, 0.0, 1.0]], rtol=1e-6)


def _there_and_back(position, quaternion, action):
    target = geometry.apply_pose_delta(position, quaternion, action, POSITION_SCALE, ROTATION_SCALE, THRESHOLD)
    return geometry.pose_delta_between(position, quaternion, *target, POSITION_SCALE, ROTATION_SCALE)


@given(
    vectors(3, 0.99),
    quaternions(np.float32),
    st.lists(signed(2e-7), min_size=3, max_size=3),
    st.lists(signed(2.5e-7), min_size=3, max_size=3),
)
def test_action_comes_back_from_its_target_to_the_bit(position, quaternion, moved, turned):
    action = np.array([moved + turned], dtype=np.float32)
    back = _there_and_back(position.astype(np.float32), quaternion, action)
    assert back.dtype == np.float32
    np.testing.assert_array_equal(back[:, :3], action[:, :3])
    if np.linalg.norm(action[0, 3:] * np.float64(ROTATION_SCALE)) > THRESHOLD:
        np.testing.assert_array_equal(back[:, 3:], action[:, 3:])


def test_a_hundred_thousand_actions_come_back_to_the_bit():
    random = np.random.default_rng(0)
    action = random.uniform(-1, 1, (100_000, 6)).astype(np.float32)
    assert np.abs(action).min() > 2e-7
    position = random.uniform([0.3, -0.4, 0.0], [0.7, 0.4, 0.5], (len(action), 3)).astype(np.float32)
    quaternion = random.normal(size=(len(action), 4))
    quaternion = geometry.normalize_quaternion(quaternion).astype(np.float32)
    np.testing.assert_array_equal(_there_and_back(position, quaternion, action), action)


def test_smaller_actions_come_back_to_the_same_target():
    """Below the exact range the action may differ, the target by less than anything that moves."""
    random = np.random.default_rng(1)
    action = (random.uniform(-1, 1, (1000, 6)) * 1e-8).astype(np.float32)
    position = random.uniform(-0.9, 0.9, (len(action), 3)).astype(np.float32)
    quaternion = geometry.normalize_quaternion(random.normal(size=(len(action), 4))).astype(np.float32)
    back = _there_and_back(position, quaternion, action)
    assert (np.abs(back[:, :3] - action[:, :3]) * POSITION_SCALE).max() < 1e-16
    there, again = (
        geometry.apply_pose_delta(position, quaternion, a, POSITION_SCALE, ROTATION_SCALE, THRESHOLD)
        for a in (action, back)
    )
    np.testing.assert_array_equal(there[1], again[1])


@given(quaternions(), vectors(3, 10.0))
def test_vectors_are_turned_as_by_the_matrix_and_back(quaternion, vector):
    quaternion = geometry.normalize_quaternion(quaternion)
    matrix = geometry.matrix_from_quaternion(quaternion)[0]
    np.testing.assert_allclose(geometry.rotate(quaternion, vector)[0], matrix @ vector[0], atol=1e-13)
    np.testing.assert_allclose(geometry.rotate_inverse(quaternion, vector)[0], matrix.T @ vector[0], atol=1e-13)


@given(quaternions())
def test_yaw_is_the_heading_of_the_turned_x_axis(quaternion):
    quaternion = geometry.normalize_quaternion(quaternion)
    x, y, _ = geometry.matrix_from_quaternion(quaternion)[0][:, 0]
    assume(np.hypot(x, y) > 1e-3)
    np.testing.assert_allclose(geometry.yaw_of(quaternion), [np.arctan2(y, x)], atol=1e-9)
    level = geometry.matrix_from_quaternion(geometry.yaw_quaternion(quaternion))[0]
    np.testing.assert_allclose(level[:, 2], [0, 0, 1], atol=1e-15)
    np.testing.assert_allclose(level[:2, 0], np.array([x, y]) / np.hypot(x, y), atol=1e-9)


@given(st.floats(-100, 100))
def test_wrapped_angles_are_the_same_turn_within_half_a_turn(angle):
    wrapped = geometry.wrap_angle(angle)
    assert -np.pi <= wrapped <= np.pi
    np.testing.assert_allclose([np.sin(wrapped), np.cos(wrapped)], [np.sin(angle), np.cos(angle)], atol=1e-12)


@given(quaternions(), quaternions(), st.floats(0.0, 1.0))
def test_slerp_goes_the_short_way_at_an_even_pace(start, end, ratio):
    whole = geometry.angle_between(start, end)
    between = geometry.slerp(start, end, ratio)
    np.testing.assert_allclose(geometry.angle_between(start, between), ratio * whole, atol=1e-7)
    np.testing.assert_allclose(geometry.angle_between(between, end), (1 - ratio) * whole, atol=1e-7)
    np.testing.assert_allclose(geometry.slerp(start, end, np.array([[0.0]])), start, atol=1e-15)
