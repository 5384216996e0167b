# SPDX-License-Identifier: Apache-2.0
"""Checks of tensors before they may move a robot."""

import logging
from pathlib import Path
import re

import torch

from rl_policy_node.policy.checkpoint.checkpoint_file import Refused
from rl_policy_node.policy.shared_types import Tensors

_log = logging.getLogger(__name__)
# values and discriminators: no action depends on them
_UNUSED = re.compile(
    r'(value_mean_std\.|a2c_network\.(value\.|critic_|c_rnn\.|c_layer_norm\.|input_networks_critic\.'
    r'|_disc_)|sac_network\.critic)'
)


def check_tensors(model: Tensors, size: int, path: Path) -> None:
    """Raise Refused for tensors that are no plain numbers in memory, or that cannot lead to an action.

    size: of the file, in bytes: no tensor may claim to hold more.
    """
    for name, tensor in model.items():
        oddity = _oddity(tensor, size)
        if oddity:
            raise Refused(path, f"'{name:.80}' is {oddity}; expected plain numbers")
        trouble = _trouble(name, tensor)
        if trouble:
            if not _UNUSED.match(name):
                raise Refused(path, f"'{name:.80}' {trouble}; expected finite numbers")
            _log.warning("checkpoint %s: '%s' is not finite; actions do not depend on it", path, name)


def _oddity(tensor: torch.Tensor, size: int) -> str:
    if tensor.is_quantized:
        return f'quantized ({tensor.dtype})'
    if tensor.is_nested or tensor.layout is not torch.strided:
        return f'sparse or nested ({tensor.layout})'
    if tensor.device.type != 'cpu':
        return f"on the device '{tensor.device}', without its numbers"
    if tensor.is_complex():
        return f'complex ({tensor.dtype})'
    if not (tensor.is_floating_point() or tensor.dtype in _WHOLE):
        return f'of the type {tensor.dtype}'
    if tensor.numel() * tensor.element_size() > size:
        return f'of shape {tuple(tensor.shape)}, more than the {size} bytes of the file'
    return ''


_WHOLE = {torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64}


def _trouble(name: str, tensor: torch.Tensor) -> str:
    # statistics are float64 in files and float32 in use, where they may overflow
    numbers = tensor.float()
    bad = int((~torch.isfinite(numbers)).sum())
    if bad:
        return f'has {bad} of {tensor.numel()} numbers that are NaN or infinite'
    return 'has negative variances' if name.endswith('running_var') and bool((numbers < 0).any()) else ''
