# SPDX-License-Identifier: Apache-2.0
"""Import rl_games without torch's compiler, which takes longer to import than everything else together."""

from collections.abc import Callable, Iterator
import contextlib
import functools
from typing import Any

import torch


@contextlib.contextmanager
def deferred_compile() -> Iterator[None]:
    """Let `@torch.compile` within the block load the compiler only at the first call of the decorated function.

    torch.compile itself compiles at the first call, but loads TorchDynamo and Inductor (2 to 3 s) when it decorates:
    rl_games does so with one network of its own tests, which is hardly ever played.
    """
    module: Any = torch
    at_once = module.compile
    module.compile = functools.partial(_deferred, at_once)
    try:
        yield
    finally:
        module.compile = at_once


def _deferred(at_once: Callable[..., Any], function: Callable[..., Any] | None = None, **options: Any) -> Any:
    """Return the result of torch.compile: the compiled function, or a decorator if only options are given."""
    if function is None:
        return functools.partial(_deferred, at_once, **options)
    compiled = functools.cache(lambda: at_once(function, **options))

    @functools.wraps(function)
    def call(*args: object, **named: object) -> object:
        return compiled()(*args, **named)

    return call
