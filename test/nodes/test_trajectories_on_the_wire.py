# SPDX-License-Identifier: Apache-2.0
"""Trajectories as a joint_trajectory_controller would take them: none of a live node ends in the past."""

from nodes.harness import JOINTS, parameters
import numpy as np
from rclpy.duration import Duration
from rclpy.qos import QoSProfile
from rclpy.time import Time
from trajectory_msgs.msg import JointTrajectory

ACTION = {
    'kind': 'joint_position',
    'source': 'joints',
    'joints': JOINTS,
    'scale': [0.5],
    'offset': [0.1, 0.2, 0.3],
    'limits': 'none',
    'topic': 'trajectory',
    'type': 'trajectory_msgs/msg/JointTrajectory',
}


class Controller:
    """Accepts a trajectory as a joint_trajectory_controller does, or rejects it. accepted: the positions, rad."""

    def __init__(self, arm):
        self.accepted, self.rejected = [], []
        self._clock = arm.node.get_clock()
        arm.node.create_subscription(JointTrajectory, 'trajectory', self._on, QoSProfile(depth=50))

    def _on(self, message):
        start, (point,) = Time.from_msg(message.header.stamp), message.points
        end = start.nanoseconds + Duration.from_msg(point.time_from_start).nanoseconds
        # a stamp of 0 means now
        if start.nanoseconds and end < self._clock.now().nanoseconds:
            self.rejected.append(message)
        else:
            self.accepted.append(list(point.positions))


def test_no_trajectory_ends_in_the_past_however_old_the_measurements_are(arm, run):
    controller, clock = Controller(arm), arm.node.get_clock()
    arm.now = lambda: clock.now() - Duration(seconds=1.0)  # the robot's clock is behind
    ages = {f'sources.{name}.max_age': 2.0 for name in ('joints', 'wrench')}
    node = arm.start(parameters(run, blend_in=1.0, **{'actions.arm': ACTION, **ages}))
    assert arm.live_until(lambda: len(controller.accepted) > 60 or controller.rejected, 40), node.tail()
    arm.now = lambda: clock.now() - Duration(seconds=0.08)  # joint states that take their time
    before = len(controller.accepted)
    assert arm.live_until(lambda: len(controller.accepted) > before + 20 or controller.rejected, 10)
    assert not controller.rejected
    sent = np.array(controller.accepted)
    away = np.abs(sent - arm.position).max(axis=1)
    assert away[0] < 0.1 * away[-1] and np.abs(np.diff(sent, axis=0)).max() < 0.1 * away[-1], 'it is blended in'
