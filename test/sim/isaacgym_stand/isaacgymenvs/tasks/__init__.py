# SPDX-License-Identifier: Apache-2.0
"""The tasks by name."""

from isaacgymenvs.tasks.reach import Reach
from isaacgymenvs.tasks.reach_tactile import ReachTactile

isaacgym_task_map = {'Reach': Reach, 'ReachTactile': ReachTactile}
