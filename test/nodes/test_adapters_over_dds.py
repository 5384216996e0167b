# SPDX-License-Identifier: Apache-2.0
"""Every adapter over DDS: what is sent is what arrives; and what is malformed never reaches the policy."""

import time

from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import WrenchStamped
from nodes.harness import JOINTS, parameters
import numpy as np
import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import Image, JointState

from rl_policy_node.adapters import ADAPTERS, create_adapter

STAMP = 1_700_000_000_123_456_789


@pytest.fixture(scope='module')
def wire():
    """Return a function that sends a message through DDS and returns what arrived."""
    context = rclpy.Context()
    rclpy.init(context=context, signal_handler_options=SignalHandlerOptions.NO)
    node, executor = rclpy.create_node('wire', context=context), SingleThreadedExecutor(context=context)
    executor.add_node(node)

    def send(message):
        arrived, topic = [], f'wire_{type(message).__name__.lower()}'
        publisher = node.create_publisher(type(message), topic, 1)
        subscription = node.create_subscription(type(message), topic, arrived.append, 1)
        end = time.monotonic() + 20.0
        while not arrived and time.monotonic() < end:
            publisher.publish(message)
            executor.spin_once(timeout_sec=0.05)
        node.destroy_subscription(subscription)
        node.destroy_publisher(publisher)
        return arrived[0]

    yield send
    executor.shutdown()
    node.destroy_node()
    context.try_shutdown()


def sample(adapter):
    """Return arrays of every field, no two numbers alike, a unit quaternion where one is meant."""
    random = np.random.default_rng(3)
    arrays = {}
    for field, shape in adapter.fields.items():
        if field == 'image':
            arrays[field] = random.integers(0, 200, (4, 6, 3)).astype(adapter.dtype)
        elif np.dtype(adapter.dtype).kind in 'iu':
            arrays[field] = random.integers(0, 100, shape or 3).astype(adapter.dtype)
        elif np.dtype(adapter.dtype).kind == 'b':
            arrays[field] = np.ones(shape or 3, dtype=bool)
        else:
            arrays[field] = random.uniform(-1.0, 1.0, shape or 3).astype(adapter.dtype)
    if 'orientation' in arrays:
        arrays['orientation'] = arrays['orientation'] / np.linalg.norm(arrays['orientation'])
    return arrays


@pytest.mark.parametrize('name', ADAPTERS)
def test_what_is_sent_is_what_arrives(wire, name):
    adapter = create_adapter(name)
    arrays, names = sample(adapter), ('a', 'b', 'c')
    message = wire(adapter.to_message(arrays, STAMP, names))
    found = adapter.to_arrays(message)
    assert set(found) == set(arrays)
    for field, value in arrays.items():
        np.testing.assert_array_equal(found[field], value)
    assert adapter.stamp(message) == (STAMP if adapter.has_header else 0)
    assert adapter.names(message) in (None, names)


def wrong(position=(0.3, -0.2, 0.5), velocity=(0.0, 0.1, -0.1), names=JOINTS):
    return JointState(name=list(names), position=list(position), velocity=list(velocity))


def bad_wrench():
    message = WrenchStamped()
    message.wrench.force.x = float('inf')
    return message


MALFORMED = {
    'not a number': ('joint_states', wrong(position=(np.nan, 0.0, 0.0)), 'not finite'),
    'infinite': ('wrench', bad_wrench(), 'not finite'),
    'too few': ('joint_states', wrong(position=(0.1, 0.2)), '2 numbers for 3 names'),
    'a joint missing': ('joint_states', wrong((0.1, 0.2), (0.0, 0.0), JOINTS[:2]), "nothing of the joints ['wrist']"),
    'a joint twice': ('joint_states', wrong(names=[JOINTS[0], JOINTS[0], JOINTS[2]]), 'twice'),
    'no velocities': ('joint_states', wrong(velocity=()), 'velocity is missing'),
}


@pytest.mark.slow
@pytest.mark.parametrize('case', MALFORMED)
def test_what_is_malformed_is_refused_counted_and_never_acted_on(arm, run, case):
    topic, message, told = MALFORMED[case]
    arm.start(parameters(run))
    assert arm.live_until(lambda: len(arm.commands) > 5 and arm.commands[-1] != arm.position, 40)
    arm.talking.discard({'joint_states': 'joints'}.get(topic, topic))
    publisher = arm.node.create_publisher(type(message), topic, 10)
    heard = []
    arm.node.create_subscription(DiagnosticArray, '/policy_node/status', heard.append, 10)

    def counted():
        message.header.stamp = arm.node.get_clock().now().to_msg()
        publisher.publish(message)
        return any(told in pair.value for array in heard for status in array.status for pair in status.values)

    assert arm.live_until(counted, 20), heard[-1:]
    assert arm.live_until(arm.is_held, 10)
    assert np.isfinite(arm.commands).all()


def pixel(encoding, data):
    return Image(height=1, width=1, encoding=encoding, step=len(data), data=data)


@pytest.mark.parametrize(
    'bad, told',
    [
        (pixel('rgb8', b'\x01\x02\x03'), "encoding is 'rgb8'"),
        (pixel('32FC3', b'\0' * 11), 'step is 11'),
        (pixel('32FC3', np.float32([1, np.nan, 1]).tobytes()), 'not finite'),
    ],
)
def test_an_image_that_is_another_than_said_is_refused(arm, run, bad, told):
    camera = {
        'sources.camera': {'topic': 'camera', 'type': 'sensor_msgs/msg/Image', 'encoding': '32FC3'},
        'terms.force': {'source': 'camera', 'field': 'image', 'shape': [1, 1, 3]},
    }
    tree = parameters(run, **camera)
    del tree['sources']['wrench']
    node = arm.start(tree)
    publisher = arm.node.create_publisher(Image, 'camera', 10)
    good = pixel('32FC3', np.float32([1, 2, 3]).tobytes())

    def shown(image, until):
        def condition():
            image.header.stamp = arm.node.get_clock().now().to_msg()
            publisher.publish(image)
            return until()

        return condition

    assert arm.live_until(shown(good, lambda: arm.commands and arm.commands[-1] != arm.position), 40)
    assert arm.live_until(shown(bad, lambda: arm.commands[-1] == arm.position and told in node.tail(50)), 20)
    assert np.isfinite(arm.commands).all()


def test_joints_in_another_order_are_put_in_theirs(arm, run):
    arm.start(parameters(run))
    assert arm.live_until(lambda: len(arm.commands) > 5 and arm.commands[-1] != arm.position, 40)
    position = list(arm.position)
    arm.names = [JOINTS[2], JOINTS[0], JOINTS[1]]
    arm.position, arm.velocity = [0.5, 0.3, -0.2], [-0.1, 0.0, 0.1]
    arm.live(0.3)
    arm.talking = {'joints'}  # without the wrench it is held where these say it is
    assert arm.live_until(lambda: arm.commands[-1] == position, 10)
