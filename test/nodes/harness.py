# SPDX-License-Identifier: Apache-2.0
"""A small real robot on the other end of the topics, and a small real policy."""

import json
from pathlib import Path
import time

from geometry_msgs.msg import WrenchStamped
from lifecycle_msgs.srv import ChangeState, GetState
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray
import torch
import yaml

from rl_policy_node.policy import Policy, Spaces
from rl_policy_node.tools.process.processes import NodeProcess

JOINTS = ['shoulder', 'elbow', 'wrist']
OBSERVATION = 9


def tiny_run(folder, observations=OBSERVATION, actions=3):
    """Write train.yaml and policy.pth of a recurrent flat policy into a folder."""
    network = {
        'name': 'actor_critic',
        'separate': False,
        'space': {
            'continuous': {
                'mu_activation': 'None',
                'sigma_activation': 'None',
                'fixed_sigma': True,
                'mu_init': {'name': 'default'},
                'sigma_init': {'name': 'const_initializer', 'val': 0},
            }
        },
        'mlp': {'units': [16], 'activation': 'elu', 'initializer': {'name': 'default'}},
        'rnn': {'name': 'lstm', 'units': 8, 'layers': 1, 'before_mlp': True},
    }
    params = {
        'seed': 0,
        'algo': {'name': 'a2c_continuous'},
        'model': {'name': 'continuous_a2c_logstd'},
        'network': network,
        'config': {'normalize_input': True, 'normalize_value': True, 'reward_shaper': {}},
    }
    (folder / 'train.yaml').write_text(yaml.safe_dump({'params': params}))
    torch.manual_seed(1)
    policy = Policy.load(folder / 'train.yaml', spaces=Spaces((observations,), actions), device='cpu')
    torch.save({'model': policy.player.model.state_dict()}, folder / 'policy.pth')
    return folder


def policy_parameters(run, **more):
    """Return the parameters of the policy in a folder, as rl_games' player acts."""
    files = {'train_config': str(run / 'train.yaml'), 'checkpoint': str(run / 'policy.pth')}
    return {**files, 'device': 'cpu', 'backend': 'eager', **more}


def parameters(run, **changes):
    """Return the parameter tree that fits the tiny policy and the arm."""
    tree = {
        'policy': policy_parameters(run),
        'control_rate': 50.0,
        'trigger': 'timer',
        'autostart': True,
        'resume': 'automatic',
        'enable': 'none',
        # a machine that runs many tests keeps a node from its turn for longer than a robot's may
        'guardian': False,
        'sources': {
            'joints': {'topic': 'joint_states', 'type': 'sensor_msgs/msg/JointState', 'max_age': 0.5},
            'wrench': {'topic': 'wrench', 'type': 'geometry_msgs/msg/WrenchStamped', 'max_age': 0.5},
        },
        'inputs': {'obs': ['position', 'velocity', 'force']},
        'terms': {
            'position': {'source': 'joints', 'field': 'position', 'joints': JOINTS, 'offset': [0.1, 0.2, 0.3]},
            'velocity': {'source': 'joints', 'field': 'velocity', 'joints': JOINTS, 'scale': [0.05]},
            'force': {'source': 'wrench', 'field': 'force', 'clip': 20.0},
        },
        'actions': {
            'terms': ['arm'],
            'arm': {
                'kind': 'joint_position',
                'source': 'joints',
                'joints': JOINTS,
                'scale': [0.5],
                'offset': [0.1, 0.2, 0.3],
                'topic': 'commands',
                'type': 'std_msgs/msg/Float64MultiArray',
                'limits': 'none',
            },
        },
    }
    for name, value in changes.items():
        *parents, leaf = name.split('.')
        branch = tree
        for parent in parents:
            branch = branch.setdefault(parent, {})
        branch[leaf] = value
    return tree


def wait(condition, timeout=5.0):
    """Return whether a condition comes true within `timeout`, s."""
    end = time.monotonic() + timeout
    while not condition() and time.monotonic() < end:
        time.sleep(min(0.05, timeout / 1000))
    return condition()


class Nodes:
    """Nodes on one parameter file, each logging into `folder`; stopped at the end, the last one first."""

    def __init__(self, folder, params_file):
        self._folder, self._params_file, self._started = folder, params_file, []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in reversed(self._started):
            process.stop()

    def start(self, module, overrides):
        """Start a node with overrides, parameter → value; return its process."""
        log = self._folder / f'{module}{len(self._started)}.log'
        self._started.append(NodeProcess(module, self._params_file, overrides, log))
        return self._started[-1]


class Arm:
    """Publishes joint states and a wrench until told to stop; keeps the commands it gets.

    now: returns the time that its measurements are stamped with. frame: of the wrench.
    """

    def __init__(self, folder, namespace='', command_topic='commands'):
        self.folder, self._namespace, self._command_topic = Path(folder), namespace, command_topic
        self.position, self.velocity, self.force = [0.3, -0.2, 0.5], [0.0, 0.1, -0.1], [1.0, 2.0, 3.0]
        self.names, self.frame = JOINTS, ''
        self.talking = {'joints', 'wrench'}
        self.commands, self.times = [], []
        self._processes = []
        self._spoke = 0.0

    def __enter__(self):
        self._context = rclpy.Context()
        rclpy.init(context=self._context, signal_handler_options=SignalHandlerOptions.NO)
        self.node = rclpy.create_node('arm', context=self._context, namespace=self._namespace)
        self.now = self.node.get_clock().now
        self._joints = self.node.create_publisher(JointState, 'joint_states', 10)
        self._wrench = self.node.create_publisher(WrenchStamped, 'wrench', 10)
        self.listen()
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)
        return self

    def __exit__(self, *_):
        for process in self._processes:
            process.stop()
        self._executor.shutdown()
        self.node.destroy_node()
        self._context.try_shutdown()

    def listen(self):
        """Subscribe to the commands."""
        self.listener = self.node.create_subscription(
            Float64MultiArray, self._command_topic, self._on_command, QoSProfile(depth=10)
        )

    def start(self, tree, module='policy_node'):
        """Start a node with a parameter tree; it is stopped with the arm."""
        file = self.folder / f'{module}.yaml'
        # JSON is YAML without aliases, which rcl's parser does not read
        file.write_text(json.dumps({'/**': {'ros__parameters': tree}}))
        self._processes.append(NodeProcess(module, file, {}, self.folder / f'{module}.log'))
        return self._processes[-1]

    def speak(self):
        """Publish what the sensors of `talking` measure."""
        stamp = self.now().to_msg()
        if 'joints' in self.talking:
            message = JointState(name=self.names, position=self.position, velocity=self.velocity)
            message.header.stamp = stamp
            self._joints.publish(message)
        if 'wrench' in self.talking:
            self._wrench.publish(self.wrench())

    def wrench(self):
        """Return the message of what the wrist measures now."""
        message = WrenchStamped()
        message.header.stamp, message.header.frame_id = self.now().to_msg(), self.frame
        message.wrench.force.x, message.wrench.force.y, message.wrench.force.z = self.force
        return message

    def live_until(self, condition, timeout=30.0):
        """Speak at 100 Hz and listen until `condition()`; return whether it came true in time."""
        end = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > end:
                return False
            if time.monotonic() - self._spoke > 0.01:
                self._spoke = time.monotonic()
                self.speak()
            self.take_in(0.002)
        return True

    def take_in(self, seconds):
        """Take in what comes, once."""
        self._executor.spin_once(timeout_sec=seconds)

    def live(self, seconds):
        """Speak and listen for a while."""
        end = time.monotonic() + seconds
        self.live_until(lambda: time.monotonic() >= end, seconds + 5)

    def is_held(self):
        """Return whether commands go out and stay the same, though the sensors show something else."""
        self.force, self.velocity = [-each for each in self.force], [-each for each in self.velocity]
        self.live(0.1)
        before, last = len(self.commands), self.commands[-1]
        self.live(0.2)
        return len(self.commands) > before and all(command == last for command in self.commands[before:])

    def says(self, process, text, timeout=30.0):
        """Return whether a node's log says `text` in time."""
        return self.live_until(lambda: text in process.tail(10_000), timeout)

    def state(self):
        """Return the lifecycle state of the policy node."""
        return self.call(GetState, '/policy_node/get_state', GetState.Request()).current_state.label

    def transition(self, number):
        """Ask the policy node for a lifecycle transition; return whether it was made."""
        request = ChangeState.Request()
        request.transition.id = number
        return self.call(ChangeState, '/policy_node/change_state', request).success

    def call(self, service, name, request, timeout=20.0):
        """Call a service while the arm goes on living."""
        client = self.node.create_client(service, name)
        try:
            assert self.live_until(client.service_is_ready, timeout), f'{name} is not there'
            future = client.call_async(request)
            assert self.live_until(future.done, timeout), f'{name} did not answer'
            return future.result()
        finally:
            self.node.destroy_client(client)

    def _on_command(self, message):
        self.commands.append(list(message.data))
        self.times.append(time.monotonic())
