# SPDX-License-Identifier: Apache-2.0
"""Publishes what the policy sees and answers, from a thread of its own: the control thread only copies numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
import contextlib
from queue import Empty, SimpleQueue
import threading
import traceback
from typing import Any, Final

import numpy as np
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from std_msgs.msg import String

from rl_policy_node.control.arrays import Array, Indices
from rl_policy_node.core.frame import Change, Frame
from rl_policy_node.core.outcome import Outcome
from rl_policy_node.nodes.parameters.parsing import values_of
from rl_policy_node.nodes.policy.policy_metadata import Deployed, describe
from rl_policy_node.nodes.policy.streams import Cut, METADATA, PolicyStreams, StreamSpec
from rl_policy_node.nodes.policy.tracks import tracks

# best effort: a subscriber that does not read holds up nobody
QOS: Final = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT, history=HistoryPolicy.KEEP_LAST)
LATCHED: Final = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
WAITING = 8  # steps that wait for the thread; further ones are dropped
PATIENCE = 1.0  # s that the end waits for a message under way


class Streaming:
    """A StepObserver that publishes steps while it is switched on; off, there is no thread and no publisher.

    deployed(): returns what the node has configured; called in the thread.
    """

    def __init__(self, node: Node, spec: StreamSpec, deployed: Callable[[], Deployed]) -> None:
        self._node, self._spec, self._deployed = node, spec, deployed
        self._lane: _Lane | None = None

    @property
    def dropped(self) -> int:
        """How many steps came faster than they could be published, since the streams were switched on."""
        return 0 if self._lane is None else self._lane.dropped

    def observe(self, frame: Frame, outcome: Outcome) -> None:
        """Copy what the network got and answered, where the streams are on."""
        lane = self._lane
        if lane is not None and outcome.inputs is not None:
            lane.offer(frame, outcome)

    def switch(self, on: bool) -> None:
        """Begin to publish, or end; never waits for a publisher."""
        lane = self._lane
        if on and lane is None:
            self._lane = _Lane(self._node, self._spec, self._deployed)
        elif not on and lane is not None:
            self._lane = None
            lane.end()

    def change(self, *changes: Change) -> None:
        """Follow changes of the parameter stream.enabled."""
        for _, value in changes:
            self.switch(bool(value))

    def close(self) -> None:
        """End, and wait at most PATIENCE s for the message under way."""
        lane = self._lane
        self.switch(False)
        if lane is not None:
            lane.join()


class _Lane:
    """From the control thread to the publishers: a bounded number of Slots, empty ones and filled ones."""

    def __init__(self, node: Node, spec: StreamSpec, deployed: Callable[[], Deployed]) -> None:
        self._node, self._spec, self._deployed = node, spec, deployed
        self._empty: SimpleQueue[_Slot] = SimpleQueue()
        self._filled: SimpleQueue[_Slot | None] = SimpleQueue()
        self.dropped = self._seen = 0
        self._thread = threading.Thread(target=self._run, name='streams', daemon=True)
        self._thread.start()

    def offer(self, frame: Frame, outcome: Outcome) -> None:
        """Copy a step, unless none is due or the publishers are behind."""
        self._seen += 1
        if self._seen % self._spec.every:
            return
        try:
            slot = self._empty.get_nowait()
        except Empty:
            self.dropped += 1
            return
        slot.fill(frame, outcome)
        self._filled.put(slot)

    def end(self) -> None:
        """Publish no more."""
        self._filled.put(None)

    def join(self) -> None:
        """Wait until the thread has ended, at most PATIENCE s."""
        self._thread.join(PATIENCE)

    def _run(self) -> None:
        try:
            with self._publishers() as (streams, publishers):
                for _ in range(WAITING):
                    self._empty.put(_Slot(streams))
                for slot in iter(self._filled.get, None):
                    # a message that nobody reads costs nothing but this question
                    if any(publisher.get_subscription_count() for publisher in publishers.values()):
                        for message in streams.messages(slot.cut()):
                            publishers[message.topic].publish(message.payload)
                    self._empty.put(slot)
        except Exception:  # noqa: BLE001 - what a person looks at must not end what moves the robot
            self._node.get_logger().error(f'the streams failed and have ended:\n{traceback.format_exc()}')

    @contextlib.contextmanager
    def _publishers(self) -> Iterator[tuple[PolicyStreams, dict[str, Any]]]:
        """Create the publishers, tell the metadata, and destroy them at the end."""
        node, deployed = self._node, self._deployed()
        control = deployed.control
        streams = PolicyStreams(self._spec, control, deployed.policy.spaces, tracks(control, deployed.cycle))
        metadata = node.create_publisher(String, METADATA, LATCHED)
        publishers = {topic: node.create_publisher(kind, topic, QOS) for topic, kind in streams.topics.items()}
        try:
            metadata.publish(String(data=describe(deployed, values_of(node), self._spec.most_numbers)))
            yield streams, publishers
        finally:
            for publisher in (metadata, *publishers.values()):
                node.destroy_publisher(publisher)


class _Slot:
    """Room for a step."""

    def __init__(self, streams: PolicyStreams) -> None:
        rows, shapes = len(streams.rows), streams.inputs
        whole = streams.rows == list(range(rows))
        self._rows: slice | Indices = slice(0, rows) if whole else np.asarray(streams.rows, dtype=np.intp)
        self._inputs: dict[str, Array] = {name: np.zeros((rows, *shape), np.float32) for name, shape in shapes.items()}
        self._actions: Array = np.zeros((rows, streams.num_actions), np.float32)
        self._acting = np.zeros(rows, dtype=bool)
        self._stamp = 0

    def fill(self, frame: Frame, outcome: Outcome) -> None:
        """Copy a step whose network ran."""
        assert outcome.inputs is not None and outcome.actions is not None
        rows = self._rows
        for name, value in self._inputs.items():
            value[...] = outcome.inputs[name][rows]
        self._actions[...] = outcome.actions[rows]
        self._acting[...] = outcome.acted[rows]
        self._stamp = frame.ros

    def cut(self) -> Cut:
        """Return the step; valid until the next one is copied."""
        return Cut(self._stamp, self._inputs, self._actions, self._acting)
