# SPDX-License-Identifier: Apache-2.0
"""Errors of simulated sensors and of a simulated clock."""

import numpy as np
import pytest

from rl_policy_node import geometry
from rl_policy_node.errors import ConfigurationError
from rl_policy_node.sim.imperfections.sensor_noise import Drift, Noise


def noisy(value, std, seed=0, field='value'):
    return Noise({field: std}, {field: value}, np.random.default_rng(seed), 'sim.noise.x')({field: value})[field]


def test_noise_has_the_stated_deviation_and_no_bias():
    value = np.full((1000, 20), 3.0)
    error = noisy(value, 0.5) - value
    # 20,000 numbers: the mean is within 4 · 0.5 / √20000, the deviation within 4 · 0.5 / √40000
    assert abs(error.mean()) < 0.0142 and abs(error.std() - 0.5) < 0.01
    assert np.array_equal(value, np.full((1000, 20), 3.0)), 'what is true is not touched'


def test_orientations_are_turned_by_the_stated_angle_and_stay_rotations():
    quaternion = np.tile(geometry.normalize_quaternion([0.1, -0.7, 0.2, 0.5]), (20000, 1))
    turned = noisy(quaternion, 0.1, field='orientation')
    assert np.allclose(np.linalg.norm(turned, axis=1), 1.0, atol=1e-12)
    angles = geometry.angle_between(quaternion, turned)
    assert abs(np.sqrt((angles**2).mean()) - 0.1) < 4 * 0.1 / np.sqrt(40000)
    axes = geometry.rotation_vector_from_quaternion(geometry.multiply(turned, geometry.conjugate(quaternion)))
    assert np.abs(axes.mean(axis=0)).max() < 4 * 0.1 / np.sqrt(3 * 20000), 'about no axis more than about another'


def test_pixels_of_bytes_stay_bytes():
    dark, bright = np.zeros((10, 8, 8, 3), np.uint8), np.full((10, 8, 8, 3), 250, np.uint8)
    for image, mean in ((dark, 0.3989 * 20), (bright, None)):
        seen = noisy(image, 20.0)
        assert seen.dtype == np.uint8 and len(np.unique(seen)) > 10
        if mean:
            assert abs(seen.mean() - mean) < 2.0, 'clipped at 0, not wrapped round to 255'
    assert noisy(bright, 20.0).max() == 255 and noisy(bright, 20.0).min() > 150


def test_a_field_without_noise_is_handed_through():
    values = {'position': np.ones((2, 3)), 'force': np.ones((2, 3))}
    made = Noise({'position': 0.1, 'force': 0.0}, values, np.random.default_rng(0), 'sim.noise.x')(values)
    assert made['force'] is values['force'] and not np.array_equal(made['position'], values['position'])


def test_what_is_true_or_false_takes_no_noise():
    with pytest.raises(ConfigurationError, match=r'sim.noise.button.data: a field of bool takes no noise'):
        Noise({'data': 0.1}, {'data': np.zeros((1, 1), bool)}, np.random.default_rng(0), 'sim.noise.button')


def test_a_drift_stays_within_its_bounds_and_wanders_in_them():
    def walk(seed):
        drift = Drift(0.2, np.random.default_rng(seed))
        return np.array([drift.next() for _ in range(20000)])

    shares = walk(1)
    assert np.abs(shares).max() <= 0.2 and shares.min() < -0.15 and shares.max() > 0.15
    assert np.abs(np.diff(shares)).max() <= 0.01 + 1e-12, 'it wanders, it does not jump'
    assert np.array_equal(shares, walk(1)) and not np.array_equal(shares, walk(2))
