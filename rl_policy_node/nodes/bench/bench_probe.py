# SPDX-License-Identifier: Apache-2.0
"""Simulated robots with real messages: they publish observations when due, and note each answer.

It runs in another process than the node that it measures. It takes requests as lines of JSON on stdin, and answers each
with one line on stdout. It prepares messages beforehand and only stamps them, and it reads only the stamp of a command,
so that it measures the node and not itself.
"""

from collections.abc import Mapping, Sequence
import gc
import json
import os
from pathlib import Path
import struct
import sys
import time
from typing import Any, TypeAlias

from lifecycle_msgs.srv import ChangeState
import numpy as np
import rclpy
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.serialization import serialize_message
from rclpy.signals import SignalHandlerOptions

from rl_policy_node.adapters.adapter import message_class
from rl_policy_node.adapters.registry import create_adapter
from rl_policy_node.control.arrays import Array
from rl_policy_node.nodes.process.runtime import create_executor

COMMAND = 'sensor_msgs/msg/JointState'
VARIANTS = 8  # different messages, sent in turn
_STAMP = struct.Struct('<iI')  # of a header, behind the four bytes that begin every serialised message
_STAMP_AT, _STAMP_END = 4, 12


# a request, or its answer: JSON
Json: TypeAlias = dict[str, Any]


def serialised(description: Json) -> list[bytes]:
    """Return VARIANTS messages as bytes, without stamps.

    description: {'type': JointState's, 'joints': names}, or {'type': Image's, 'shape': (height, width, 3)}.
    """
    random, joints = np.random.default_rng(0), description.get('joints', ())
    encoding = {'encoding': 'rgb8'} if 'shape' in description else {}
    adapter = create_adapter(description['type'], 'bench', **encoding)

    def arrays() -> dict[str, Array]:
        if encoding:
            return {'image': random.integers(0, 256, description['shape'], np.uint8)}
        return {name: random.uniform(-1, 1, len(joints)) for name in ('position', 'velocity')}

    return [bytes(serialize_message(adapter.to_message(arrays(), 0, joints))) for _ in range(VARIANTS)]


def stamped(message: bytes, stamp: int) -> bytes:
    """Return a serialised message with this stamp, ns, in its header."""
    return message[:_STAMP_AT] + _STAMP.pack(*divmod(stamp, 1_000_000_000)) + message[_STAMP_END:]


class Robot:
    """One robot: sends prepared messages, and keeps the times at which each was sent and first answered.

    sent, answered: stamp in ns → steady time in ns.
    """

    def __init__(self, node: Node, topics: Mapping[str, str], type_name: str, messages: Sequence[bytes]) -> None:
        """Create the endpoints. topics: {'observations', 'commands'}; without commands no answer is expected."""
        self._publisher = node.create_publisher(message_class(type_name), topics['observations'], 10)
        self._messages = messages
        self.sent: dict[int, int] = {}
        self.answered: dict[int, int] = {}
        self._count = 0
        if topics.get('commands'):
            node.create_subscription(
                message_class(COMMAND), topics['commands'], self._on_command, QoSProfile(depth=100), raw=True
            )

    def measure(self, stamp: int) -> None:
        """Publish an observation. stamp: ns."""
        message = stamped(self._messages[self._count % len(self._messages)], stamp)
        self._count += 1
        self.sent[stamp] = time.monotonic_ns()
        self._publisher.publish(message)

    def forget(self) -> None:
        """Forget all times."""
        self.sent.clear()
        self.answered.clear()

    def latencies(self) -> list[float | None]:
        """Return the time from each observation to its answer, µs; None if it had none."""
        return [
            (self.answered[stamp] - began) / 1e3 if stamp in self.answered else None
            for stamp, began in self.sent.items()
        ]

    def _on_command(self, message: bytes) -> None:
        now = time.monotonic_ns()
        seconds, nanoseconds = _STAMP.unpack_from(message, _STAMP_AT)
        self.answered.setdefault(seconds * 1_000_000_000 + nanoseconds, now)


class Probe:
    """Groups of robots, one group for each node that is measured."""

    def __init__(self) -> None:
        self._node = rclpy.create_node('bench_probe')
        self._executor = create_executor('events', self._node.get_logger())
        self._executor.add_node(self._node)
        self._groups: dict[str, list[Robot]] = {}

    def open(self, group: str, robots: Sequence[Mapping[str, str]], message: Json) -> Json:
        """Create the robots of a group. robots: the topics of each. message: description of their messages."""
        messages = serialised(message)
        self._groups[group] = [Robot(self._node, topics, message['type'], messages) for topics in robots]
        return {}

    def await_answers(self, group: str, patience: float, rate: float = 20.0) -> Json:
        """Publish until every robot of a group has an answer, at most `patience` s; return whether all have one."""
        robots = self._groups[group]
        end = time.monotonic() + patience
        while not all(robot.answered for robot in robots) and time.monotonic() < end:
            self._publish(robots, rate, 1, False)
        return {'answered': all(robot.answered for robot in robots)}

    def measure(
        self,
        group: str,
        rate: float,
        seconds: float,
        stagger: bool = False,
        settle: float = 0.3,
        pid: int | None = None,
    ) -> Json:
        """Publish at a rate, Hz, all robots at once or (stagger) spread over the period; return the latencies.

        settle: s before the measurement. pid: of the node, whose processor time is returned as a share of one core.
        """
        robots = self._groups[group]
        self._publish(robots, rate, round(settle * rate), stagger)
        for robot in robots:
            robot.forget()
        gc.collect()
        gc.disable()
        before, start = _cpu_seconds(pid), time.monotonic()
        self._publish(robots, rate, round(seconds * rate), stagger)
        cpu = (_cpu_seconds(pid) - before) / (time.monotonic() - start)
        gc.enable()
        self._listen(time.monotonic() + 0.2)
        return {'latencies': [value for robot in robots for value in robot.latencies()], 'cpu': cpu}

    def transition(self, node: str, number: int, group: str, patience: float = 20.0) -> Json:
        """Request a transition of a lifecycle node while a group's robots publish; return whether it was made."""
        client: Any = self._node.create_client(ChangeState, f'{node}/change_state')
        request, end = ChangeState.Request(), time.monotonic() + patience
        future: Any = None
        request.transition.id = number
        while time.monotonic() < end and not (future and future.done()):
            self._publish(self._groups[group], 100.0, 5, False)
            if future is None and client.service_is_ready():
                future = client.call_async(request)
        response = future.result() if future and future.done() else None
        self._node.destroy_client(client)
        return {'made': bool(response and response.success)}

    def _publish(self, robots: list[Robot], rate: float, count: int, stagger: bool) -> None:
        """Publish `count` observations of each robot at absolute deadlines, and listen in between."""
        turns = [[robot] for robot in robots] if stagger else [robots]
        slot, start, clock = 1.0 / rate / len(turns), time.monotonic(), self._node.get_clock()
        for number in range(count * len(turns)):
            self._listen(start + number * slot)
            stamp = clock.now().nanoseconds
            for robot in turns[number % len(turns)]:
                robot.measure(stamp)
        self._listen(start + count / rate)

    def _listen(self, until: float) -> None:
        while (left := until - time.monotonic()) > 0:
            self._executor.spin_once(timeout_sec=left)


def _cpu_seconds(pid: int | None) -> float:
    """Return the processor time, s, that a process and its threads have used so far; 0.0 without a process."""
    if pid is None:
        return 0.0
    fields = Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def main() -> None:
    """Answer requests until stdin ends."""
    answers = os.fdopen(os.dup(1), 'w')
    os.dup2(2, 1)  # output of libraries must not look like an answer
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    probe = Probe()
    gc.freeze()
    for request in sys.stdin:
        arguments = json.loads(request)
        print(json.dumps(getattr(probe, arguments.pop('do'))(**arguments)), file=answers, flush=True)


if __name__ == '__main__':
    main()
