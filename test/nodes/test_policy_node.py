# SPDX-License-Identifier: Apache-2.0
"""The policy node on a small arm: it acts as the policy does, and holds the arm when it may not act."""

import signal
import time

from lifecycle_msgs.msg import Transition
from nodes.acting import acted, expected, held, in_order
from nodes.harness import parameters
import numpy as np
import pytest
from rcl_interfaces.msg import Parameter, ParameterValue
from rcl_interfaces.srv import SetParameters
from std_srvs.srv import Trigger

from rl_policy_node.nodes.process.signals import ENDINGS


@pytest.mark.slow
def test_commands_are_those_of_the_player_to_the_bit(arm, run):
    node = arm.start(parameters(run))
    acted(arm, 10)
    assert in_order(arm.commands[:10], expected(run, arm, 200))
    assert node.stop(signal.SIGINT) == 0


@pytest.mark.slow
def test_commands_of_a_faster_backend_are_those_of_the_player_within_the_tolerance(arm, run):
    node = arm.start(parameters(run, **{'policy.backend': 'onnx'}))
    acted(arm, 10)
    wanted = np.array(expected(run, arm, 200))
    apart = [np.abs(wanted - command).max(axis=1) for command in arm.commands[:10]]
    assert max(each.min() for each in apart) <= 1e-5
    places = [int(each.argmin()) for each in apart]
    assert places == sorted(set(places))
    assert 'backend onnx: within' in node.tail(100)


@pytest.mark.parametrize('number', ENDINGS)
def test_the_last_command_before_the_end_holds_the_measured_position(arm, run, number):
    before = signal.signal(number, signal.SIG_DFL)  # whoever runs the tests may have it ignored
    try:
        node = arm.start(parameters(run))
    finally:
        signal.signal(number, before)
    acted(arm)
    assert arm.commands[-1] != arm.position
    node.process.send_signal(number)
    assert arm.live_until(lambda: node.poll() is not None, 15), node.tail(100)
    arm.live(0.3)
    assert node.poll() == 0
    assert arm.commands[-1] == arm.position


def test_a_hangup_that_it_was_started_to_ignore_ends_nothing(arm, run):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # what nohup does
    try:
        node = arm.start(parameters(run))
    finally:
        signal.signal(signal.SIGHUP, before)
    acted(arm)
    for number in (signal.SIGHUP, signal.SIGPIPE):
        node.process.send_signal(number)
    arm.live(0.5)
    before = len(arm.commands)
    assert arm.live_until(lambda: len(arm.commands) > before + 3, 5)
    assert node.poll() is None and arm.commands[-1] != arm.position


@pytest.mark.parametrize('source', ['joints', 'wrench'])
def test_a_frozen_source_brings_the_fallback_and_its_return_the_policy(arm, run, source):
    node = arm.start(parameters(run))
    acted(arm)
    arm.talking.remove(source)
    # of joints that are silent nobody knows where they are: the last command stays
    assert held(arm) if source == 'wrench' else arm.live_until(lambda: arm.commands[-5:] == arm.commands[-1:] * 5, 10)
    assert arm.says(node, f"source '{source}'") and 'is stale' in node.tail(100)
    arm.talking.add(source)
    before = len(arm.commands)
    assert arm.says(node, 'recovered')
    assert arm.live_until(lambda: any(command != arm.position for command in arm.commands[before:]), 5)


def test_values_that_are_not_finite_never_reach_the_policy(arm, run):
    node = arm.start(parameters(run))
    acted(arm)
    arm.force = [float('nan'), 0.0, 0.0]
    assert held(arm)
    assert 'not finite' in node.tail(100) and "source 'wrench'" in node.tail(100)
    assert np.isfinite(arm.commands).all()


def test_without_sensors_it_says_what_it_waits_for(arm, run):
    arm.talking.remove('wrench')
    node = arm.start(parameters(run))
    assert arm.says(node, 'no message yet on wrench')
    assert arm.state() == 'inactive' and not arm.commands


def test_reset_starts_the_recurrent_state_anew(arm, run):
    arm.start(parameters(run))
    acted(arm, 20)
    wanted = expected(run, arm, 1)[0]
    before = len(arm.commands)
    answer = arm.call(Trigger, '/policy_node/reset', Trigger.Request())
    assert answer.success
    assert arm.live_until(lambda: wanted in arm.commands[before:], 5)


def test_lifecycle_by_hand_and_no_change_of_parameters_while_configured(arm, run):
    node = arm.start(parameters(run, autostart=False))
    assert arm.state() == 'unconfigured'
    assert arm.transition(Transition.TRANSITION_CONFIGURE) and arm.state() == 'inactive'
    arm.live(0.3)
    assert not arm.commands, 'commands while inactive'
    assert arm.live_until(lambda: arm.transition(Transition.TRANSITION_ACTIVATE), 10), 'once the first messages came'
    acted(arm)
    change = Parameter(name='control_rate', value=ParameterValue(type=3, double_value=10.0))
    answer = arm.call(SetParameters, '/policy_node/set_parameters', SetParameters.Request(parameters=[change]))
    assert not answer.results[0].successful and 'control_rate' in answer.results[0].reason
    assert arm.transition(Transition.TRANSITION_DEACTIVATE)
    arm.live(0.3)
    assert arm.commands[-1] == arm.position
    assert arm.transition(Transition.TRANSITION_CLEANUP) and arm.state() == 'unconfigured'
    assert arm.transition(Transition.TRANSITION_CONFIGURE)
    assert arm.live_until(lambda: arm.transition(Transition.TRANSITION_ACTIVATE), 10)
    assert node.poll() is None


def test_the_timer_keeps_its_rate(arm, run):
    arm.start(parameters(run))
    acted(arm)
    before, began = len(arm.commands), time.monotonic()
    arm.live(2.0)
    rate = (len(arm.commands) - before) / (time.monotonic() - began)
    # never more than its rate; and half of the commands come on time, however busy the machine is
    assert rate < 55 and 0.018 < np.median(np.diff(arm.times[before:])) < 0.022


def test_observations_trigger_a_step_each(arm, run):
    arm.start(parameters(run, trigger='observation'))
    acted(arm, 5)
    assert in_order(arm.commands[:5], expected(run, arm, 400))


def test_a_signal_while_importing_ends_it_quietly(arm, run):
    node = arm.start(parameters(run))
    time.sleep(1.0)
    assert node.stop(signal.SIGINT) in (0, 128 + signal.SIGINT)
    assert 'Traceback' not in node.tail(100)
