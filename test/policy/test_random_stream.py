# SPDX-License-Identifier: Apache-2.0
"""Random streams: everyone's own, whoever else draws in the process."""

import random

import numpy as np
import pytest
import torch

from rl_policy_node.policy.rl_games.global_state import preserved
from rl_policy_node.policy.rl_games.random_stream import RandomStream


def draw(stream, count=3):
    with stream:
        return torch.rand(count)


def test_stream_goes_on_where_it_was_whatever_is_drawn_outside():
    stream, same = RandomStream('cpu', 7), RandomStream('cpu', 7)
    first, _, second = draw(stream), torch.rand(100), draw(stream)
    assert torch.equal(torch.cat([first, second]), torch.cat([draw(same), draw(same)]))
    assert not torch.equal(first, second)


def test_stream_draws_what_the_seeded_process_would():
    with preserved():
        torch.manual_seed(7)
        wanted = torch.rand(3)
    assert torch.equal(draw(RandomStream('cpu', 7)), wanted)
    assert not torch.equal(draw(RandomStream('cpu', 8)), wanted)


def test_process_does_not_notice():
    before = torch.get_rng_state()
    with pytest.raises(ZeroDivisionError), RandomStream('cpu', 7):
        torch.rand(3)
        1 / 0
    assert torch.equal(torch.get_rng_state(), before)


def test_all_streams_and_flags_are_preserved():
    before = random.getstate(), np.random.get_state()[1].copy(), torch.get_rng_state(), _flags()
    with preserved():
        random.random(), np.random.rand(), torch.rand(1)
        torch.backends.cudnn.deterministic = not torch.backends.cudnn.deterministic
        torch.backends.cudnn.benchmark = not torch.backends.cudnn.benchmark
        torch._dynamo.config.cache_size_limit += 1
        torch.set_float32_matmul_precision('medium')
    assert random.getstate() == before[0] and (np.random.get_state()[1] == before[1]).all()
    assert torch.equal(torch.get_rng_state(), before[2]) and _flags() == before[3]


def _flags():
    cudnn = torch.backends.cudnn
    return (
        cudnn.deterministic,
        cudnn.benchmark,
        cudnn.allow_tf32,
        torch.backends.cuda.matmul.allow_tf32,
        torch._dynamo.config.cache_size_limit,
        torch.get_float32_matmul_precision(),
    )
