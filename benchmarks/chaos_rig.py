# SPDX-License-Identifier: Apache-2.0
"""A policy of random weights, nodes that act by it, and the robot on the other end of their topics."""

from __future__ import annotations

from collections.abc import Callable
import json
import math
from pathlib import Path
import time
from typing import Any

import numpy as np
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import Joy
from std_msgs.msg import Bool, Float64MultiArray, Header
from std_srvs.srv import Trigger
import torch
from train_config import write_train_config

from rl_policy_node.adapters import create_adapter
from rl_policy_node.adapters.adapter import set_stamp
from rl_policy_node.policy import Policy, Spaces
from rl_policy_node.tools.process.processes import ToolProcess

JOINTS = ['shoulder', 'elbow', 'wrist']
RATE, LIMIT, VELOCITY = 50.0, 1.0, 1.0  # Hz; rad, either way; rad/s
# s by which the times of two commands may be off: between the step that limits a command and its time of sending this
# machine may do something else
SLACK = 0.05
# source → its type, its topic, the fields that the policy observes and their shapes
SOURCES: dict[str, tuple[str, dict[str, tuple[int, ...]]]] = {
    'joints': ('sensor_msgs/msg/JointState', {'position': (3,), 'velocity': (3,)}),
    'wrench': ('geometry_msgs/msg/WrenchStamped', {'force': (3,)}),
    'imu': ('sensor_msgs/msg/Imu', {'angular_velocity': (3,)}),
    'odometry': ('nav_msgs/msg/Odometry', {'linear_velocity': (3,)}),
    'goal': ('geometry_msgs/msg/PoseStamped', {'position': (3,)}),
    'twist': ('geometry_msgs/msg/TwistStamped', {'linear_velocity': (3,)}),
    'numbers': ('std_msgs/msg/Float64MultiArray', {'data': (4,)}),
    'image': ('sensor_msgs/msg/Image', {'image': (2, 3, 3)}),
    'compressed': ('sensor_msgs/msg/CompressedImage', {'image': (2, 3, 3)}),
    'trajectory': ('trajectory_msgs/msg/JointTrajectory', {'position': (3,)}),
}
# the action of each test: its command is checked, or its zeros are looked for
POSITION = {
    'kind': 'joint_position',
    'source': 'joints',
    'joints': JOINTS,
    'scale': [1.5],
    'topic': 'commands',
    'type': 'std_msgs/msg/Float64MultiArray',
    'lower': [-LIMIT],
    'upper': [LIMIT],
    'max_velocity': [VELOCITY],
}
SPEED = {
    'kind': 'joint_velocity',
    'joints': JOINTS,
    'scale': [0.3],
    'max_velocity': [VELOCITY],
    'topic': 'commands',
    'type': 'std_msgs/msg/Float64MultiArray',
}


def width(sources: list[str]) -> int:
    """Return how many numbers the policy observes of sources."""
    return sum(math.prod(shape) for name in sources for shape in SOURCES[name][1].values())


def write_run(folder: Path, sources: list[str]) -> None:
    """Write train.yaml and policy.pth of a recurrent policy of random weights that observes sources."""
    write_train_config(folder, 'chaos', (32,), {'name': 'lstm', 'units': 16, 'layers': 1, 'before_mlp': True})
    torch.manual_seed(1)
    policy = Policy.load(folder / 'train.yaml', spaces=Spaces((width(sources),), 3), device='cpu')
    torch.save({'model': policy.player.model.state_dict()}, folder / 'policy.pth')


def parameters(folder: Path, sources: list[str], action: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return the parameter tree of a node that acts by the policy in a folder; changes: of its topmost names.

    The guardian is patient: what goes on here keeps the machine busy.
    """
    terms, described = {}, {}
    for name in sources:
        kind, fields = SOURCES[name]
        described[name] = {'topic': name, 'type': kind, 'max_age': 0.3}
        for field, shape in fields.items():
            terms[f'{name}_{field}'] = {'source': name, 'field': field}
            if field == 'image':
                described[name]['encoding'] = 'rgb8'
                terms[f'{name}_{field}'] |= {'shape': list(shape), 'scale': [1 / 255]}
            elif name in ('joints', 'trajectory'):
                terms[f'{name}_{field}']['joints'] = JOINTS
            elif name == 'numbers':
                terms[f'{name}_{field}']['shape'] = list(shape)
    return {
        'policy': {
            'train_config': str(folder / 'train.yaml'),
            'checkpoint': str(folder / 'policy.pth'),
            'device': 'cpu',
            'backend': 'eager',
        },
        'control_rate': RATE,
        'trigger': 'timer',
        'autostart': True,
        'enable': 'none',
        'resume': 'automatic',
        'resume_after': 0.1,
        'latch_falls': 1000,
        'guardian_timeout': 1.0,
        'sources': described,
        'terms': terms,
        'inputs': {'obs': list(terms)},
        'actions': {'terms': ['arm'], 'arm': action},
        **changes,
    }


class Watch:
    """Looks at every command: finite, within the limits, and no farther from the last one than time allows.

    moved: commands that differ from the one before. jump: the largest, rad beyond what is allowed.
    """

    def __init__(self) -> None:
        self.commands = self.moved = self.not_finite = self.outside = self.jumps = 0
        self.jump, self.heard = 0.0, -math.inf
        self.last: np.ndarray | None = None
        self._sent = 0

    def on(self, message: Float64MultiArray, info: dict[str, int]) -> None:
        """Look at a command; info: with the time at which its publisher sent it, ns."""
        command, sent = np.array(message.data), info['source_timestamp']
        self.commands, self.heard = self.commands + 1, time.monotonic()
        if not np.isfinite(command).all():
            self.not_finite += 1
            return
        self.outside += bool((abs(command) > LIMIT + 1e-9).any())
        if self.last is not None:
            far = float(abs(command - self.last).max())
            self.moved += far > 0
            beyond = far - VELOCITY * (max((sent - self._sent) * 1e-9, 0.0) + SLACK)
            self.jumps += beyond > 0
            self.jump = max(self.jump, beyond)
        self.last, self._sent = command, sent

    def figures(self) -> dict[str, float]:
        """Return what was seen, for a report."""
        return {
            'commands': self.commands,
            'moved': self.moved,
            'not_finite': self.not_finite,
            'outside': self.outside,
            'jumps': self.jumps,
            'largest_jump_beyond_rad': round(self.jump, 6),
        }

    @property
    def broken(self) -> bool:
        """Whether a command was seen that must not be."""
        return bool(self.not_finite or self.outside or self.jumps)


class Robot:
    """A robot in a namespace of its own: publishes what its sensors measure, looks at its commands.

    topics: name → (publisher, message type) of all that the node hears; the robot follows its commands.
    """

    def __init__(self, bench: Bench, name: str, sources: list[str], joy: bool = False) -> None:
        self.name, self._bench, self.watch, self.statuses = name, bench, Watch(), {}
        self.process: ToolProcess | None = None
        self.topics: dict[str, tuple[Any, type]] = {}
        self._sensors = {}
        self._held_down = Joy(buttons=[1]) if joy else Bool(data=True)
        for source in sources:
            adapter = create_adapter(SOURCES[source][0], encoding='rgb8' if 'mage' in SOURCES[source][0] else '')
            self._sensors[source] = adapter, dict(SOURCES[source][1])
            self._advertise(source, adapter.message_type)
        self._advertise('enable', type(self._held_down))
        self._advertise('episode', Header)
        self._advertise('policy_node/estop', Bool)
        bench.node.create_subscription(Float64MultiArray, f'{name}/commands', self.watch.on, QoSProfile(depth=200))

    def _advertise(self, topic: str, kind: type) -> None:
        self.topics[topic] = self._bench.node.create_publisher(kind, f'{self.name}/{topic}', 10), kind

    def start(self, tree: dict[str, Any]) -> ToolProcess:
        """Start a policy node of these parameters in the robot's namespace."""
        file = self._bench.folder / f'{self.name}.yaml'
        # JSON is YAML without aliases, which rcl's parser does not read
        file.write_text(json.dumps({'/**': {'ros__parameters': tree}}))
        self.process = ToolProcess(
            'policy_node',
            [
                '-m',
                'rl_policy_node.nodes.entry',
                'policy_node',
                '--ros-args',
                '-r',
                f'__ns:=/{self.name}',
                '--params-file',
                file,
            ],
            self._bench.folder / f'{self.name}.log',
        )
        self._bench.processes.append(self.process)
        return self.process

    def sound(self, topic: str) -> Any:
        """Return the message that belongs on a topic now."""
        now = time.time_ns()
        if topic == 'enable':
            return self._held_down
        if topic == 'policy_node/estop':
            return Bool(data=False)
        if topic == 'episode':
            header = Header()
            set_stamp(header.stamp, now)
            return header
        adapter, fields = self._sensors[topic]
        turn = time.monotonic() * 2.0
        arrays = {
            field: np.full(shape, 128 if field == 'image' else 0.5 * math.sin(turn + number), dtype=adapter.dtype)
            for number, (field, shape) in enumerate(fields.items())
        }
        if topic == 'joints' and self.watch.last is not None:
            arrays['position'] = self.watch.last
        fixed = {
            field: np.eye(4)[3] if shape == (4,) else np.zeros(shape)
            for field, shape in adapter.fields.items()
            if shape and topic != 'imu'
        }
        return adapter.to_message({**fixed, **arrays}, now, JOINTS if 'oint' in adapter.type_name else ())

    def speak(self) -> None:
        """Publish a sound message on each topic but those that people use now and then."""
        for topic, (publisher, _) in self.topics.items():
            if topic not in ('episode', 'policy_node/estop'):
                publisher.publish(self.sound(topic))

    def listeners(self) -> bool:
        """Whether the node listens to all topics that it subscribes."""
        return all(self.topics[name][0].get_subscription_count() for name in self._sensors)


class Bench:
    """The process that plays the robots: a context manager, which ends the nodes that were started."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.processes = folder, list[ToolProcess]()
        self.robots: list[Robot] = []
        self._spoke = 0.0

    def __enter__(self) -> Bench:
        self._context = rclpy.Context()
        rclpy.init(context=self._context, signal_handler_options=SignalHandlerOptions.NO)
        self.node = rclpy.create_node('chaos', context=self._context)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes:
            process.stop()
        self._executor.shutdown()
        self.node.destroy_node()
        self._context.try_shutdown()

    def robot(self, name: str, sources: list[str], joy: bool = False) -> Robot:
        """Return a robot that lives from now on."""
        self.robots.append(Robot(self, name, sources, joy))
        return self.robots[-1]

    def live_until(self, condition: Callable[[], object], timeout: float) -> bool:
        """Speak at the control rate and listen until `condition()`; return whether it came true in time."""
        end = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > end:
                return False
            self.live_once()
        return True

    def live(self, seconds: float) -> None:
        """Speak and listen for a while."""
        self.live_until(lambda: False, seconds)

    def live_once(self, patience: float = 0.002) -> None:
        """Speak if it is time, and hear what has come."""
        if time.monotonic() - self._spoke >= 1 / RATE:
            self._spoke = time.monotonic()
            for robot in self.robots:
                robot.speak()
        self._executor.spin_once(timeout_sec=patience)

    def call(self, kind: type, name: str, request: Any, timeout: float = 10.0) -> Any:
        """Call a service while the robots live on; return its response, None where there is none in time."""
        client = self.node.create_client(kind, name)
        try:
            if not self.live_until(client.service_is_ready, timeout):
                return None
            future = client.call_async(request)
            return future.result() if self.live_until(future.done, timeout) else None
        finally:
            self.node.destroy_client(client)

    def resume(self, robot: Robot) -> Any:
        """Ask a node to go on; return its answer."""
        return self.call(Trigger, f'/{robot.name}/policy_node/resume', Trigger.Request())

    def acts(self, robot: Robot, timeout: float = 60.0) -> bool:
        """Return whether commands of a node go out and change."""
        count = robot.watch.moved
        return self.live_until(lambda: robot.watch.moved > count + 5, timeout)
