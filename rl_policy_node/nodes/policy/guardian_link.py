# SPDX-License-Identifier: Apache-2.0
"""The node's link to its guardian: starts the process, sends it a beat, and learns when the node is fenced."""

from __future__ import annotations

from collections.abc import Callable, Sequence
import json
import os
import threading
import time
from typing import Any, Final, NamedTuple

from rclpy.duration import Duration
from rclpy.lifecycle import LifecycleNode
from rclpy.serialization import serialize_message

from rl_policy_node.control.specs import ControlSpec
from rl_policy_node.errors import ConfigurationError, unfit
from rl_policy_node.nodes.interfaces import Message
from rl_policy_node.nodes.process.board import Board, Cell
from rl_policy_node.nodes.process.guardian_process import GuardianProcess
from rl_policy_node.nodes.process.guardian_voice import spoken_qos
from rl_policy_node.nodes.topics.endpoints import Gid

# s from its start until every subscriber knows the guardian: DDS repeats lost discovery messages after 1 s
SETTLE: Final = 1.2
REACH_TIMEOUT: Final = 2.5  # s that it may take to find the subscribers; it never finds one that has just ended
SILENT: Final = 0.5  # s; without a look for longer the guardian counts as ended
_MOST_PER_LOOK: Final = 0.1  # s, the most silence that one look adds: a stopped process observes nothing
ROOM: Final = 1 << 20  # bytes for a command; unwritten ones take no memory
_PERIODS, _SHORTEST = 3, 0.1  # default of guardian_timeout: periods, but at least so many s


class Command(NamedTuple):
    """A command topic. fallback: the guardian's message, b'': it repeats the last command."""

    publisher: Any
    fallback: bytes


def guardian_timeout(control: ControlSpec) -> float:
    """Return the time, s, that the control loop may be silent; raises ConfigurationError if it is too short."""
    period = 1.0 / control.rate
    stated = control.guardian.guardian_timeout
    if not stated:
        return max(_PERIODS * period, _SHORTEST)
    if stated < 2 * period:
        raise unfit(
            "parameter 'guardian_timeout'",
            f'{stated:g} s',
            f'at least two periods of the control, {2 * period:g} s, or 0 for three',
        )
    return stated


class Guardian:
    """A core Guard: when the control loop falls silent, its process fences this one and publishes the fallback.

    node_name, namespace: of its ROS node.
    """

    def __init__(self, node: LifecycleNode, control: ControlSpec) -> None:
        """Start the process; `watch` sends it the topics, `await_ready` waits for it."""
        self.node_name, self.namespace = f'{node.get_name()}_guardian', node.get_namespace()
        self.timeout = guardian_timeout(control)
        self._domain, self._clock = node.context.get_domain_id(), node.get_clock()
        self._introduction = b''
        self._publishers: list[Any] = []
        self._memory = os.memfd_create('rl_policy_node')
        self._board = Board(self._memory, [])
        self._epoch, self._open, self._lock = 1, False, threading.Lock()
        self._silence = Silence()
        self._process = GuardianProcess(self._memory)
        self._former = frozenset[Gid]()

    # from configure to cleanup

    def watch(self, commands: Sequence[Command]) -> list[Cell]:
        """Send the process all command topics; return the memory of each."""
        self._publishers = [command.publisher for command in commands]
        capacities = [len(command.fallback) or ROOM for command in commands]
        self._board.close()
        self._board = Board(self._memory, capacities)
        for cell, command in zip(self._board.cells, commands):
            cell.forget()
            if command.fallback:
                cell.prepare(command.fallback)
        self._introduction = (
            json.dumps(
                {
                    'node': self.node_name,
                    'namespace': self.namespace,
                    'domain': self._domain,
                    'timeout': self.timeout,
                    'pid': os.getpid(),
                    'topics': [
                        {**_described(command.publisher), 'capacity': capacity}
                        for command, capacity in zip(commands, capacities)
                    ],
                }
            ).encode()
            + b'\n'
        )
        self._process.introduce(self._introduction)
        return self._board.cells

    def await_ready(self) -> None:
        """Wait until the process watches; raises ConfigurationError if it does not start."""
        while self.not_ready():
            time.sleep(0.02)

    def not_ready(self) -> str:
        """Return why the process cannot watch yet, '' if it can; replace one that has ended or is silent.

        Raises ConfigurationError if it does not start; the next call tries again.
        """
        try:
            age = self._process.age()
        except ConfigurationError:
            self._replace()
            raise
        if age is None:
            return 'the guardian starts'
        if self._process.ended() is not None or time.monotonic() - self._board.guardian_beat > SILENT:
            self._replace()
            return 'the guardian has ended, and starts anew'
        if age < SETTLE or age < REACH_TIMEOUT and self._unreached():
            return 'the guardian has just started: who listens to the commands may not know it yet'
        return ''

    def renew(self) -> None:
        """Begin a new epoch, in which nothing has been sent and the node is not fenced."""
        with self._lock:
            self._epoch, self._open = self._board.renew(), True
        self._silence = Silence()

    def close(self) -> None:
        """End the process."""
        self.end()
        self._process.end()
        self._board.close()
        os.close(self._memory)

    def status(self) -> str:
        """Return its status for the diagnostics."""
        if self.fenced:
            return 'has fenced this node'
        if self._process.ended() is not None:
            return 'has ended'
        unreached = self._unreached()
        return f'watches, timeout {self.timeout:g} s' + (f'; does not reach {unreached}' if unreached else '')

    @property
    def gids(self) -> frozenset[Gid]:
        """The GIDs of its publishers and of those of former processes, which the graph still lists for a while."""
        return self._former | self._process.gids

    # a core Guard

    @property
    def fenced(self) -> bool:
        """Whether the guardian publishes in place of this node."""
        return self._board.fence >= self._epoch

    def set_sending(self, sending: bool) -> None:
        """Tell the guardian that a command is about to be sent, or that it was sent."""
        self._board.set_sending(sending)

    def begin(self) -> None:
        """Note that the control loop begins: from now on a missing beat is a fault."""
        with self._lock:
            if self._open:  # it may have been stopped before it began
                self.beat(time.monotonic())
                self._board.set_active(True)
        self._process.wake()

    def beat(self, steady: float) -> None:
        """Note that the control loop is alive at `steady`, s."""
        clock = self._clock
        self._board.set_beat(steady, clock.now().nanoseconds if clock.ros_time_is_active else 0)

    def expect(self, steady: float) -> None:
        """Note that a step begins at `steady`, s."""
        self._board.set_step(steady)

    def end(self) -> None:
        """Note that a missing beat is no fault any more."""
        with self._lock:
            self._open = False
            self._board.set_active(False)

    def alarm(self) -> str:
        """Return why the loop must stop: the node is fenced, or the guardian has ended or is silent; '': no reason."""
        if self.fenced:
            self._board.set_noticed(self._epoch)
            return f'fenced by the guardian: the control loop was silent for {self.timeout:g} s'
        code = self._process.ended()
        if code is not None:
            return f'the guardian has ended (exit code {code})'
        if self._silence.grows(self._board.guardian_beat, time.monotonic()):
            return f'the guardian has been silent for {SILENT:g} s'
        return ''

    def _replace(self) -> None:
        self._process.end(patience=0.0)
        self._former |= self._process.gids
        self._process = GuardianProcess(self._memory)
        self._process.introduce(self._introduction)

    def _unreached(self) -> str:
        """Return the topics on which the guardian has found fewer subscribers than this node, '' if there are none."""
        return ', '.join(
            publisher.topic_name
            for publisher, cell in zip(self._publishers, self._board.cells)
            if publisher.get_subscription_count() > cell.reach
        )


class Silence:
    """The time since a beat last changed; a gap between two looks counts as _MOST_PER_LOOK at most."""

    def __init__(self) -> None:
        self._beat, self._seconds, self._looked = 0.0, 0.0, float('inf')

    def grows(self, beat: float, now: float) -> bool:
        """Look at a beat at `now`, s, on the steady clock; return whether it has been silent for too long."""
        if beat != self._beat:
            self._beat, self._seconds = beat, 0.0
        else:
            self._seconds += max(min(now - self._looked, _MOST_PER_LOOK), 0.0)
        self._looked = now
        return self._seconds > SILENT


class GuardedPublisher:
    """A publisher that sends nothing while its node is fenced.

    note(data): called after each message, so that the guardian can repeat it.
    """

    def __init__(self, publisher: Any, guardian: Guardian, note: Callable[[bytes], None]) -> None:
        self._publisher, self._guardian, self._note = publisher, guardian, note

    def publish(self, message: Message) -> None:
        """Send a message, or the bytes of one, unless the node is fenced."""
        data = message if type(message) is bytes else serialize_message(message)
        self._guardian.set_sending(True)  # before the last look at the fence: so one of the two notices the other
        try:
            if not self._guardian.fenced:
                self._publisher.publish(data)
                self._note(data)
        finally:
            self._guardian.set_sending(False)

    def wait_for_all_acked(self, timeout: Duration) -> bool:
        """Wait until the last message is acknowledged."""
        acked: bool = self._publisher.wait_for_all_acked(timeout)
        return acked


def _described(publisher: Any) -> dict[str, object]:
    """Return the data that another process needs to publish on the same topic."""
    kind = publisher.msg_type
    fields = list(kind.get_fields_and_field_types().items())
    return {
        'name': publisher.topic_name,
        'module': kind.__module__,
        'class': kind.__name__,
        'stamped': fields[:1] == [('header', 'std_msgs/Header')],
        'qos': spoken_qos(publisher.qos_profile),
    }
