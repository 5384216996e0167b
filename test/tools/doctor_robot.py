# SPDX-License-Identifier: Apache-2.0
"""A small robot in a process of its own: joints, an IMU, a controller, a button; faults are planted by lines of JSON.

A line on stdin changes its state, and is answered by a line on stdout once that is published.
"""

import json
import os
import select
import sys
import time

import numpy as np
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import Imu, JointState
from std_msgs.msg import Bool, Float64MultiArray

JOINTS = ['shoulder', 'elbow', 'wrist']
REST = [0.3, -0.2, 0.5]
UPRIGHT, ON_ITS_SIDE = (0.0, 0.0, 0.0, 1.0), (0.7071068, 0.0, 0.0, 0.7071068)
# what it is without a fault
HEALTHY = {
    'rate': 100.0,  # Hz
    'delay': 0.0,  # s by which stamps are old
    'names': JOINTS,
    'signs': [1.0, 1.0, 1.0],
    'units': 1.0,
    'frozen': False,
    'second': False,  # another publisher of joint states
    'imu': True,
    'joints': True,
    'orientation': UPRIGHT,
    'pose': REST,
    'enabled': None,  # None: the button says nothing
    'follows': True,  # whether the controller obeys
    'listens': True,
    'intruder': False,  # another commander
    'type': 'JointState',
    'reliability': 'RELIABLE',
}


class Robot:
    """Publishes what its state says, and follows commands."""

    def __init__(self):
        context = rclpy.Context()
        rclpy.init(context=context, signal_handler_options=SignalHandlerOptions.NO)
        self.node = rclpy.create_node('robot', context=context)
        self.other = rclpy.create_node('intruder', context=context)
        self.executor = SingleThreadedExecutor(context=context)
        self.executor.add_node(self.node)
        self.random, self.commands, self.made = np.random.default_rng(3), [], {}
        self.state, self.position = dict(HEALTHY), np.array(REST)
        self.enable = self.node.create_publisher(Bool, 'enable', 10)
        self.imu = self.node.create_publisher(Imu, 'imu', 10)
        self.apply({})

    def apply(self, changes):
        """Be healthy but for the changes."""
        self.state = {**HEALTHY, **changes}
        self.position = np.array(self.state['pose'], dtype=float)
        self.commands.clear()
        kind = JointState if self.state['type'] == 'JointState' else Float64MultiArray
        reliability = self.state['reliability']
        profile = QoSProfile(depth=10, reliability=ReliabilityPolicy[reliability])
        self._keep(
            'joints',
            self.state['joints'],
            lambda: self.node.create_publisher(kind, 'joint_states', profile),
            (kind, reliability),
        )
        self._keep('second', self.state['second'], lambda: self.other.create_publisher(JointState, 'joint_states', 10))
        self._keep(
            'intruder', self.state['intruder'], lambda: self.other.create_publisher(Float64MultiArray, 'commands', 10)
        )
        self._keep(
            'listener',
            self.state['listens'],
            lambda: self.node.create_subscription(Float64MultiArray, 'commands', self._on_command, 10),
        )

    def _keep(self, name, wanted, make, kind=None):
        """Have an endpoint or not; another kind makes it anew."""
        known = self.made.get(name)
        if known is not None and (not wanted or known[1] != kind):
            node = self.other if name in ('second', 'intruder') else self.node
            (node.destroy_subscription if name == 'listener' else node.destroy_publisher)(known[0])
            self.made.pop(name)
        if wanted and name not in self.made:
            self.made[name] = make(), kind

    def _on_command(self, message):
        self.commands.append((time.monotonic(), list(message.data)))
        if self.state['follows']:
            self.position = np.array(message.data)

    def speak(self):
        """Publish once."""
        state = self.state
        stamp = self.node.get_clock().now().nanoseconds - round(state['delay'] * 1e9)
        noise = 0.0 if state['frozen'] else self.random.normal(0.0, 1e-3, (2, 3))
        position = (self.position + (noise if state['frozen'] else noise[0])) * state['signs'] * state['units']
        velocity = np.zeros(3) + (noise if state['frozen'] else noise[1])
        if state['joints'] and state['type'] == 'JointState':
            message = JointState(name=state['names'], position=position.tolist(), velocity=velocity.tolist())
            self._stamp(message, stamp)
            self.made['joints'][0].publish(message)
            if state['second']:
                self.made['second'][0].publish(message)
        if state['imu']:
            message = Imu()
            self._stamp(message, stamp)
            turn = message.orientation
            turn.x, turn.y, turn.z, turn.w = state['orientation']
            rates = self.random.normal(0.0, 1e-3, 3).tolist()
            message.angular_velocity.x, message.angular_velocity.y, message.angular_velocity.z = rates
            message.linear_acceleration.z = 9.81
            self.imu.publish(message)
        if state['enabled'] is not None:
            self.enable.publish(Bool(data=state['enabled']))

    @staticmethod
    def _stamp(message, stamp):
        message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp, 10**9)
        message.header.frame_id = 'base'

    def move(self, joint, distance):
        """Turn a joint by hand: out and back within a second."""
        began = self.position.copy()
        place = JOINTS.index(joint)
        for phase in np.linspace(0.0, 2 * np.pi, 60):
            self.position[place] = began[place] + distance * (1 - np.cos(phase)) / 2
            self.speak()
            time.sleep(1.0 / 60)
        self.position = began

    def answer(self, request):
        """Do what a line asks; return the answer."""
        if 'move' in request:
            self.move(*request['move'])
        elif 'set' in request:
            self.state.update(request['set'])
        elif 'commands' not in request:
            self.apply(request)
        return {'commands': self.commands if 'commands' in request else len(self.commands)}

    def run(self):
        """Live until stdin closes."""
        due, unread = time.monotonic(), b''
        while True:
            if select.select([sys.stdin], [], [], 0.0)[0]:
                data = os.read(sys.stdin.fileno(), 65536)
                if not data:
                    return
                unread += data
            while b'\n' in unread:
                line, _, unread = unread.partition(b'\n')
                print(json.dumps(self.answer(json.loads(line))), flush=True)
            if time.monotonic() >= due:
                due = max(due + 1.0 / self.state['rate'], time.monotonic() - 0.05)
                self.speak()
            self.executor.spin_once(timeout_sec=max(min(due - time.monotonic(), 0.005), 0.0))


if __name__ == '__main__':
    Robot().run()
