# SPDX-License-Identifier: Apache-2.0
"""What a CUDA graph records acts as eager, bit for bit; its memory is one block."""

import numpy as np
from policy.backends.small_policies import KINDS, load, play, ROWS, StaticBackend
import pytest
import torch

from rl_policy_node.policy.backends.buffers import Block
from rl_policy_node.policy.backends.player_step import Step
from rl_policy_node.policy.backends.static import StaticStep

LAYOUT = {
    'pose': ((3, 5), torch.float32),
    'held': ((3,), torch.bool),
    'image': ((3, 7, 5, 3), torch.uint8),
    'number': ((), torch.float64),
    'none': ((3, 0), torch.float32),
    'choice': ((3, 1), torch.int64),
}


def span(view):
    return view.data_ptr(), view.data_ptr() + view.numel() * view.element_size()


def test_views_of_a_block_are_aligned_and_do_not_overlap():
    block = Block(LAYOUT)
    begin, end = span(block.bytes)
    assert begin % 64 == 0
    spans = sorted(span(view) for view in block.views.values() if view.numel())
    assert begin <= spans[0][0] and spans[-1][1] <= end
    assert all(one[1] <= other[0] for one, other in zip(spans, spans[1:]))
    for name, (shape, dtype) in LAYOUT.items():
        view = block.views[name]
        assert tuple(view.shape) == shape and view.dtype == dtype and view.is_contiguous() and not view.any()
        assert view.data_ptr() % 64 == 0 or not view.numel()


def test_one_copy_moves_all_views():
    here, there = Block(LAYOUT), Block(LAYOUT)
    generator = torch.Generator().manual_seed(0)
    for view in here.views.values():
        view.copy_(torch.randint(0, 100, view.shape, generator=generator))
    there.bytes.copy_(here.bytes)
    for name, view in there.views.items():
        assert torch.equal(view, here.views[name]) and (view.any() or not view.numel())
    there.bytes.zero_()
    assert not any(view.any() for view in there.views.values()) and here.views['pose'].any()


@pytest.mark.parametrize(
    'name, deterministic',
    [
        *((name, True) for name in KINDS if name not in ('bounds', 'not clipped', 'separate', 'computed sigma')),
        *(
            (name, False)
            for name in ('lstm', 'discrete', 'multi-discrete', 'sac', 'tanh', 'continuous_a2c', 'computed sigma')
        ),
    ],
)
def test_static_step_is_that_of_the_player_bit_for_bit(tmp_path, name, deterministic):
    policy = load(tmp_path, name, deterministic=deterministic)
    eager, inputs = policy.backend, policy.backend.inputs
    static = StaticBackend(Step(policy.player, inputs, deterministic), inputs, policy.player.seed)
    eager.restart()
    found, wanted = np.stack(list(play([static, eager], policy.spaces, ROWS, 30)), axis=1)
    np.testing.assert_array_equal(found, wanted)
    assert found.dtype == wanted.dtype and found.std(axis=0).min() > 0


def test_static_step_never_moves(tmp_path):
    """A graph replays on the addresses that it was recorded with."""
    policy = load(tmp_path, 'dict', deterministic=False)
    static = StaticBackend(Step(policy.player, policy.backend.inputs, False), policy.backend.inputs)

    def places():
        step = static.static
        return [tensor.data_ptr() for tensor in (*step._operands(), step._result, step._actions, step._host.bytes)]

    before = places()
    for _ in play([static], policy.spaces, ROWS, 5):
        assert places() == before
    static.restart()
    assert places() == before


def test_host_and_device_are_told_apart_by_the_copies_only(tmp_path):
    policy = load(tmp_path, 'lstm')
    static = StaticStep(Step(policy.player, policy.backend.inputs, True), policy.backend.inputs, 'cpu')
    static.stage(np.ones((ROWS, 5), np.float32), None)
    static.compute()
    assert not static.actions.any()  # nothing was downloaded
    zeros = static._result.clone()
    static.reset()
    static.upload()
    static.compute()
    assert (static._result != zeros).all()
    static.download()
    np.testing.assert_array_equal(static.actions, static._result)
