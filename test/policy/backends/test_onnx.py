# SPDX-License-Identifier: Apache-2.0
"""ONNX Runtime acts as rl_games' player: long sequences of every kind of policy, and sampled ones number by number."""

import numpy as np
from policy.backends.small_policies import KINDS, load, play, RECURRENT, ROWS
import pytest

from rl_policy_node.policy.backends.onnx import part_of

TOLERANCE = 1e-5
LONG = ('lstm', 'gru', 'dict')
# kinds that draw in ways of their own; the others draw as these do
DRAWING = (
    'mlp',
    'lstm',
    'gru',
    'dict',
    'discrete',
    'multi-discrete',
    'sac',
    'amp',
    'continuous_a2c',
    'tanh',
    'computed sigma',
    'asymmetric',
    'separate lstm',
)


@pytest.mark.parametrize('name', KINDS)
def test_sequences_are_those_of_the_player(tmp_path, name):
    policy = load(tmp_path, name)
    for deterministic, steps in ((True, 1000 if name in LONG else 200 if name in RECURRENT else 50), (False, 50)):
        if not deterministic and name not in DRAWING:
            continue
        policy.deterministic = deterministic
        policy.choose_backend('eager')
        eager = policy.backend
        policy.choose_backend('onnx')
        assert not policy.fell_back and policy.backend.name == 'onnx', policy.backend_report
        eager.restart()
        found, wanted = np.stack(list(play([policy.backend, eager], policy.spaces, ROWS, steps)), axis=1)
        np.testing.assert_allclose(found, wanted, rtol=0, atol=TOLERANCE)
        assert found.dtype == (np.int64 if policy.spaces.discrete else np.float32)
        assert found.std(axis=0).min() > 0


@pytest.mark.parametrize(
    'name, rows, threads',
    [
        ('lstm', 64, 2),
        ('lstm', 128, 2),
        ('lstm', 131, 2),
        ('lstm', 131, 1),
        ('lstm', 517, 1),
        ('lstm', 517, 3),
        ('gru', 131, 2),
        ('dict', 131, 2),
        ('multi-discrete', 131, 2),
    ],
)
def test_rows_that_are_computed_in_parts_are_those_of_the_player(tmp_path, name, rows, threads):
    policy = load(tmp_path, name, rows=rows, deterministic=name != 'lstm')
    eager = policy.backend
    policy.choose_backend('onnx', threads=threads)
    assert not policy.fell_back and policy.backend.name == 'onnx', policy.backend_report
    eager.restart()
    found, wanted = np.stack(list(play([policy.backend, eager], policy.spaces, rows, 6)), axis=1)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=TOLERANCE)
    assert found.shape[1:] == (rows, policy.spaces.num_actions)


@pytest.mark.parametrize('rows', [1, 2, 63, 64, 127, 128, 131, 256, 257, 517, 1000, 4096, 4097])
@pytest.mark.parametrize('threads', [1, 2, 3, 8])
def test_parts_cover_all_rows_and_are_shared_evenly(rows, threads):
    part = part_of(rows, threads)
    parts = -(-rows // part)
    assert 1 <= part <= min(rows, 256) and (parts - 1) * part < rows <= parts * part
    assert parts * part - rows < parts  # rows that are computed for nothing
    assert parts == 1 or rows < 128 or parts % min(threads, rows // 64) == 0
    assert part_of(rows, threads, ('CUDAExecutionProvider', 'CPUExecutionProvider')) == rows
