"""What simulator and policy say to each other of episodes: of each robot, or of all rows in one message."""
import array
import math

import numpy as np
from std_msgs.msg import Float64MultiArray, Header, Int64MultiArray, MultiArrayDimension

from rl_policy_node.adapters.base import set_stamp
from rl_policy_node.errors import ContractError
from rl_policy_node.nodes.wiring import topic_of


def start_topics(control):
    """Return [(row, topic, message type)] of what says when episodes began; row None: one message of all rows."""
    if not control.episode_topic:
        return []
    if control.together:
        return [(None, control.episode_topic, Int64MultiArray)]
    return [(row, topic_of(robot, control.episode_topic), Header) for row, robot in enumerate(control.robots)]


def start_message(starts, row):
    """Return the message that says when the episode of a row began, or (None) those of all; starts (rows,), ns."""
    if row is None:
        return Int64MultiArray(data=array.array('q', starts.tobytes()))
    message = Header()
    set_stamp(message.stamp, starts[row])
    return message


def read_start(message, row, starts):
    """Write what a message of a row, or (None) of all rows, says into starts (rows,), ns.

    Raises ContractError for a message of another number of rows.
    """
    if row is not None:
        starts[row] = message.stamp.sec * 1_000_000_000 + message.stamp.nanosec
        return
    if len(message.data) != len(starts):
        raise ContractError(f'{len(message.data)} starts of episodes; expected {len(starts)}, one for each row')
    starts[:] = np.frombuffer(message.data, dtype=np.int64)


def ended_message(numbers):
    """Return the message of an episode that ended (5,), or of several (n, 5)."""
    message = Float64MultiArray(data=array.array('d', numbers.tobytes()))
    labels = ('episodes', 'robot,episode,return,length,success')[-numbers.ndim:]
    message.layout.dim = [MultiArrayDimension(label=label, size=size, stride=math.prod(numbers.shape[axis:]))
                          for axis, (label, size) in enumerate(zip(labels, numbers.shape))]
    return message
