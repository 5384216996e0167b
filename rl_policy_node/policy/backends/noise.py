"""The random numbers of a player's step, drawn outside of it: what samples becomes a function of them."""
import contextlib

import torch


class Noise:
    """What torch's distributions draw within a step, in order, as tensors that are handed in.

    Normal deviates are `mean + std * noise`, choices the greatest of `probability / noise` with exponential
    noise: torch samples by the same formulas, so that equal noise gives equal samples. Without sampling
    (`deterministic`) nothing is drawn: the samples are never looked at.
    """

    def __init__(self, deterministic):
        self._deterministic = deterministic
        self.drawn = []         # (method of a tensor that fills it, shape) of each draw, as recorded

    @contextlib.contextmanager
    def recorded(self):
        """Note what is drawn within the block."""
        self.drawn = []
        with self._replaced(self._note):
            yield

    @contextlib.contextmanager
    def given(self, tensors):
        """Let what is drawn within the block come from tensors, one for each draw."""
        remaining = iter(tensors)
        with self._replaced(lambda method, like: next(remaining)):
            yield

    def tensors(self, device):
        """Return empty tensors for all draws."""
        return [torch.zeros(shape, device=device) for _, shape in self.drawn]

    def draw(self, tensors, generator):
        """Fill the tensors with new noise, as torch would have drawn it."""
        for (method, _), tensor in zip(self.drawn, tensors):
            getattr(tensor, method)(generator=generator)

    def _note(self, method, like):
        self.drawn.append((method, tuple(like.shape)))
        return getattr(torch.empty_like(like), method)()

    @contextlib.contextmanager
    def _replaced(self, source):
        def normal(mean, std):
            return mean if self._deterministic else mean + std * source('normal_', mean)

        def multinomial(probabilities, count, replacement=False):
            if count != 1:
                raise NotImplementedError(f'{count} samples of one distribution')
            weights = probabilities if self._deterministic else probabilities / source('exponential_', probabilities)
            return weights.argmax(dim=-1, keepdim=True)

        kept = torch.normal, torch.multinomial
        torch.normal, torch.multinomial = normal, multinomial
        try:
            yield
        finally:
            torch.normal, torch.multinomial = kept
