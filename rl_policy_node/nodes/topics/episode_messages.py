# SPDX-License-Identifier: Apache-2.0
"""The messages about episodes between simulator and policy: one for each robot, or one for all rows."""

from __future__ import annotations

import array
from collections.abc import Callable
import math

import numpy as np
from std_msgs.msg import Float64MultiArray, Header, Int64MultiArray, MultiArrayDimension

from rl_policy_node.adapters.adapter import set_stamp
from rl_policy_node.control.arrays import Floats, Stamps
from rl_policy_node.control.specs import ControlSpec
from rl_policy_node.control.supervisor import future_tolerance
from rl_policy_node.errors import ContractError
from rl_policy_node.nodes.interfaces import Message
from rl_policy_node.nodes.topics.naming import row_groups, topic_of
from rl_policy_node.nodes.topics.payload import Payload


def start_topics(control: ControlSpec) -> list[tuple[slice, str, type]]:
    """Return [(rows, topic, message type)] of the topics that carry the starts of episodes."""
    if not control.timing.episode_topic:
        return []
    kind, topic = Int64MultiArray if control.shared_rows else Header, control.timing.episode_topic
    return [
        (rows, topic_of(control.robots[0 if control.shared_rows else rows.start], topic), kind)
        for rows in row_groups(bool(control.shared_rows), control.rows)
    ]


def start_message(starts: Stamps, rows: slice, together: bool) -> Message:
    """Return the message with the starts of the episodes of rows. together: one message carries all rows.

    starts: (rows of the batch,), ns.
    """
    if together:
        return Int64MultiArray(data=array.array('q', starts[rows].tobytes()))
    message = Header()
    set_stamp(message.stamp, starts[rows.start])
    return message


class EpisodeStarts:
    """Reads the messages of the episode topic, and counts those that it refuses. last_fault: the last reason.

    It refuses an episode that begins too far ahead of the clock: the robot would wait for its observations, and keep
    the last command until then. Not in lockstep, where stamps do not follow the clock.
    ros(): returns the present time, ns; 0: a simulated clock that does not run yet.
    """

    def __init__(self, control: ControlSpec, ros: Callable[[], int]) -> None:
        self._topic, self._ros = control.timing.episode_topic, ros
        self._tolerance = math.inf if control.lockstep else future_tolerance(1.0 / control.rate)
        self._payload = Payload(Int64MultiArray if control.shared_rows else Header)
        self.rejected, self.last_fault = 0, ''

    def read(self, payload: bytes, rows: slice) -> Stamps:
        """Return the starts (n,), ns, in the bytes of a message for n rows; raises ValueError."""
        try:
            starts, ros = self.starts_in(self._payload.message(payload), rows), self._ros()
            ahead = (int(starts.max()) - ros) * 1e-9
            if ros and ahead > self._tolerance:
                raise ValueError(
                    f'the episode begins {ahead:.3f} s in the future; expected at most {self._tolerance:g} s'
                )
            return starts
        except ValueError as error:
            self.rejected, self.last_fault = self.rejected + 1, str(error)
            raise

    @staticmethod
    def starts_in(message: Message, rows: slice) -> Stamps:
        """Return the starts (n,), ns, in a message for n rows; raises ContractError unless there are n."""
        if isinstance(message, Header):
            return np.array([message.stamp.sec * 1_000_000_000 + message.stamp.nanosec])
        count = rows.stop - rows.start
        if len(message.data) != count:
            raise ContractError(f'{len(message.data)} starts of episodes; expected {count}, one for each row')
        return np.array(message.data, dtype=np.int64)

    def report(self) -> dict[str, object]:
        """Return the values for the diagnostics, {} if no message was refused."""
        if not self.rejected:
            return {}
        return {f'rejected from {self._topic}': f'{self.rejected} (last: {self.last_fault})'}


def ended_message(numbers: Floats) -> Float64MultiArray:
    """Return the message about one ended episode (5,), or about several (n, 5)."""
    message = Float64MultiArray(data=array.array('d', numbers.tobytes()))
    labels = ('episodes', 'robot,episode,return,length,success')[-numbers.ndim :]
    message.layout.dim = [
        MultiArrayDimension(label=label, size=size, stride=math.prod(numbers.shape[axis:]))
        for axis, (label, size) in enumerate(zip(labels, numbers.shape))
    ]
    return message
