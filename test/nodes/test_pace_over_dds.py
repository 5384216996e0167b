# SPDX-License-Identifier: Apache-2.0
"""The pace of commands, seen on their topic: real processes whose sensors are too fast, repeat themselves, or fail."""

import contextlib
import time

from nodes.acting import expected
from nodes.harness import Arm, parameters
import numpy as np
import pytest
from sensor_msgs.msg import JointState
from std_msgs.msg import Header
from std_srvs.srv import Trigger


@pytest.fixture
def arms(tmp_path):
    """Return a function that puts an arm into a namespace."""
    with contextlib.ExitStack() as stack:
        yield lambda namespace: stack.enter_context(Arm(tmp_path, namespace))


def speak_fast(arm, seconds):
    """Have the sensors speak at several times the control rate; return how many commands came meanwhile."""
    before, end = len(arm.commands), time.monotonic() + seconds
    while time.monotonic() < end:
        arm.speak()
        arm.take_in(0.002)
    return len(arm.commands) - before


@pytest.mark.slow
def test_steps_come_at_the_control_rate_and_only_of_what_is_new(arm, run):
    node = arm.start(parameters(run, trigger='observation', episode_topic='episode'))
    episodes = arm.node.create_publisher(Header, 'episode', 1)
    assert arm.live_until(lambda: len(arm.commands) > 20, 40), node.tail()
    assert speak_fast(arm, 2.0) < 2.0 * 50 * 1.1, 'never faster than 50 Hz'

    begins = arm.node.get_clock().now().to_msg()
    begins.sec += 3600
    assert arm.live_until(episodes.get_subscription_count, 10)
    episodes.publish(Header(stamp=begins))
    assert arm.says(node, 'the episode begins 3', 10)
    assert not arm.is_held(), 'it goes on in its own episode'

    repeated = JointState(name=arm.names, position=arm.position, velocity=arm.velocity)
    repeated.header.stamp = arm.node.get_clock().now().to_msg()
    joints = arm.node.create_publisher(JointState, 'joint_states', 10)
    assert arm.live_until(joints.get_subscription_count, 10)
    arm.talking = {'wrench'}
    before, end = len(arm.commands), time.monotonic() + 0.4
    while time.monotonic() < end:
        joints.publish(repeated)
        arm.speak()
        arm.take_in(0.005)
    # one for the stamp, and what was on its way
    assert len(arm.commands) - before <= 3, 'what repeats itself is nothing new'


@pytest.mark.slow
def test_a_robot_that_falls_silent_or_is_slow_costs_another_nothing_but_a_moment(arms, run):
    left, right = arms('left'), arms('right')
    node = left.start(parameters(run, robots=['left', 'right'], trigger='observation'))
    wanted = expected(run, left, 100, rows=2)  # by then its recurrent state has settled, and repeats its command

    def both():
        right.live(0.005)
        return len(left.commands) > 20 and len(right.commands) > 20

    assert left.live_until(both, 40), node.tail()
    talking, right.talking = right.talking, set()
    before = len(left.times)
    left.live(1.2)
    slow, right.talking, spoken = len(left.times), talking, 0.0

    def at_six_hertz():
        nonlocal spoken
        if time.monotonic() - spoken > 1 / 6:
            spoken = time.monotonic()
            right.speak()
        return time.monotonic() > end

    end = time.monotonic() + 1.2
    assert left.live_until(at_six_hertz)
    # a step waits for the other a quarter of a period long; 270 to 350 ms, or 170 ms at 6 Hz, would be a wait
    for times in (left.times[before:slow], left.times[slow:]):
        gaps = np.diff(times)
        assert len(gaps) > 20 and np.median(gaps) < 0.06 and np.sort(gaps)[-2] < 0.15
    places = [wanted.index(command) for command in left.commands]
    assert places == sorted(places), "not a bit of its commands is the other's"


def test_a_source_that_is_too_slow_for_its_age_ends_in_the_latch(arm, run):
    node = arm.start(parameters(run, **{'sources.wrench.max_age': 0.1, 'resume_after': 0.0, 'latch_falls': 2}))
    assert arm.live_until(lambda: len(arm.commands) > 20, 40), node.tail()
    arm.talking = {'joints'}
    spoken = 0.0

    def at_five_hertz():
        nonlocal spoken
        if time.monotonic() - spoken > 0.2:
            spoken = time.monotonic()
            arm.talking = {'joints', 'wrench'}
            arm.speak()
            arm.talking = {'joints'}
        return 'fell out 3 times' in node.tail(50)

    assert arm.live_until(at_five_hertz, 10), node.tail()
    assert 'wrench' in node.tail(50) and 'max_age' in node.tail(50)
    arm.talking = {'joints', 'wrench'}
    arm.live(0.5)
    assert arm.is_held(), 'it swings no more'
    assert arm.call(Trigger, '/policy_node/resume', Trigger.Request()).success
    assert arm.live_until(lambda: not arm.is_held(), 10)
