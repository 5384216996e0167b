# SPDX-License-Identifier: Apache-2.0
"""A block of memory for several tensors, so that a single copy moves all of them."""

from collections.abc import Mapping
import math

import torch

from rl_policy_node.policy.shared_types import Shape

_ALIGNMENT = 64  # bytes; a view of any type may begin there


class Block:
    """Bytes on a device, and views on them: name → tensor of a shape and a type. pinned: for copies to a GPU."""

    def __init__(
        self, layout: Mapping[str, tuple[Shape, torch.dtype]], device: str | torch.device = 'cpu', pinned: bool = False
    ) -> None:
        places, size = {}, 0
        for name, (shape, dtype) in layout.items():
            length = math.prod(shape) * dtype.itemsize
            places[name] = size, length
            size += -(-length // _ALIGNMENT) * _ALIGNMENT
        self.bytes = torch.zeros(size, dtype=torch.uint8, device=device, pin_memory=pinned)
        self.views = {
            name: self.bytes[start : start + length].view(layout[name][1]).view(layout[name][0])
            for name, (start, length) in places.items()
        }
