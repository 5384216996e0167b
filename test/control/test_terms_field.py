# SPDX-License-Identifier: Apache-2.0
"""Fields as a policy was trained to see them: elements, quaternions, images, and the zero of a sensor."""

from control.harness import ALL, context, IMAGE, manager, of_kind, ROWS, sources, value
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
from PIL import Image
import pytest

from rl_policy_node.control.specs import term_spec
from rl_policy_node.control.terms.pixels import DifferenceToMean


def quaternion(**options):
    return term_spec('x', source='base', field='orientation', **options)


def image(source='camera', **options):
    return term_spec('x', source=source, field='image', **options)


def force(**options):
    return term_spec('x', source='touch', field='data', **options)


def test_elements_pick_numbers_by_position():
    given_ = sources()
    seen = value(given_, (2,), term_spec('x', source='base', field='linear', elements=(2, 0), scale=(2.0, 3.0)))
    np.testing.assert_array_equal(
        seen, given_['base'].values['linear'][:, [2, 0]].astype(np.float32) * np.float32([2, 3])
    )


def test_clip_range_bounds_each_side_by_itself():
    given_ = sources()
    given_['arm'].values['position'][:] = [-9.0, 0.5, 9.0]
    seen = value(
        given_,
        (3,),
        term_spec('x', source='arm', field='position', offset=(1.0,), clip_range=(-2.0, 3.0), scale=(10.0,)),
    )
    np.testing.assert_array_equal(seen, [[-20.0, -5.0, 30.0]] * ROWS)


@given(st.integers(0, 2**32 - 1), st.booleans())
def test_quaternions_come_in_the_trained_order_and_sign(seed, unique):
    given_ = sources(seed)
    xyzw = given_['base'].values['orientation'].astype(np.float32)
    if unique:
        xyzw = np.stack([-q if q[3] < 0 else q for q in xyzw])
    np.testing.assert_array_equal(value(given_, (4,), quaternion(unique_sign=unique)), xyzw)
    np.testing.assert_array_equal(
        value(given_, (4,), quaternion(unique_sign=unique, convention='wxyz')),
        np.stack([xyzw[:, 3], xyzw[:, 0], xyzw[:, 1], xyzw[:, 2]], axis=1),
    )


def test_a_simulators_quaternion_becomes_the_sources():
    given_ = sources()
    observations = manager(given_, (4,), quaternion(convention='wxyz'))
    observations.scatter({'obs': np.tile(np.float32([0.5, 0.1, 0.2, 0.3]), (ROWS, 1))}, given_)
    np.testing.assert_array_equal(given_['base'].values['orientation'], np.float32([[0.1, 0.2, 0.3, 0.5]] * ROWS))


def test_crop_keeps_height_and_width_from_top_left():
    given_ = sources()
    seen = value(given_, (2, 3, 3), image(crop=(1, 2, 2, 3)))
    np.testing.assert_array_equal(seen, given_['camera'].values['image'][:, 1:3, 2:5])


def test_depth_is_clipped_and_nothing_else():
    given_ = sources()
    given_['depth'].values['image'][:, 0, :3, 0] = [0.05, 1.5, 30.0]
    seen = value(given_, (4, 6, 1), image('depth', depth_clip=(0.25, 3.0)))
    np.testing.assert_array_equal(seen[:, 0, :3, 0], [[0.25, 1.5, 3.0]] * ROWS)


@pytest.mark.parametrize('every', [2, 3, 4])
def test_subsampling_keeps_every_nth_pixel_of_every_nth_row(every):
    given_ = sources()
    wanted = given_['camera'].values['image'][:, ::every, ::every]
    np.testing.assert_array_equal(value(given_, wanted.shape[1:], image(subsample=every)), wanted)


def test_halving_a_byte_image_is_pillows_bilinear_filter():
    given_ = sources()
    seen = value(given_, (2, 3, 3), image(resize=(2, 3)))
    for row in range(ROWS):
        whole = Image.fromarray(given_['camera'].values['image'][row]).resize((3, 2), Image.BILINEAR)
        np.testing.assert_array_equal(seen[row], np.asarray(whole))


def test_a_smaller_depth_image_averages_over_what_it_stands_for():
    """Bilinear with antialias: triangle weights over two pixels each way, here of a ramp, edges apart."""
    given_ = sources()
    given_['depth'].values['image'][:] = np.arange(6, dtype=np.float32)[None, None, :, None]
    seen = value(given_, (4, 3, 1), image('depth', resize=(4, 3)))[0, 0, :, 0]
    weights = np.maximum(0, 1 - np.abs(np.arange(6) + 0.5 - np.array([[1.0], [3.0], [5.0]])) / 2)
    np.testing.assert_allclose(seen, weights @ np.arange(6) / weights.sum(axis=1), rtol=1e-5)


def test_channels_are_selected_and_reordered():
    given_ = sources()
    pixels = given_['camera'].values['image']
    np.testing.assert_array_equal(value(given_, IMAGE, image(channels=(2, 1, 0))), pixels[..., ::-1])
    np.testing.assert_array_equal(value(given_, (4, 6, 1), image(channels=(1,))), pixels[..., 1:2])


def test_grey_weighs_red_green_blue_after_the_channels_are_in_order():
    given_ = sources()
    blue, green, red = np.moveaxis(given_['camera'].values['image'].astype(np.float64), -1, 0)
    seen = value(given_, (4, 6, 1), image(channels=(2, 1, 0), grey=True))
    np.testing.assert_allclose(seen[..., 0], 0.299 * red + 0.587 * green + 0.114 * blue, rtol=1e-6)


def test_channels_are_set_to_zero_and_the_source_keeps_them():
    given_ = sources()
    field = given_['touch'].values['data']
    before = field.copy()
    seen = value(given_, (2, 2, 3), force(shape=(2, 2, 3), zero_channels=(0,)))
    assert (seen[..., 0] == 0).all()
    np.testing.assert_array_equal(seen[..., 1:], before.reshape(ROWS, 2, 2, 3)[..., 1:])
    np.testing.assert_array_equal(field, before)


@pytest.mark.parametrize('source', ['camera', 'depth'])
def test_an_image_may_be_the_difference_to_its_own_mean(source):
    given_ = sources()
    pixels = given_[source].values['image'].astype(np.float64).reshape(ROWS, 4, 6, -1)
    seen = value(given_, pixels.shape[1:], image(source, difference_to_mean=True, scale=(1 / 255,)))
    # the formula of Isaac Lab: by 255, then minus the mean over rows and columns of each channel
    wanted = pixels / 255 - (pixels / 255).mean(axis=(1, 2), keepdims=True)
    assert seen.dtype == np.float32
    np.testing.assert_allclose(seen, wanted, rtol=0, atol=1e-6)
    np.testing.assert_allclose(seen.mean(axis=(1, 2)), 0.0, atol=1e-6)


def test_the_mean_of_a_large_image_of_bytes_is_exact():
    pixels = np.full((1, 1024, 1024, 3), 255, np.uint8)
    pixels[:, ::2] = 254
    assert set(np.unique(DifferenceToMean()(pixels))) == {-0.5, 0.5}


def test_channels_may_come_first():
    given_ = sources()
    seen = value(given_, (3, 4, 6), image(layout='chw', scale=(1 / 255,)))
    np.testing.assert_array_equal(seen, np.moveaxis(given_['camera'].values['image'], 3, 1) * np.float32(1 / 255))


def test_image_steps_come_in_their_order():
    given_ = sources()
    seen = value(
        given_, (1, 2, 2), image(crop=(0, 0, 4, 4), resize=(2, 2), channels=(2, 1, 0), grey=True, layout='chw')
    )
    cropped = given_['camera'].values['image'][:, :, :4]
    for row in range(ROWS):
        small = np.asarray(Image.fromarray(cropped[row]).resize((2, 2), Image.BILINEAR), dtype=np.float64)
        np.testing.assert_allclose(seen[row, 0], small @ [0.114, 0.587, 0.299], rtol=1e-6)


def test_an_axis_of_one_number_may_be_left_out_in_training():
    assert value(sources(), (4, 6), image('depth')).shape == (ROWS, 4, 6)


# the zero of a sensor


def taring(**options):
    given_ = sources()
    term = force(shape=(2, 2, 3), difference_to_tare=True, **{'tare_frames': 3, **options})
    return given_, manager(given_, (2, 2, 3), term)


def message(given_, number, rows=ALL):
    """Let a new message come in some rows; returns what it says."""
    touch = given_['touch']
    touch.values['data'][rows] = number + np.arange(12)
    touch.received[rows] = number


def show(observations, given_):
    return observations.compute(given_, context())['obs'].reshape(ROWS, 12).copy()


def test_a_value_is_the_difference_to_the_mean_of_so_many_messages():
    given_, observations = taring(scale=(0.5,))
    observations.tare(ALL)
    for number in (1.0, 2.0, 6.0):
        message(given_, number)
        observations.feed_tare(given_, ALL)
    assert not observations.untared()
    message(given_, 10.0)
    observations.feed_tare(given_, ALL)
    np.testing.assert_array_equal(show(observations, given_), np.full((ROWS, 12), 0.5 * (10.0 - 3.0)))


def test_a_row_without_a_zero_says_so_and_sees_no_number():
    given_, observations = taring()
    assert observations.untared()[1] == "term 'x': it has no tare: take one while nothing touches the sensor"
    assert np.isnan(show(observations, given_)).all()
    observations.tare(ALL)
    message(given_, 1.0)
    observations.feed_tare(given_, ALL)
    assert observations.untared() == dict.fromkeys(range(ROWS), "term 'x': its tare has 1 of 3 frames")


def test_a_message_counts_once():
    given_, observations = taring()
    observations.tare(ALL)
    message(given_, 1.0)
    for _ in range(5):
        observations.feed_tare(given_, ALL)
    assert 'has 1 of 3' in observations.untared()[0]


def test_a_tare_while_the_robot_moves_is_refused_and_begun_anew():
    given_, observations = taring(tare_limit=1.0)
    observations.tare(ALL)
    touch = given_['touch']
    steps = [0.0, 0.4, 1.2, 1.2, 1.9, 1.5]  # the third is 1.2 from the first
    for number, step in enumerate(steps):
        touch.values['data'][0], touch.values['data'][1:], touch.received[:] = step + np.arange(12), 5.0, number
        observations.feed_tare(given_, ALL)
        told = observations.untared().get(0, '')
        assert ('begun anew, since a number of it spread by 1.2, tare_limit is 1' in told) == (2 <= number < 5)
        assert sorted(observations.untared()) == [[0, 1, 2], [0, 1, 2], [0], [0], [0], []][number]


def test_rows_are_tared_apart():
    given_, observations = taring(tare_frames=1)
    message(given_, 5.0)
    first = np.array([True, False, False])
    observations.tare(first)
    observations.feed_tare(given_, ALL)
    assert sorted(observations.untared()) == [1, 2]
    observations.tare(~first)
    observations.feed_tare(given_, np.array([True, True, False]))
    assert sorted(observations.untared()) == [2], 'the source of row 2 is not fit'
    assert (show(observations, given_)[:2] == 0).all()


def test_a_new_tare_replaces_the_old_one():
    given_, observations = taring(tare_frames=1)
    for number in (1.0, 2.0):
        observations.tare(ALL)
        assert len(observations.untared()) == ROWS
        message(given_, number)
        observations.feed_tare(given_, ALL)
    assert (show(observations, given_) == 0).all()


def test_activation_takes_the_tare_of_terms_that_want_it_then():
    for wanted in (True, False):
        given_, observations = taring(tare_frames=1, tare_on_activate=wanted)
        message(given_, 1.0)
        observations.tare(ALL, activating=True)
        observations.feed_tare(given_, ALL)
        assert bool(observations.untared()) != wanted


def test_a_reset_keeps_the_tare():
    given_, observations = taring(tare_frames=1)
    observations.tare(ALL)
    message(given_, 1.0)
    observations.feed_tare(given_, ALL)
    observations.reset(ALL)
    assert not observations.untared()


def test_bytes_are_subtracted_below_zero():
    given_ = sources()
    observations = manager(given_, IMAGE, image(difference_to_tare=True, tare_frames=1))
    observations.tare(ALL)
    given_['camera'].received[:] = 1.0
    given_['camera'].values['image'][:] = 200
    observations.feed_tare(given_, ALL)
    given_['camera'].values['image'][:] = 50
    assert (observations.compute(given_, context())['obs'] == -150).all()


def test_terms_without_tares_are_always_tared():
    observations = manager(sources(), (3,), of_kind('field', source='arm', field='position'))
    observations.tare(ALL)
    assert observations.untared() == {}
