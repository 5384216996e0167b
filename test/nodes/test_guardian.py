# SPDX-License-Identifier: Apache-2.0
"""The guardian: whatever befalls the node, its fallback is on the wire, and no second voice is heard."""

import os
from pathlib import Path
import signal
import time

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from lifecycle_msgs.msg import Transition
from nodes.harness import JOINTS, parameters, wait
from nodes.stepper_bench import flat
import pytest
from rclpy.qos import QoSProfile
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.nodes.parameters.parsing import configuration
from rl_policy_node.nodes.policy.guardian_link import guardian_timeout

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


def test_its_patience_is_three_periods_and_never_less_than_two(run):
    def patience(**changes):
        return guardian_timeout(configuration(flat(parameters(run, **changes))).control)

    assert patience() == TIMEOUT and patience(control_rate=20.0) == pytest.approx(0.15)
    assert patience(guardian_timeout=0.04) == 0.04
    with pytest.raises(ConfigurationError, match='at least two periods of the control, 0.1 s'):
        patience(control_rate=20.0, guardian_timeout=0.09)


def test_velocities_end_at_zero_whatever_happens_to_either_process(arm, run):
    heard, said = Heard(arm, JointState, 'velocities'), status_of(arm)
    node, guardian = acting(arm, run, heard, VELOCITY)
    for number, reason in [(signal.SIGKILL, 'has ended'), (signal.SIGSTOP, 'has been silent')]:
        os.kill(guardian, number)
        assert stopped_by_itself(arm, said, f'the guardian {reason}') and not any(heard.messages[-1])
        assert goes_on(arm, heard), node.tail()
        (successor,) = children(node)
        assert successor != guardian and gone(guardian), 'a new one'
        guardian = successor
    assert any(heard.messages[-1])
    killed = time.monotonic()
    node.process.kill()
    arm.live(IN_TIME + PLENTY)
    # what the node sent last may be read late
    zero = next(
        index
        for index, (at, message) in enumerate(zip(heard.times, heard.messages))
        if at > killed and not any(message)
    )
    assert not any(any(message) for message in heard.messages[zero:]), 'zero, and nothing else'
    assert heard.times[zero] - killed < IN_TIME + PLENTY
    assert wait(lambda: gone(guardian), 5), 'it leaves nothing behind'


def test_a_node_that_is_stopped_and_wakes_says_nothing_more_and_stays_out(arm, run):
    heard, said = Heard(arm, Float64MultiArray), status_of(arm)
    node, guardian = acting(arm, run, heard)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(guardian, number)  # as a terminal does to all that belong to it
    count = len(heard.messages)
    assert arm.live_until(lambda: len(heard.messages) > count, 5)
    arm.live(PERIOD / 4)  # between two commands: a node that is stopped while it sends one is ended
    os.kill(node.process.pid, signal.SIGSTOP)
    arm.live(0.03)
    count, last = len(heard.messages), heard.messages[-1]
    arm.live(IN_TIME + PLENTY)
    assert len(heard.messages) > count and all(message == last for message in heard.messages[count:]), 'it is held'
    arm.live(1.0)
    count = len(heard.messages)
    os.kill(node.process.pid, signal.SIGCONT)
    assert stopped_by_itself(arm, said, 'fenced by the guardian')
    arm.live(0.5)
    assert len(heard.messages) == count, 'one voice, and that has spoken'
    assert goes_on(arm, heard), 'a new activation lifts the fence'
    assert not gone(guardian) and node.stop() == 0 and gone(guardian)
