"""ONNX Runtime acts as rl_games' player: long sequences of every kind of policy, and sampled ones number by number."""
import numpy as np
from policy.backends.small_policies import KINDS, load, play, RECURRENT, ROWS
import pytest

TOLERANCE = 1e-5
LONG = ('lstm', 'gru', 'dict', 'bytes in a dict')


@pytest.mark.parametrize('name', KINDS)
def test_sequences_are_those_of_the_player(tmp_path, name):
    policy = load(tmp_path, name)
    for deterministic, steps in ((True, 1000 if name in LONG else 300 if name in RECURRENT else 100), (False, 100)):
        policy.deterministic = deterministic
        policy.choose_backend('eager')
        eager = policy.backend
        policy.choose_backend('onnx')
        assert not policy.fell_back and policy.backend.name == 'onnx', policy.told
        eager.restart()
        found, wanted = np.stack(list(play([policy.backend, eager], policy.spaces, ROWS, steps)), axis=1)
        np.testing.assert_allclose(found, wanted, rtol=0, atol=TOLERANCE)
        assert found.dtype == (np.int64 if policy.spaces.discrete else np.float32)
        assert found.std(axis=0).min() > 0
