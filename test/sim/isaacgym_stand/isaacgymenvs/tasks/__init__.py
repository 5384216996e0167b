# SPDX-License-Identifier: Apache-2.0
"""The tasks by name."""

from isaacgymenvs.tasks.anymal import Anymal
from isaacgymenvs.tasks.anymal_terrain import AnymalTerrain
from isaacgymenvs.tasks.reach import Reach
from isaacgymenvs.tasks.reach_tactile import ReachTactile
from isaacgymenvs.tasks.tacsl_insertion import TacSLTaskInsertion

isaacgym_task_map = {
    'Anymal': Anymal,
    'AnymalTerrain': AnymalTerrain,
    'Reach': Reach,
    'ReachTactile': ReachTactile,
    'TacSLTaskInsertion': TacSLTaskInsertion,
}
