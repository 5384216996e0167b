# SPDX-License-Identifier: Apache-2.0
"""A random stream of one's own, though torch's distributions draw from the process' one."""
import numpy as np
import torch


class RandomStream:
    """Within `with stream:` torch draws from this stream; outside, nobody notices.

    torch's distributions take no generator, so the state of the process' generator is exchanged and
    put back: a few µs. device: where the numbers are drawn. seed: the same seed, the same numbers.
    """

    def __init__(self, device, seed=0):
        self._generator = _generator(torch.device(device))
        self._own = torch.Generator(self._generator.device).manual_seed(seed).get_state()
        self._outside = None

    def __enter__(self):
        self._outside = self._generator.get_state()
        self._generator.set_state(self._own)
        return self

    def __exit__(self, *_):
        self._own = self._generator.get_state()
        self._generator.set_state(self._outside)

    def state(self) -> np.ndarray:
        """Return where the stream is, bytes of torch's own form."""
        return self._own.numpy().copy()

    def restore(self, state: np.ndarray) -> None:
        """Go on from a state."""
        self._own = torch.from_numpy(state.copy())


def _generator(device):
    if device.type != 'cuda':
        return torch.default_generator
    torch.cuda.init()       # before it, there are no generators
    return torch.cuda.default_generators[torch.cuda.current_device() if device.index is None else device.index]
