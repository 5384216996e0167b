# SPDX-License-Identifier: Apache-2.0
"""What training scripts call."""

import random

import numpy as np
import torch


def set_seed(seed, torch_deterministic=False, rank=0):
    """Seed everything that tasks draw from."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    return seed
