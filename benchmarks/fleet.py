"""Many robots on one policy node over DDS: is every observation answered, and how soon?

    python benchmarks/fleet.py --robots 16 --rate 100 --seconds 10

Each robot has topics of its own: one joint state in, one joint command out, stamped with the observation
it answers. The policy is an MLP (512-256-128), with --lstm an LSTM (2×256) before one of 256-128-64; its
weights are random.
"""
import argparse
import json
from pathlib import Path
import sys
import tempfile
import time

import numpy as np
import rclpy
from rclpy.experimental import EventsExecutor
from rclpy.qos import QoSProfile
from sensor_msgs.msg import JointState
import torch

from rl_policy_node.nodes.diagnostics import percentiles
from rl_policy_node.policy import Policy
from rl_policy_node.tools.processes import NodeProcess, private_domain

JOINTS = [f'joint_{number}' for number in range(12)]
TRAIN = """
params:
  algo: {name: a2c_continuous}
  model: {name: continuous_a2c_logstd}
  network:
    name: actor_critic
    separate: False
    space:
      continuous: {mu_activation: None, sigma_activation: None, fixed_sigma: True, mu_init: {name: default},
                   sigma_init: {name: const_initializer, val: 0}}
    mlp: {units: [512, 256, 128], activation: elu, initializer: {name: default}}
  config: {name: fleet, normalize_input: True, normalize_value: True}
"""


def parameters(folder, robots, rate, lstm):
    """Write a policy and return the parameters of a node that acts with it for all robots."""
    (folder / 'train.yaml').write_text(TRAIN)
    overrides = LSTM if lstm else []
    policy = Policy.load(folder / 'train.yaml', spaces={'observation': [36], 'action': 12}, device='cpu',
                         overrides=overrides)
    torch.save({'model': policy.player.model.state_dict()}, folder / 'fleet.pth')
    return {
        'policy': {'train_config': str(folder / 'train.yaml'), 'checkpoint': str(folder / 'fleet.pth'),
                   'device': 'cpu', **({'overrides': overrides} if lstm else {})},
        'control_rate': float(rate), 'trigger': 'observation', 'autostart': True, 'robots': robots,
        'sources': {'joints': {'topic': 'joint_states', 'type': 'sensor_msgs/msg/JointState', 'max_age': 0.5}},
        'inputs': {'obs': ['position', 'velocity', 'last_action']},
        'terms': {'position': {'source': 'joints', 'field': 'position', 'joints': JOINTS},
                  'velocity': {'source': 'joints', 'field': 'velocity', 'joints': JOINTS},
                  'last_action': {'kind': 'last_action'}},
        'actions': {'terms': ['legs'], 'legs': {
            'kind': 'joint_position', 'source': 'joints', 'joints': JOINTS, 'scale': [0.1], 'topic': 'commands',
            'type': 'sensor_msgs/msg/JointState'}}}


LSTM = ['+params.network.rnn={name:lstm,units:256,layers:2,before_mlp:True,layer_norm:False}',
        'params.network.mlp.units=[256,128,64]']


class Robots:
    """All robots in one node: they measure at a rate, and note when which observation was answered."""

    def __init__(self, names):
        rclpy.init()
        self.node, self._executor = rclpy.create_node('robots'), EventsExecutor()
        self._executor.add_node(self.node)
        self._publishers = [self.node.create_publisher(JointState, f'{name}/joint_states', 10) for name in names]
        for row, name in enumerate(names):
            self.node.create_subscription(JointState, f'{name}/commands', lambda m, row=row: self._on_command(row, m),
                                          QoSProfile(depth=100))
        self._message = JointState(name=JOINTS)
        self.sent, self.answers = {}, [{} for _ in names]

    def measure(self):
        """Publish an observation of every robot, all with one stamp."""
        stamp = self.node.get_clock().now()
        self._message.header.stamp = stamp.to_msg()
        self._message.position = np.random.uniform(-1, 1, len(JOINTS)).tolist()
        self._message.velocity = self._message.position
        self.sent[stamp.nanoseconds] = time.monotonic()
        for publisher in self._publishers:
            publisher.publish(self._message)

    def run(self, rate, seconds, until=None):
        """Measure at a rate, and listen in between; end early when `until()` holds."""
        start, count = time.monotonic(), 0
        while time.monotonic() - start < seconds and not (until and until()):
            if time.monotonic() - start >= count / rate:
                self.measure()
                count += 1
            self._executor.spin_once(timeout_sec=max(1e-4, start + count / rate - time.monotonic()))

    def listen(self, seconds):
        """Take in what is still on its way."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._executor.spin_once(timeout_sec=0.01)

    def _on_command(self, row, message):
        stamp = message.header.stamp.sec * 10 ** 9 + message.header.stamp.nanosec
        self.answers[row].setdefault(stamp, time.monotonic())


def main():
    """Run the benchmark and print what was lost and how long answers took."""
    options = _options()
    private_domain()
    names = [f'robot_{number}' for number in range(options.robots)]
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        file = folder / 'fleet.yaml'
        file.write_text(json.dumps({'/**': {'ros__parameters': parameters(folder, names, options.rate, options.lstm)}}))
        node = NodeProcess('policy_node', file, {}, folder / 'policy.log')
        robots = Robots(names)
        robots.run(options.rate, 60.0, lambda: all(robots.answers))
        robots.run(options.rate, 1.0)
        robots.listen(0.2)
        robots.sent.clear()
        robots.run(options.rate, options.seconds)
        robots.listen(0.5)
        _print(robots, options)
        log = node.tail(200)
        code = node.stop()
    told = ''.join(line for line in log.splitlines(True) if 'WARN' in line or 'ERROR' in line)
    print(told or ('no warnings' if robots.answers[0] else log))
    rclpy.try_shutdown()
    return code


def _options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--robots', type=int, default=16)
    parser.add_argument('--rate', type=float, default=100.0, help='Hz')
    parser.add_argument('--seconds', type=float, default=10.0)
    parser.add_argument('--lstm', action='store_true')
    return parser.parse_args()


def _print(robots, options):
    times = [answers[stamp] - sent for answers in robots.answers for stamp, sent in robots.sent.items()
             if stamp in answers]
    wanted = len(robots.sent) * len(robots.answers)
    figures = percentiles(times)
    print(f'{options.robots} robots at {options.rate:g} Hz for {options.seconds:g} s: '
          f'{len(times)} of {wanted} observations answered, {wanted - len(times)} lost; '
          f'p50 {figures["p50"]:.1f} ms, p99 {figures["p99"]:.1f} ms, max {figures["max"]:.1f} ms')


if __name__ == '__main__':
    sys.exit(main())
