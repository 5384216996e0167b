# SPDX-License-Identifier: Apache-2.0
"""The composition of published environments' observations and actions, by name of the task."""

from rl_policy_node.policy.layouts.complete import complete, complete_actions, complete_input
from rl_policy_node.policy.layouts.layout import Layout, LayoutAction, LayoutTerm, QUANTITIES
from rl_policy_node.policy.layouts.robot_joints import JointLimits, RobotJoints
from rl_policy_node.policy.layouts.scene_merge import attributed, completed
from rl_policy_node.policy.layouts.simulator_scene import read_scene, Scene

__all__ = [
    'JointLimits',
    'Layout',
    'LayoutAction',
    'LayoutTerm',
    'QUANTITIES',
    'RobotJoints',
    'Scene',
    'attributed',
    'complete',
    'complete_actions',
    'complete_input',
    'completed',
    'read_scene',
]
