# SPDX-License-Identifier: Apache-2.0
"""Restore the global state that rl_games changes while it builds."""

from collections.abc import Callable, Iterator
import contextlib
import copy
import functools
import random
import sys
from typing import Any
import warnings

import gymnasium
import numpy as np
import torch

from rl_policy_node.policy.rl_games.quiet import quiet


@contextlib.contextmanager
def preserved() -> Iterator[None]:
    """Keep random streams, threads, precision flags, print options, warnings, registries and stdout as they are."""
    kept = [(put, get()) for get, put in _SETTINGS]
    try:
        with quiet(), warnings.catch_warnings():
            yield
    finally:
        for put, value in kept:
            put(value)


def _streams() -> tuple[Any, Any, torch.Tensor, list[torch.Tensor] | None]:
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else None
    return random.getstate(), np.random.get_state(), torch.get_rng_state(), cuda


def _set_streams(states: tuple[Any, Any, torch.Tensor, list[torch.Tensor] | None]) -> None:
    random.setstate(states[0])
    np.random.set_state(states[1])
    torch.set_rng_state(states[2])
    if states[3] is not None:
        torch.cuda.set_rng_state_all(states[3])


def _flags() -> tuple[bool, bool, bool, bool]:
    cuda, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    return cuda.allow_tf32, cudnn.allow_tf32, cudnn.benchmark, cudnn.deterministic


def _set_flags(flags: tuple[bool, bool, bool, bool]) -> None:
    cuda, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    cuda.allow_tf32, cudnn.allow_tf32, cudnn.benchmark, cudnn.deterministic = flags


def _compile_limit() -> int | None:
    # only if it is loaded: it is slow to import, and there is nothing to restore before
    dynamo = sys.modules.get('torch._dynamo')
    return dynamo.config.cache_size_limit if dynamo else None


def _set_compile_limit(limit: int | None) -> None:
    if limit is not None:
        sys.modules['torch._dynamo'].config.cache_size_limit = limit


def _set_environments(registry: dict[str, Any]) -> None:
    for name in set(gymnasium.registry) - set(registry):
        del gymnasium.registry[name]
    gymnasium.registry.update(registry)


# how each is read, and how it is put back; the precision comes first, because it sets some of the flags
_SETTINGS: tuple[tuple[Callable[[], Any], Callable[[Any], object]], ...] = (
    (_streams, _set_streams),
    (torch.get_num_threads, torch.set_num_threads),
    (torch.get_float32_matmul_precision, torch.set_float32_matmul_precision),
    (_flags, _set_flags),
    (lambda: copy.copy(torch._tensor_str.PRINT_OPTS), functools.partial(setattr, torch._tensor_str, 'PRINT_OPTS')),
    (_compile_limit, _set_compile_limit),
    (lambda: dict(gymnasium.registry), _set_environments),
)
