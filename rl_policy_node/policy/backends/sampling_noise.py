# SPDX-License-Identifier: Apache-2.0
"""Draw the random numbers of a step outside of it, so that the step becomes a pure function."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from rl_policy_node.policy.shared_types import Shape


class Noise:
    """The random numbers that torch's distributions draw within a step, in order, as input tensors.

    Normal deviates are `mean + std * noise`, choices the greatest of `probability / noise` with exponential
    noise: torch samples by the same formulas, so that equal noise gives equal samples. Without sampling
    (`deterministic`) nothing is drawn: the samples are not used.
    """

    def __init__(self, deterministic: bool) -> None:
        self._deterministic = deterministic
        # (method of a tensor that fills it, shape) of each draw, as recorded
        self.drawn: list[tuple[str, Shape]] = []

    def recorded(self) -> '_Drawing':
        """Record the draws within the block."""
        self.drawn = []
        return _Drawing(self._zero if self._deterministic else self._note)

    def given(self, tensors: Iterable[torch.Tensor]) -> '_Drawing':
        """Take the draws within the block from tensors, one for each draw."""
        remaining = iter(tensors)
        return _Drawing(self._zero if self._deterministic else lambda method, like: next(remaining))

    def tensors(self, device: str | torch.device) -> list[torch.Tensor]:
        """Return empty tensors for all draws."""
        return [torch.zeros(shape, device=device) for _, shape in self.drawn]

    def draw(self, tensors: Iterable[torch.Tensor], generator: torch.Generator) -> None:
        """Fill the tensors with new noise, as torch would have drawn it."""
        for (method, _), tensor in zip(self.drawn, tensors):
            getattr(tensor, method)(generator=generator)

    def _note(self, method: str, like: torch.Tensor) -> torch.Tensor:
        self.drawn.append((method, tuple(like.shape)))
        return torch.ones_like(like)

    @staticmethod
    def _zero(method: str, like: torch.Tensor) -> None:
        return None


class _Drawing(TorchFunctionMode):
    """Within the block, and in this thread, torch draws from a source: (method of a tensor, tensor) → noise or None."""

    def __init__(self, source: Callable[[str, torch.Tensor], torch.Tensor | None]) -> None:
        super().__init__()
        self._source = source
        self._instead: dict[Any, Callable[..., object]] = {
            torch.normal: self._normal,
            torch.multinomial: self._multinomial,
            torch.randn_like: self._randn_like,
            torch.Tensor.normal_: lambda tensor: tensor.copy_(self._randn_like(tensor)),
            torch.broadcast_tensors: _broadcast,
        }

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return self._instead.get(function, function)(*args, **(kwargs or {}))

    def _normal(self, mean: torch.Tensor, std: torch.Tensor) -> torch.Tensor:
        noise = self._source('normal_', mean)
        return mean if noise is None else mean + std * noise

    def _multinomial(self, probabilities: torch.Tensor, num_samples: int, replacement: bool = False) -> torch.Tensor:
        if num_samples != 1:
            raise NotImplementedError(f'{num_samples} samples of one distribution')
        noise = self._source('exponential_', probabilities)
        return (probabilities if noise is None else probabilities / noise).argmax(dim=-1, keepdim=True)

    def _randn_like(self, like: torch.Tensor) -> torch.Tensor:
        noise = self._source('normal_', like)
        return torch.zeros_like(like) if noise is None else noise


def _broadcast(*tensors: torch.Tensor) -> Sequence[torch.Tensor]:
    # what distributions do with their parameters, by which a mean would come to depend on a deviation
    alike = all(tensor.shape == tensors[0].shape for tensor in tensors)
    return tensors if alike else torch.broadcast_tensors(*tensors)
