# SPDX-License-Identifier: Apache-2.0
"""The running statistics of the observations of training."""

from collections.abc import Mapping, Sequence
import math

import torch

from rl_policy_node.policy.shared_types import Shape, Tensors
from rl_policy_node.policy.summary.record import Statistics

# of more numbers than these only the range is listed
LISTED = 64
# A deviation below this is none: the normaliser would blow up what a real sensor's noise makes of it.
_STILL = 1e-4


class RunningStatistics:
    """The statistics of one input, as flat tensors in its own order.

    mean, var: of every number. count: observations that went into them, the initial one included.
    """

    def __init__(self, mean: torch.Tensor, var: torch.Tensor, count: float | torch.Tensor) -> None:
        self.mean, self.var, self.count = mean.double().flatten(), var.double().flatten(), float(count)

    def __len__(self) -> int:
        return self.mean.numel()

    def part(self, start: int, size: int) -> 'RunningStatistics':
        """Return the statistics of `size` numbers from `start` on."""
        return RunningStatistics(self.mean[start : start + size], self.var[start : start + size], self.count)

    def still(self) -> list[int]:
        """Return the indices of numbers that never changed in training, [] without training.

        rl_games starts with mean 0, variance 1 and a count of one, which leave a remainder in the variance of a number
        that never changed: it is subtracted.
        """
        if self.count <= 1:
            return []
        moved = (self.var - (1.0 + self.mean**2) / self.count).clamp(min=0.0).sqrt()
        places: list[int] = torch.nonzero(moved < _STILL + 1e-6 * self.mean.abs()).flatten().tolist()
        return places

    def summary(self) -> Statistics:
        """Return the Statistics."""
        std, still, listed = self.var.sqrt(), self.still(), len(self) <= LISTED
        return Statistics(
            mean=tuple(self.mean.tolist()) if listed else (),
            std=tuple(std.tolist()) if listed else (),
            mean_range=_range(self.mean),
            std_range=_range(std),
            still=len(still),
            still_at=tuple(still[:LISTED]),
            samples=max(0, int(self.count) - 1),
        )


def _range(values: torch.Tensor) -> tuple[float, float]:
    return (float(values.min()), float(values.max()))


def read_statistics(
    model: Tensors, inputs: Mapping[str, Shape | None], joined: Sequence[str]
) -> dict[str, RunningStatistics]:
    """Return input name → RunningStatistics of a state dict, {} where it has none.

    inputs: input name → shape. joined: the inputs that were concatenated to one vector, in that order.
    """
    if 'running_mean_std.running_mean' in model:
        whole, start = _at(model, 'running_mean_std.'), 0
        found: dict[str, RunningStatistics] = {}
        for name in joined or list(inputs)[:1]:
            shape = inputs[name]
            size = len(whole) if shape is None else math.prod(shape)
            found[name], start = whole.part(start, size), start + size
        return found
    places = {name: f'running_mean_std.running_mean_std.{name}.' for name in inputs}
    return {name: _at(model, place) for name, place in places.items() if f'{place}running_mean' in model}


def _at(model: Tensors, place: str) -> RunningStatistics:
    return RunningStatistics(
        model[f'{place}running_mean'], model[f'{place}running_var'], model.get(f'{place}count', torch.tensor(0.0))
    )
