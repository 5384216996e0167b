# SPDX-License-Identifier: Apache-2.0
"""Kinds that look from another frame, each against its formula computed with matrices."""

from control.harness import of_kind, rotation, rotations, ROWS, sources, value
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from rl_policy_node import geometry

CLOSE = {'rtol': 1e-5, 'atol': 1e-6}
seeds = st.integers(0, 2**32 - 1)


def turned(matrices, vectors):
    return np.einsum('rij,rj->ri', matrices, vectors)


def back(matrices, vectors):
    return np.einsum('rji,rj->ri', matrices, vectors)


def yaw_matrix(matrices):
    """Return the rotations about z whose x axis has the heading of the matrices' x axis."""
    heading = np.arctan2(matrices[:, 1, 0], matrices[:, 0, 0])
    return np.stack([[[np.cos(h), -np.sin(h), 0], [np.sin(h), np.cos(h), 0], [0, 0, 1]] for h in heading])


def same_rotation(left, right):
    np.testing.assert_allclose(left * np.sign(left[:, 3:]), right * np.sign(right[:, 3:]), **CLOSE)


@given(seeds)
def test_gravity_is_turned_by_the_inverse_of_the_orientation(seed):
    given_ = sources(seed)
    down = np.tile([0.0, 0.0, -1.0], (ROWS, 1))
    np.testing.assert_allclose(
        value(given_, (3,), of_kind('projected_gravity', source='base')), back(rotations(given_, 'base'), down), **CLOSE
    )


@given(seeds)
def test_gravity_of_the_other_anymal_is_turned_by_the_orientation(seed):
    given_ = sources(seed)
    down = np.tile([0.0, 0.0, -1.0], (ROWS, 1))
    np.testing.assert_allclose(
        value(given_, (3,), of_kind('projected_gravity', source='base', inverse=False)),
        turned(rotations(given_, 'base'), down),
        **CLOSE,
    )


def test_gravity_of_a_base_pitched_down_points_forward():
    given_ = sources()
    given_['base'].values['orientation'][:] = [0.0, np.sin(0.1), 0.0, np.cos(0.1)]  # 0.2 rad about y
    seen = value(given_, (3,), of_kind('projected_gravity', source='base'))
    np.testing.assert_allclose(seen, [[np.sin(0.2), 0.0, -np.cos(0.2)]] * ROWS, **CLOSE)


def test_an_orientation_that_is_not_quite_a_unit_is_one():
    given_ = sources()
    exact = value(given_, (3,), of_kind('projected_gravity', source='base'))
    given_['base'].values['orientation'] *= 1.0004
    np.testing.assert_allclose(value(given_, (3,), of_kind('projected_gravity', source='base')), exact, **CLOSE)


@given(seeds)
def test_vectors_are_turned_into_the_frame_of_their_own_source(seed):
    given_ = sources(seed)
    seen = value(given_, (3,), of_kind('rotate', source='base', field='linear'))
    np.testing.assert_allclose(seen, back(rotations(given_, 'base'), given_['base'].values['linear']), **CLOSE)


def test_vectors_are_turned_into_the_frame_of_another_source_and_out_of_it():
    given_ = sources()
    options = {'source': 'base', 'field': 'angular', 'frame_source': 'hand'}
    vectors, frames = given_['base'].values['angular'], rotations(given_, 'hand')
    np.testing.assert_allclose(value(given_, (3,), of_kind('rotate', **options)), back(frames, vectors), **CLOSE)
    np.testing.assert_allclose(
        value(given_, (3,), of_kind('rotate', inverse=False, **options)), turned(frames, vectors), **CLOSE
    )


@given(seeds)
def test_yaw_only_keeps_the_heading_of_a_frame(seed):
    given_ = sources(seed)
    seen = value(given_, (3,), of_kind('rotate', source='base', field='linear', yaw_only=True))
    frames = yaw_matrix(rotations(given_, 'base'))
    np.testing.assert_allclose(seen, back(frames, given_['base'].values['linear']), rtol=1e-4, atol=1e-5)


@given(seeds)
def test_points_are_seen_from_a_frame(seed):
    given_ = sources(seed)
    away = given_['goal'].values['position'] - given_['hand'].values['position']
    options = {'source': 'goal', 'frame_source': 'hand'}
    np.testing.assert_allclose(
        value(given_, (3,), of_kind('relative_position', **options)), back(rotations(given_, 'hand'), away), **CLOSE
    )
    np.testing.assert_allclose(
        value(given_, (3,), of_kind('relative_position', axes='world', **options)), away, **CLOSE
    )


def test_many_points_are_seen_each_for_itself():
    given_ = sources()
    seen = value(given_, (12,), of_kind('relative_position', source='touch', field='data', frame_source='hand'))
    away = given_['touch'].values['data'].reshape(ROWS, 4, 3) - given_['hand'].values['position'][:, None]
    np.testing.assert_allclose(
        seen.reshape(ROWS, 4, 3), np.einsum('rji,rkj->rki', rotations(given_, 'hand'), away), **CLOSE
    )


@given(seeds)
def test_orientation_relative_to_a_frame_is_the_matrix_between_them(seed):
    given_ = sources(seed)
    goal, hand = rotations(given_, 'goal'), rotations(given_, 'hand')
    options = {'source': 'goal', 'frame_source': 'hand'}
    own = value(given_, (4,), of_kind('relative_orientation', **options)).astype(np.float64)
    world = value(given_, (4,), of_kind('relative_orientation', axes='world', **options)).astype(np.float64)
    for row in range(ROWS):
        np.testing.assert_allclose(rotation(own[row]), hand[row].T @ goal[row], atol=2e-6)
        np.testing.assert_allclose(rotation(world[row]), goal[row] @ hand[row].T, atol=2e-6)


def test_relative_orientation_in_the_form_of_isaac_lab():
    given_ = sources()
    options = {'source': 'goal', 'frame_source': 'hand'}
    xyzw = value(given_, (4,), of_kind('relative_orientation', unique_sign=True, **options))
    wxyz = value(given_, (4,), of_kind('relative_orientation', unique_sign=True, convention='wxyz', **options))
    assert (wxyz[:, 0] >= 0).all()
    np.testing.assert_array_equal(wxyz, xyzw[:, [3, 0, 1, 2]])


@given(seeds)
def test_a_pose_put_into_the_frame_and_out_again_is_the_target(seed):
    given_ = sources(seed)
    seen = value(given_, (7,), of_kind('relative_pose', source='goal', frame_source='hand')).astype(np.float64)
    hand, goal = given_['hand'].values, given_['goal'].values
    out = turned(rotations(given_, 'hand'), seen[:, :3]) + hand['position']
    np.testing.assert_allclose(out, goal['position'], rtol=1e-4, atol=1e-5)
    same_rotation(geometry.multiply(hand['orientation'], seen[:, 3:]), goal['orientation'])


@pytest.mark.parametrize(
    'six_d, of_matrix',
    [
        ('rows', lambda m: m[:2].reshape(6)),
        ('columns', lambda m: np.concatenate([m[:, 0], m[:, 1]])),
        ('interleaved', lambda m: m[:, :2].reshape(6)),
        ('tangent_normal', lambda m: np.concatenate([m @ [1, 0, 0], m @ [0, 0, 1]])),
    ],
)
def test_six_numbers_of_a_rotation_stand_in_the_order_of_their_convention(six_d, of_matrix):
    given_ = sources()
    seen = value(given_, (6,), of_kind('rotation_6d', source='hand', six_d=six_d))
    np.testing.assert_allclose(seen, [of_matrix(m) for m in rotations(given_, 'hand')], **CLOSE)


def test_six_numbers_may_be_of_the_rotation_from_a_frame():
    given_ = sources()
    seen = value(given_, (6,), of_kind('rotation_6d', source='goal', frame_source='hand', six_d='rows'))
    between = np.einsum('rji,rjk->rik', rotations(given_, 'hand'), rotations(given_, 'goal'))
    np.testing.assert_allclose(seen, between[:, :2].reshape(ROWS, 6), **CLOSE)


@given(seeds)
def test_yaw_is_the_heading_of_the_x_axis(seed):
    given_ = sources(seed)
    axis = rotations(given_, 'base')[:, :, 0]
    np.testing.assert_allclose(
        value(given_, (1,), of_kind('yaw', source='base'))[:, 0],
        np.arctan2(axis[:, 1], axis[:, 0]),
        rtol=1e-4,
        atol=1e-5,
    )


@given(st.floats(-10, 10), st.floats(-3.1, 3.1))
def test_heading_error_is_the_short_way_to_the_target(target, yaw):
    given_ = sources()
    given_['base'].values['orientation'][:] = [0.0, 0.0, np.sin(yaw / 2), np.cos(yaw / 2)]
    given_['touch'].values['data'][:, 4] = target
    seen = value(
        given_, (1,), of_kind('heading_error', source='touch', field='data', elements=(4,), frame_source='base')
    )[:, 0]
    assert (np.abs(seen) <= np.pi + 1e-6).all()
    np.testing.assert_allclose(np.exp(1j * (seen + yaw)), np.exp(1j * np.full(ROWS, np.float32(target))), atol=2e-6)


def test_heading_error_to_an_orientation_is_that_to_its_yaw():
    given_ = sources()
    seen = value(given_, (1,), of_kind('heading_error', source='goal', field='orientation', frame_source='base'))
    yaws = [value(given_, (1,), of_kind('yaw', source=name)) for name in ('goal', 'base')]
    np.testing.assert_allclose(np.exp(1j * seen), np.exp(1j * (yaws[0] - yaws[1])), atol=1e-6)


def test_a_field_of_an_array_may_be_an_orientation():
    given_ = sources()
    given_['touch'].values['data'][:, 5:9] = given_['base'].values['orientation']
    seen = value(given_, (3,), of_kind('projected_gravity', source='touch', field='data', elements=(5, 6, 7, 8)))
    np.testing.assert_allclose(seen, value(given_, (3,), of_kind('projected_gravity', source='base')), **CLOSE)
