# SPDX-License-Identifier: Apache-2.0
"""A node with a guardian, and what is heard on its command topic."""

from pathlib import Path
import time

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from lifecycle_msgs.msg import Transition
from nodes.harness import JOINTS, parameters
from rclpy.qos import QoSProfile
from sensor_msgs.msg import JointState

TIMEOUT, PERIOD = 0.1, 0.02
IN_TIME = TIMEOUT + 2 * PERIOD + 0.05
PLENTY = 0.5  # s, for what else this machine does meanwhile
VELOCITY = {
    'actions': {
        'terms': ['arm'],
        'arm': {
            'kind': 'joint_velocity',
            'joints': JOINTS,
            'scale': [0.5],
            'max_velocity': [1.0],
            'topic': 'velocities',
            'type': 'sensor_msgs/msg/JointState',
        },
    }
}


class Heard:
    """What comes on a command topic, and when."""

    def __init__(self, arm, kind, topic='commands'):
        self.messages, self.times = [], []
        arm.node.create_subscription(kind, topic, self._on, QoSProfile(depth=50))

    def _on(self, message):
        self.messages.append(list(message.velocity if isinstance(message, JointState) else message.data))
        self.times.append(time.monotonic())

    def silenced_at(self, since):
        """Return when the first zero after a moment came, s; nothing else has come from then on."""
        # what the node sent last may be read late
        first = next(
            index
            for index, (at, message) in enumerate(zip(self.times, self.messages))
            if at > since and not any(message)
        )
        assert not any(any(message) for message in self.messages[first:]), 'zero, and nothing else'
        return self.times[first]


def children(process):
    """Return the guardians of a node's process."""
    pid = process.process.pid
    found = []
    for status in Path('/proc').glob('[0-9]*/stat'):
        try:
            fields = status.read_text().rpartition(')')[2].split()
            if int(fields[1]) == pid and b'process.guardian' in (status.parent / 'cmdline').read_bytes():
                found.append(int(status.parent.name))
        except OSError:
            pass
    return found


def gone(pid):
    """Return whether a process has ended, reaped or not."""
    try:
        return Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0] == 'Z'
    except OSError:
        return True


def acting(arm, run, heard, tree=None):
    """Return a node that acts, and the process of its guardian."""
    node = arm.start(parameters(run, guardian=True, **(tree or {})))
    assert arm.live_until(lambda: len(heard.messages) > 20, 40), node.tail()
    (guardian,) = children(node)
    return node, guardian


def status_of(arm):
    said = []
    arm.node.create_subscription(DiagnosticArray, '/policy_node/status', said.append, 10)
    return said


def stopped_by_itself(arm, said, reason):
    """Whether the node is inactive, and says why."""

    def says():
        status = said[-1].status[0] if said else DiagnosticStatus()
        return status.level == DiagnosticStatus.ERROR and reason in status.message

    return arm.live_until(says, 5) and arm.state() == 'inactive'


def goes_on(arm, heard):
    """Whether a new activation, as soon as there is a guardian, has the node act again; a busy machine may fence it."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        count = len(heard.messages)
        if arm.transition(Transition.TRANSITION_ACTIVATE) and arm.live_until(
            lambda: len(heard.messages) > count + 5 and any(heard.messages[-1]), 3
        ):
            return True
        arm.live(0.2)
    return False
