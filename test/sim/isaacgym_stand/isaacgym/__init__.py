# SPDX-License-Identifier: Apache-2.0
"""Stands in for Isaac Gym: nothing but its rule on the order of imports."""

import sys

if 'torch' in sys.modules:
    raise ImportError('PyTorch was imported before isaacgym modules. Please import torch after isaacgym modules.')
