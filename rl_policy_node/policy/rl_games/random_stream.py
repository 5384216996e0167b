# SPDX-License-Identifier: Apache-2.0
"""A random stream apart from the process' generator, for torch's distributions."""

import torch

from rl_policy_node.policy.shared_types import Array


class RandomStream:
    """Within `with stream:` torch draws from this stream; the process' generator is unchanged afterwards.

    torch's distributions take no generator, so the state of the process' generator is exchanged and
    put back: a few µs. device: where the numbers are drawn. seed: the same seed, the same numbers.
    """

    def __init__(self, device: str | torch.device, seed: int = 0) -> None:
        self._generator = _generator(torch.device(device))
        self._own = torch.Generator(self._generator.device).manual_seed(seed).get_state()
        self._outside = self._own

    def __enter__(self) -> 'RandomStream':
        self._outside = self._generator.get_state()
        self._generator.set_state(self._own)
        return self

    def __exit__(self, *_: object) -> None:
        self._own = self._generator.get_state()
        self._generator.set_state(self._outside)

    def state(self) -> Array:
        """Return the state of the stream, bytes in torch's own form."""
        state: Array = self._own.numpy().copy()
        return state

    def restore(self, state: Array) -> None:
        """Continue from a state."""
        self._own = torch.from_numpy(state.copy())


def _generator(device: torch.device) -> torch.Generator:
    if device.type != 'cuda':
        return torch.default_generator
    torch.cuda.init()  # before it, there are no generators
    return torch.cuda.default_generators[torch.cuda.current_device() if device.index is None else device.index]
