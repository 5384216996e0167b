# SPDX-License-Identifier: Apache-2.0
"""Spaces with the attributes that gym's have, which IsaacGymEnvs' tasks take."""

import numpy as np


class Box:
    """Numbers between bounds."""

    def __init__(self, bound, shape):
        self.low, self.high = np.full(shape, -bound, np.float32), np.full(shape, bound, np.float32)
        self.shape, self.dtype = tuple(shape), np.dtype(np.float32)


class Dict:
    """Spaces by name."""

    def __init__(self, spaces):
        self.spaces = spaces
