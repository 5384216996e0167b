# SPDX-License-Identifier: Apache-2.0
"""The topics that the policy node reads besides its sources."""

from rl_policy_node.control.specs import ControlSpec
from rl_policy_node.nodes.policy.enable import EnableSpec
from rl_policy_node.nodes.policy.robot_state import RobotStateSpec
from rl_policy_node.nodes.topics.naming import topic_of


def topics_read(control: ControlSpec, enable: EnableSpec, states: RobotStateSpec) -> dict[str, str]:
    """Return parameter → the topic that it names, for the topics read besides the sources."""
    read = {'enable.topic': enable.topic} if enable.topic else {}
    for robot in control.robots if states.topic else ():
        read[f"robot_state.topic of robot '{robot}'" if robot else 'robot_state.topic'] = topic_of(robot, states.topic)
    starts = control.timing.episode_topic
    for robot in control.robots if starts else ():
        read[f"episode_topic of robot '{robot}'" if robot else 'episode_topic'] = topic_of(robot, starts)
    return read
