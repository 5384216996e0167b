# SPDX-License-Identifier: Apache-2.0
"""Recordings of a policy node: parts fit one another, and files keep them whole."""

import dataclasses

from mismatch.recordings import small
import numpy as np
import pytest

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.mismatch.recording import Recording


def test_file_keeps_everything(tmp_path):
    made = small()
    made.save(tmp_path / 'made.npz')
    read = Recording.load(tmp_path / 'made.npz')
    for field in dataclasses.fields(Recording):
        np.testing.assert_equal(getattr(read, field.name), getattr(made, field.name))


def test_another_file_is_refused(tmp_path):
    np.savez(tmp_path / 'other.npz', a=np.zeros(3))
    with pytest.raises(ConfigurationError, match='no recording of a policy node'):
        Recording.load(tmp_path / 'other.npz')


def test_term_has_its_columns_and_moments():
    made = small()
    np.testing.assert_array_equal(made.values('joint_pos'), made.inputs['obs'][:, :, 3:])
    mean, deviation = made.trained('gravity')
    assert mean.tolist() == deviation.tolist() == [1.0, 1.0, 1.0]
    assert dataclasses.replace(made, moments={}).trained('gravity') is None


def test_rows_are_cut_out_of_every_part():
    cut = small(rows=3).of_rows(slice(1, 2))
    assert (
        cut.rows == 1 and cut.measured['joints']['velocity'].shape == (5, 1, 2) and cut.received['joints'].shape[1] == 1
    )
    assert [each.row for each in cut.reasons] == [0]


@pytest.mark.parametrize(
    'change, text',
    [
        ({'time': np.zeros(4)}, 'time'),
        ({'actions': np.zeros((5, 3, 2))}, 'actions'),
        ({'inputs': {'obs': np.zeros((4, 2, 5))}}, 'inputs.obs'),
        ({'inputs': {'states': np.zeros((5, 2, 5))}}, "unknown input 'obs'"),
        ({'inputs': {'obs': np.zeros((5, 2, 4))}}, 'terms.joint_pos'),
        ({'measured': {'joints': {'position': np.zeros((5, 1, 2))}}}, 'measured.joints.position'),
    ],
)
def test_parts_that_do_not_fit_are_refused(change, text):
    with pytest.raises(ConfigurationError, match=text):
        dataclasses.replace(small(), **change)
