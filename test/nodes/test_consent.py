# SPDX-License-Identifier: Apache-2.0
"""What stops by itself, or by a person, does not start by itself: real processes, seen from the command topic."""

import signal
import time

from lifecycle_msgs.msg import Transition
from nodes import harness
from nodes.acting import acted, held
import pytest
from sensor_msgs.msg import Joy
from std_msgs.msg import Bool
from std_srvs.srv import Trigger


def parameters(run, **changes):
    """Return those of the arm, which would return soon if it might return by itself."""
    return harness.parameters(run, resume_after=0.2, **changes)


def moves(arm, before, timeout=10):
    """Whether a command other than where the arm is goes out after the first `before`."""
    return arm.live_until(lambda: any(command != arm.position for command in arm.commands[before:]), timeout)


def rests(arm, seconds=0.6):
    """Whether every command of a while, three times resume_after, holds the arm where it is."""
    before = len(arm.commands)
    arm.live(seconds)
    return len(arm.commands) > before and all(command == arm.position for command in arm.commands[before:])


def ask(arm, name):
    return arm.call(Trigger, f'/policy_node/{name}', Trigger.Request())


def test_stop_holds_the_arm_until_resume(arm, run):
    node = arm.start(parameters(run))
    acted(arm)
    assert ask(arm, 'stop').success
    assert held(arm) and rests(arm)
    assert arm.says(node, 'stopped by ~/stop')
    before = len(arm.commands)
    assert ask(arm, 'resume').success
    assert moves(arm, before)


@pytest.mark.parametrize('trigger', ['timer', 'observation'])
def test_estop_holds_the_arm_and_its_end_frees_nothing(arm, run, trigger):
    node = arm.start(parameters(run, trigger=trigger))
    acted(arm)
    estop = arm.node.create_publisher(Bool, '/policy_node/estop', 1)
    assert arm.live_until(estop.get_subscription_count, 10)
    estop.publish(Bool(data=True))
    assert held(arm) and rests(arm)
    estop.publish(Bool(data=False))
    assert rests(arm)
    assert arm.says(node, 'stopped by ~/estop')
    before = len(arm.commands)
    assert ask(arm, 'resume').success
    assert moves(arm, before)


def test_a_sensor_that_returns_does_not_start_the_arm(arm, run):
    arm.start(parameters(run, resume='on_request'))
    acted(arm)
    arm.talking.remove('wrench')
    assert held(arm)
    assert not ask(arm, 'resume').success, 'its data are missing'
    arm.talking.add('wrench')
    assert rests(arm, 1.0)
    before = len(arm.commands)
    assert ask(arm, 'resume').success
    assert moves(arm, before)


def test_after_a_pause_of_the_process_the_first_command_is_the_fallback(arm, run):
    node = arm.start(parameters(run))
    acted(arm)
    node.process.send_signal(signal.SIGSTOP)
    try:
        arm.live(0.3)
        before = len(arm.commands)
        arm.position = [1.1, 0.6, -0.3]  # another controller moves it, and the node knows nothing of it
        time.sleep(1.6)  # longer than 3 (max_age + period), after which a hold of the last command is no stop
    finally:
        node.process.send_signal(signal.SIGCONT)
    assert arm.live_until(lambda: len(arm.commands) > before, 10)
    assert rests(arm) and [command for command in arm.commands[before:] if command != arm.position] == [], node.tail()
    before = len(arm.commands)
    assert arm.live_until(lambda: ask(arm, 'resume').success, 10)  # refused until fresh data are there
    assert moves(arm, before)


def test_autostart_gives_way_to_an_operator_for_good(arm, run):
    arm.talking.remove('wrench')
    node = arm.start(parameters(run))
    assert arm.says(node, 'waiting:')
    assert arm.transition(Transition.TRANSITION_CLEANUP)
    arm.talking.add('wrench')
    assert arm.says(node, 'ros2 lifecycle set /policy_node configure')
    arm.live(0.6)
    assert arm.state() == 'unconfigured'
    assert arm.transition(Transition.TRANSITION_CONFIGURE)
    arm.live(0.6)
    assert arm.state() == 'inactive' and not arm.commands
    assert arm.transition(Transition.TRANSITION_ACTIVATE)
    acted(arm)


def test_autostart_ends_with_a_stop(arm, run):
    arm.talking.remove('wrench')
    node = arm.start(parameters(run))
    assert arm.says(node, 'waiting:')
    assert ask(arm, 'stop').success
    arm.talking.add('wrench')
    assert arm.says(node, 'autostart has ended')
    arm.live(0.6)
    assert arm.state() == 'inactive' and not arm.commands
    assert arm.transition(Transition.TRANSITION_ACTIVATE)
    acted(arm)


@pytest.mark.parametrize('kind', ['std_msgs/msg/Bool', 'sensor_msgs/msg/Joy'])
def test_the_arm_moves_only_while_somebody_enables_it(arm, run, kind):
    node = arm.start(
        parameters(run, resume='on_request', enable={'topic': 'deadman', 'type': kind, 'button': 1, 'timeout': 1.0})
    )
    assert arm.says(node, 'waiting: not enabled') and not arm.commands
    held_down = Bool(data=True) if kind.endswith('Bool') else Joy(buttons=[0, 1])
    released = Bool(data=False) if kind.endswith('Bool') else Joy(buttons=[1, 0])
    deadman = arm.node.create_publisher(type(held_down), 'deadman', 1)
    timer = arm.node.create_timer(0.1, lambda: deadman.publish(held_down))
    acted(arm)
    timer.cancel()
    deadman.publish(released)
    assert held(arm) and arm.says(node, 'not enabled')
    timer.reset()
    assert rests(arm)
    before = len(arm.commands)
    assert ask(arm, 'resume').success and moves(arm, before)
    timer.cancel()
    assert held(arm), 'silence'
