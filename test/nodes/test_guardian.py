# SPDX-License-Identifier: Apache-2.0
"""The guardian: whatever befalls the node, its fallback is on the wire, and no second voice is heard."""

import os
import signal
import time

from nodes.guarded import (
    acting,
    children,
    goes_on,
    gone,
    Heard,
    IN_TIME,
    PERIOD,
    PLENTY,
    status_of,
    stopped_by_itself,
    TIMEOUT,
    VELOCITY,
)
from nodes.harness import parameters, wait
from nodes.stepper_bench import flat
import pytest
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.nodes.parameters.parsing import configuration
from rl_policy_node.nodes.policy.guardian_link import guardian_timeout


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
    assert heard.silenced_at(killed) - killed < IN_TIME + PLENTY
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
