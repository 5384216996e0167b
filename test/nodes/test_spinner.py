# SPDX-License-Identifier: Apache-2.0
"""Callbacks under a flood: what waits stays bounded, and a stop has its turn."""

import contextlib
import time

import pytest
import rclpy
from rclpy.qos import QoSProfile
from std_msgs.msg import Bool, Header

from rl_policy_node.nodes.process.runtime import LAG, Spinner

WORK = 0.002  # s that each message takes


@pytest.fixture
def nodes():
    """A node that takes its time for each of its messages, and another that sends them."""
    with contextlib.ExitStack() as stack:
        rclpy.init()
        stack.callback(rclpy.try_shutdown)
        made = rclpy.create_node('robot'), rclpy.create_node('sensor')
        for node in made:
            stack.callback(node.destroy_node)
        yield made


def test_a_flood_leaves_a_stop_its_turn(nodes):
    robot, sensor = nodes
    stops, taken = [], []
    quality = QoSProfile(depth=1000)
    robot.create_subscription(Header, 'flood', lambda message: (taken.append(message), time.sleep(WORK)), quality)
    robot.create_subscription(Bool, 'stop', stops.append, 10)
    flood, stop = sensor.create_publisher(Header, 'flood', quality), sensor.create_publisher(Bool, 'stop', 10)
    spinner = Spinner(robot, 'events', lambda: True)
    assert _until(spinner, lambda: flood.get_subscription_count() and stop.get_subscription_count())
    for _ in range(1000):
        flood.publish(Header())
    stop.publish(Bool(data=True))
    turns = 0
    while not stops and turns < 1000:
        spinner.spin_once()
        turns += 1
    # all of them took 2 s, and the stop came last
    assert stops and spinner.bounded and len(taken) < 1.5 * LAG / WORK
    before = len(taken)
    assert _until(spinner, lambda: len(taken) > before), 'the topic of the flood is heard, too'
    spinner.close()


def test_who_need_not_keep_up_lags_and_takes_all(nodes):
    robot, sensor = nodes
    taken = []
    quality = QoSProfile(depth=1000)
    robot.create_subscription(Header, 'flood', lambda message: (taken.append(message), time.sleep(WORK)), quality)
    flood = sensor.create_publisher(Header, 'flood', quality)
    spinner = Spinner(robot, 'events', lambda: False)
    assert _until(spinner, flood.get_subscription_count)
    count = int(2 * LAG / WORK)
    for _ in range(count):
        flood.publish(Header())
    for _ in range(2 * count):
        spinner.spin_once()
        if len(taken) == count:
            break
    assert len(taken) == count and not spinner.bounded
    spinner.close()


def test_one_long_callback_is_no_flood(nodes):
    robot, sensor = nodes
    taken = []
    robot.create_subscription(Header, 'work', lambda message: (time.sleep(1.5 * LAG), taken.append(message)), 10)
    work = sensor.create_publisher(Header, 'work', 10)
    spinner = Spinner(robot, 'events', lambda: True)
    assert _until(spinner, work.get_subscription_count)
    work.publish(Header())
    assert _until(spinner, lambda: taken)
    assert _until(spinner, lambda: True) and not spinner.bounded
    spinner.close()


def _until(spinner, happened):
    """Spin, for a while at least, until something happened; False where it does not."""
    for _ in range(100):
        spinner.spin_once()
        if happened():
            return True
    return False
