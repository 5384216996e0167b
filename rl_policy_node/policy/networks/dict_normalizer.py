# SPDX-License-Identifier: Apache-2.0
"""Running statistics per key of a dict observation, in a form that TorchScript accepts."""

from collections.abc import Iterator, Mapping
import contextlib
from typing import Any, Dict

from rl_games.algos_torch.running_mean_std import RunningMeanStd
import torch
from torch import nn

from rl_policy_node.policy.shared_types import Shape


class DictRunningMeanStd(nn.Module):
    """rl_games' `RunningMeanStdObs`: the same parameter names, the same arithmetic, scriptable.

    insize: key → shape. forward: dict of (rows, *shape) tensors → the same, normalised to zero mean and
    unit variance and clamped to ±5, or back again with `denorm`.
    """

    def __init__(
        self, insize: Mapping[str, Shape], epsilon: float = 1e-05, per_channel: bool = False, norm_only: bool = False
    ) -> None:
        super().__init__()
        self.running_mean_std = nn.ModuleDict(
            {key: RunningMeanStd(shape, epsilon, per_channel, norm_only) for key, shape in insize.items()}
        )
        each: Any
        for each in self.running_mean_std.values():
            # a key of one number a row, as the last reward is; TorchScript takes no empty shape, and none is needed
            each.insize = each.insize or (1,)

    def forward(self, input: Dict[str, torch.Tensor], denorm: bool = False) -> Dict[str, torch.Tensor]:
        # a key too many must fail as loudly as one too few: both mean another observation than trained
        assert len(input) == len(self.running_mean_std), 'observation keys differ from the trained ones'
        result: Dict[str, torch.Tensor] = {}
        for key, statistics in self.running_mean_std.items():
            result[key] = statistics(input[key], denorm)
        return result


@contextlib.contextmanager
def unscripted(model: nn.Module) -> Iterator[None]:
    """Within the block a rl_games model normalises dict observations in Python.

    Exporters do not know TorchScript's dicts. The arithmetic, and the bits of the result, are the same.
    """
    scripted: Any = getattr(model, 'running_mean_std', None)
    if getattr(scripted, 'original_name', '') != DictRunningMeanStd.__name__:
        yield
        return
    statistics = dict(scripted.running_mean_std.named_children())
    shapes = {key: tuple(each.running_mean.shape) for key, each in statistics.items()}
    model.running_mean_std = DictRunningMeanStd(shapes).to(next(scripted.buffers()).device).eval()
    model.running_mean_std.load_state_dict(scripted.state_dict())
    try:
        yield
    finally:
        model.running_mean_std = scripted
