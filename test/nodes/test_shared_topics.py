# SPDX-License-Identifier: Apache-2.0
"""Joint states as robots have them: several drivers on a topic, clocks that are wrong; seen from the command topic."""

from nodes.harness import Arm, JOINTS, parameters
import numpy as np
import pytest
from rclpy.time import Time
from sensor_msgs.msg import JointState


class Drivers(Arm):
    """An arm whose joints are published by two drivers, beside a third that has others."""

    def __enter__(self):
        super().__enter__()
        self.talking = {'arm', 'gripper', 'stranger', 'wrench'}
        self._shared = {
            name: self.node.create_publisher(JointState, 'joint_states', 10) for name in ('arm', 'gripper', 'stranger')
        }
        return self

    def speak(self):
        super().speak()
        stamp = self.node.get_clock().now().to_msg()
        for name, joints in (('arm', slice(0, 2)), ('gripper', slice(2, 3))):
            message = JointState(name=JOINTS[joints], position=self.position[joints], velocity=self.velocity[joints])
            self._say(name, message, stamp)
        self._say('stranger', JointState(name=['rail'], position=[float('nan')]), stamp)

    def _say(self, name, message, stamp):
        if name in self.talking:
            message.header.stamp = stamp
            self._shared[name].publish(message)


@pytest.fixture
def drivers(tmp_path):
    with Drivers(tmp_path) as drivers:
        yield drivers


def steps(commands):
    """Return the largest step of a joint from each command to the next."""
    return np.abs(np.diff(np.array(commands), axis=0)).max(axis=1)


@pytest.mark.slow
def test_drivers_that_share_joint_states_make_one_arm(drivers, run):
    # a busy machine may silence all drivers for a moment, and the arm would be held for that reason
    node = drivers.start(parameters(run, resume='on_request', **{'sources.joints.max_age': 2.0}))
    assert drivers.live_until(lambda: len(drivers.commands) > 100, 40), node.tail()
    moved = drivers.commands[20:]
    assert all(command != drivers.position for command in moved) and steps(moved).max() < 0.02
    assert 'fallback' not in node.tail(100) and 'refused' not in node.tail(100)
    drivers.talking.remove('gripper')
    assert drivers.says(node, "the joints ['wrist']", 10), node.tail()
    drivers.live(0.2)
    before = len(drivers.commands)
    drivers.live(0.5)
    assert len(drivers.commands) > before and steps(drivers.commands[before:]).max() == 0.0, 'it holds'


def test_a_stamp_an_hour_ahead_costs_that_message_alone(arm, run):
    # a busy machine may silence the arm for a moment, and it would be held for that reason
    ages = {f'sources.{name}.max_age': 2.0 for name in ('joints', 'wrench')}
    node = arm.start(parameters(run, **ages))
    assert arm.live_until(lambda: len(arm.commands) > 5 and arm.commands[-1] != arm.position, 40)
    wrong = JointState(name=JOINTS, position=[1.0, 1.0, 1.0], velocity=[0.0] * 3)
    wrong.header.stamp = Time(nanoseconds=arm.node.get_clock().now().nanoseconds + 3600 * 10**9).to_msg()
    publisher = arm.node.create_publisher(JointState, 'joint_states', 10)
    # best effort loses what comes before the node knows the publisher, and a newer message takes the place of an older
    assert arm.live_until(
        lambda: publisher.publish(wrong) or 's ahead of the clock; future_tolerance is 0.1 s' in node.tail(10_000), 10
    ), node.tail()
    before = len(arm.commands) + 2
    arm.live(1.0)
    later = arm.commands[before:]
    assert len(later) > 20 and all(command != arm.position for command in later), node.tail()
    assert steps(later).max() < 0.1 and 'out of order' not in node.tail(100)

    def older():
        wrong.header.stamp = Time(nanoseconds=arm.node.get_clock().now().nanoseconds - 2 * 10**8).to_msg()
        publisher.publish(wrong)
        arm.live(0.03)  # several in a row would be a clock that was set back
        return 'out of order' in node.tail(10_000)

    before = len(arm.commands)
    assert arm.live_until(older, 10), node.tail()
    arm.live(0.5)
    later = arm.commands[before:]
    assert len(later) > 10 and steps(later).max() < 0.1 and arm.position not in later, 'what is older is dropped'


def test_a_source_that_is_good_and_bad_in_turn_brings_one_stop_and_few_lines(arm, run):
    limits = {'limits': '', 'lower': [-1.0], 'upper': [1.0], 'max_velocity': [0.2]}
    node = arm.start(parameters(run, **{f'actions.arm.{name}': value for name, value in limits.items()}))
    assert arm.live_until(lambda: len(arm.commands) > 20 and arm.commands[-1] != arm.position, 40), node.tail()
    speak, good, bad = arm.speak, arm.force, [float('nan'), 0.0, 0.0]

    def speak_in_turn():
        arm.force = good if arm.force is bad else bad
        speak()

    arm.speak = speak_in_turn
    arm.live(1.5)  # three times resume_after
    # one period of 20 ms may be two where the machine is busy
    assert steps(arm.commands).max() <= 0.2 * 2 * 0.02 + 1e-9
    assert len(arm.commands) > 40 and steps(arm.commands[-20:]).max() == 0.0, 'it has stopped once, and rests'
    said = node.tail(10_000)
    assert said.count('sending the fallback') == 1 and 'recovered' not in said and said.count('not finite') < 10
