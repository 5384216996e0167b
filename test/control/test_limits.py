# SPDX-License-Identifier: Apache-2.0
"""Limits: what is within them passes to the bit, what is not ends at them, and bounds have the last word."""

from hypothesis import assume, given
from hypothesis import strategies as st
import numpy as np
import pytest

from rl_policy_node import geometry
from rl_policy_node.control import limits
from rl_policy_node.control.action_terms import JointPosition, PoseDelta
from rl_policy_node.control.specs import action_spec

numbers = st.lists(st.floats(-10, 10), min_size=3, max_size=3).map(lambda v: np.array([v]))
greatest = st.floats(1e-3, 1.0)


@st.composite
def rotations(draw, largest=np.pi):
    """Draw a unit quaternion (1, 4) xyzw of an angle up to `largest` (rad)."""
    axis = draw(numbers.filter(lambda v: np.linalg.norm(v) > 0.1))
    angle = draw(st.floats(0.0, largest))
    return geometry.quaternion_from_rotation_vector(axis * (angle / np.linalg.norm(axis)))


@given(numbers, numbers, numbers)
def test_clamp_passes_what_is_within_and_ends_at_the_bound(value, one, other):
    lower, upper = np.minimum(one, other)[0], np.maximum(one, other)[0]
    limited = limits.clamp(value, lower, upper)
    within = (value >= lower) & (value <= upper)
    np.testing.assert_array_equal(limited[within], value[within])
    np.testing.assert_array_equal(limited, np.where(value < lower, lower, np.where(value > upper, upper, value)))


def test_clamp_takes_one_bound_for_all_or_none():
    value = np.array([[-2.0, 0.0, 2.0]])
    np.testing.assert_array_equal(limits.clamp(value, None, None), value)
    np.testing.assert_array_equal(limits.clamp(value, -1.0, None), [[-1, 0, 2]])
    np.testing.assert_array_equal(limits.clamp(value, None, 1.0), [[-2, 0, 1]])


def test_one_number_for_all_axes_is_kept_as_one():
    assert limits.per_axis(()) is None
    for same in ((0.5,), (0.5, 0.5, 0.5)):
        assert isinstance(limits.per_axis(same), float) and limits.per_axis(same) == 0.5
    np.testing.assert_array_equal(limits.per_axis((0.5, 0.25)), [0.5, 0.25])
    assert limits.per_axis((0.0, -0.0)).tobytes() == np.array([0.0, -0.0]).tobytes()


@given(numbers, numbers, st.floats(0.0, 5.0))
def test_one_number_limits_as_the_same_number_for_each_axis(value, previous, number):
    """The cheaper form gives the same bits."""
    each = np.full(3, number)
    for one, many in (
        (limits.clamp(value, -number, number), limits.clamp(value, -each, each)),
        (limits.limit_size(value, number), limits.clamp(value, -each, each)),
        (limits.limit_step(value, previous, number), limits.limit_step(value, previous, each)),
    ):
        assert one.tobytes() == many.tobytes()


@given(numbers, numbers, greatest)
def test_step_is_limited_per_axis(value, previous, greatest):
    limited = limits.limit_step(value, previous, greatest)
    within = np.abs(value - previous) <= greatest
    np.testing.assert_array_equal(limited[within], value[within])
    beyond = previous + np.sign(value - previous) * greatest
    np.testing.assert_array_equal(limited[~within], beyond[~within])


@given(numbers, numbers, greatest)
def test_distance_is_limited_along_the_line(value, previous, greatest):
    limited = limits.limit_distance(value, previous, greatest)
    distance = np.linalg.norm(value - previous)
    if distance <= greatest:
        np.testing.assert_array_equal(limited, value)
    else:
        np.testing.assert_allclose(limited, previous + (value - previous) / distance * greatest, atol=1e-12)


@given(rotations(), rotations(largest=0.5))
def test_turn_within_its_limit_passes_to_the_bit(previous, turn):
    value = geometry.multiply(turn, previous)
    np.testing.assert_array_equal(limits.limit_turn(value, previous, 0.51), value)


@given(rotations(), rotations(largest=3.0), st.sampled_from([1.0, -1.0]), greatest)
def test_turn_beyond_its_limit_stops_on_the_way(previous, turn, sign, greatest):
    """The target may be either of the two quaternions of its rotation: the way is the short one."""
    value = sign * geometry.multiply(turn, previous)
    whole = geometry.angle_between(previous, value)
    assume(whole > greatest)
    limited = limits.limit_turn(value, previous, greatest)
    np.testing.assert_allclose(np.linalg.norm(limited), 1.0, rtol=1e-12)
    np.testing.assert_allclose(geometry.angle_between(previous, limited), greatest, atol=1e-12)
    np.testing.assert_allclose(geometry.angle_between(limited, value), whole - greatest, atol=1e-12)


def test_each_row_is_limited_by_itself():
    value = np.array([[0.0, 0.0, 0.5], [0.0, 0.0, 5.0]])
    limited = limits.limit_distance(value, np.zeros((2, 3)), 1.0)
    np.testing.assert_array_equal(limited, [[0, 0, 0.5], [0, 0, 1.0]])
    turns = geometry.quaternion_from_rotation_vector(value / 2)
    still = np.tile(geometry.IDENTITY_XYZW, (2, 1))
    np.testing.assert_allclose(geometry.angle_between(limits.limit_turn(turns, still, 0.3), still), [0.25, 0.3])


@pytest.mark.parametrize('limit', [limits.limit_step, limits.limit_distance])
def test_nan_is_not_made_a_number(limit):
    value = np.array([[0.0, np.nan, 0.0]])
    assert np.isnan(limit(value, np.zeros((1, 3)), 0.1)).any()
    assert np.isnan(limits.clamp(value, -1.0, 1.0)).any()


def _spec(kind, **options):
    return action_spec('arm', kind, 'commands', 'std_msgs/msg/Float64MultiArray', source='arm', **options)


def test_from_outside_its_bounds_a_joint_comes_back_within_its_greatest_speed():
    term = JointPosition(
        _spec('joint_position', joints=('a', 'b'), lower=(-1.0,), upper=(1.0,), max_velocity=0.1), ('a', 'b')
    )
    limited = term.limit({'position': np.array([[3.0, 0.0]])}, {'position': np.array([[2.0, 0.0]])}, 0.1)
    np.testing.assert_array_equal(limited['position'], [[2.0, 0.0]])
    back = term.limit(term.aim({'position': np.array([[3.0, 0.0]])}), {'position': np.array([[2.0, 0.0]])}, 0.1)
    np.testing.assert_allclose(back['position'], [[1.99, 0.0]], rtol=1e-14)


def test_from_outside_its_box_a_pose_comes_back_within_its_greatest_speed():
    term = PoseDelta(
        _spec('pose_delta', lower=(0.0, 0.0, 0.1), upper=(1.0, 1.0, 1.0), max_velocity=0.1, max_angular_velocity=0.1),
        (),
    )
    still = geometry.IDENTITY_XYZW[None]
    limited = term.limit(
        term.aim({'position': np.array([[0.5, 0.5, 0.0]]), 'orientation': still}),
        {'position': np.array([[0.5, 0.5, 0.05]]), 'orientation': still},
        0.1,
    )
    np.testing.assert_allclose(limited['position'], [[0.5, 0.5, 0.06]], rtol=1e-14)
    np.testing.assert_array_equal(limited['orientation'], still)
