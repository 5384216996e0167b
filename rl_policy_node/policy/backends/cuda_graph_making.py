# SPDX-License-Identifier: Apache-2.0
"""Make the backend of a captured CUDA graph."""

from collections.abc import Iterator

from rl_policy_node.policy.backends.cuda_graph import CudaGraphBackend
from rl_policy_node.policy.backends.making import Maker, Setup, Unavailable


def makers(setup: Setup) -> Iterator[Maker]:
    """Yield a function that creates the backend; raises Unavailable without a GPU."""
    if not setup.on_gpu:
        raise Unavailable(f'the policy is on {setup.player.device}; expected a CUDA device')
    yield lambda: CudaGraphBackend(setup.step(), setup.inputs, setup.seed)
