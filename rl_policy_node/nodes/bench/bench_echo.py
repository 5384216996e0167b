# SPDX-License-Identifier: Apache-2.0
"""The least that a node in Python can do: a message comes in, at once a command of twelve numbers goes out.

python -m rl_policy_node.nodes.bench.bench_echo [--executor events] [--type TYPE] OBSERVATIONS COMMANDS
"""

import argparse
import sys

import rclpy
from rclpy.executors import ExternalShutdownException
from sensor_msgs.msg import JointState

from rl_policy_node.adapters.adapter import message_class
from rl_policy_node.nodes.interfaces import Message
from rl_policy_node.nodes.process.runtime import create_executor


def main() -> None:
    """Echo until asked to end."""
    options = _options()
    rclpy.init()
    node = rclpy.create_node('bench_echo')
    command = JointState(name=[f'joint_{number}' for number in range(12)], position=[0.0] * 12)
    publisher = node.create_publisher(JointState, options.commands, 10)

    def answer(message: Message) -> None:
        command.header.stamp = message.header.stamp
        publisher.publish(command)

    node.create_subscription(message_class(options.type), options.observations, answer, 10)
    executor = create_executor(options.executor, node.get_logger())
    executor.add_node(node)
    try:
        while rclpy.ok():
            executor.spin_once(timeout_sec=0.1)
    except (KeyboardInterrupt, ExternalShutdownException):
        sys.exit(0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--executor', default='single_threaded')
    parser.add_argument('--type', default='sensor_msgs/msg/JointState')
    parser.add_argument('observations')
    parser.add_argument('commands')
    return parser.parse_args()


if __name__ == '__main__':
    main()
