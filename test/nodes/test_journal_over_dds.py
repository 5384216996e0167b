# SPDX-License-Identifier: Apache-2.0
"""What real nodes did on real topics replays bit for bit from the journal of the policy node."""

import json
import os
from pathlib import Path
import pickle

from core.core_bench import Log
from lifecycle_msgs.msg import Transition
from nodes.acting import acted
from nodes.harness import Nodes, parameters, wait
from nodes.stepper_bench import flat
import numpy as np
import pytest
from std_srvs.srv import Trigger

from rl_policy_node.core.recording import Command, Fallback, Message, Snapshot, Step
from rl_policy_node.nodes.parameters.parsing import configuration
from rl_policy_node.nodes.policy.dry_run import read_values
from rl_policy_node.nodes.policy.replay_run import ReplayRun
from rl_policy_node.resources import resolve
from rl_policy_node.tools.command import INSERTION
from rl_policy_node.tools.process.processes import override_arguments, ToolProcess

SCRIPT = Path(__file__).with_name('journaling_policy.py')


class JournalingPolicy(ToolProcess):
    """A policy node with a journal; events are there once it has stopped."""

    def __init__(self, folder, params_file, overrides=()):
        self.file = folder / 'events.pickle'
        arguments = ['--ros-args', '--params-file', params_file, *override_arguments(dict(overrides))]
        environment = {
            **os.environ,
            'PYTHONPATH': os.pathsep.join([str(SCRIPT.parents[1]), os.environ.get('PYTHONPATH', '')]),
        }
        super().__init__('policy_node', [SCRIPT, self.file, *arguments], folder / 'policy.log', env=environment)

    def events(self):
        assert self.stop(patience=30.0) == 0, self.tail()
        return pickle.loads(self.file.read_bytes())


def replayed(events, made, **options):
    """Replay events; return the run and what differs."""
    run = ReplayRun(made, Log(), **options)
    found = [str(each.difference) for each in run.play(events) if each.difference is not None]
    return run, found


def kinds(events, kind):
    return [event for event in events if isinstance(event, kind)]


@pytest.mark.slow
def test_an_arm_that_is_stopped_and_goes_on_replays(arm, run, tmp_path):
    file = tmp_path / 'policy_node.yaml'
    tree = parameters(run, **{'policy.deterministic': False, 'blend_in': 0.2})
    file.write_text(json.dumps({'/**': {'ros__parameters': tree}}))
    process = JournalingPolicy(tmp_path, file)
    try:
        acted(arm)
        arm.live(1.0)
        assert arm.call(Trigger, '/policy_node/stop', Trigger.Request()).success
        arm.live(0.3)
        arm.call(Trigger, '/policy_node/resume', Trigger.Request())
        arm.talking = {'joints'}
        arm.live(1.0)
        arm.talking = {'joints', 'wrench'}
        arm.call(Trigger, '/policy_node/reset', Trigger.Request())
        arm.force = [float('nan'), 0.0, 0.0]
        arm.live(0.2)
        arm.force = [1.0, 2.0, 3.0]
        arm.live(1.0)
        assert arm.transition(Transition.TRANSITION_DEACTIVATE)
        arm.live(0.2)
        assert arm.transition(Transition.TRANSITION_ACTIVATE)
        arm.live(1.0)
    finally:
        events = process.events()
    assert len(kinds(events, Snapshot)) > 3 and any(message.refusal for message in kinds(events, Message))
    assert any(fallback.sent is not None for fallback in kinds(events, Fallback))
    made = configuration(flat(tree))
    again, found = replayed(events, made)
    assert found == []
    stepped = [step for step in kinds(events, Step) if step.outcome and step.outcome.stepped]
    assert again.replayer.steps == len(stepped) > 150 and again.replayer.skipped == 0
    published = kinds(events, Command)
    assert again.messages == len(published) > 150
    sent = [list(np.frombuffer(command.payload[-24:])) for command in published]
    assert all(each in sent for each in arm.commands), 'the journal has what came out at the other end'


@pytest.mark.slow
def test_a_fleet_with_touch_a_bad_network_and_episodes_replays(tmp_path):
    settings = {
        'use_sim_time': True,
        'autostart': True,
        'policy.device': 'cpu',
        'policy.deterministic': False,
        'sim.drop': 0.05,
        'sim.latency': 0.02,
        'sim.episodes': 12,
    }
    params = resolve(INSERTION)
    process = JournalingPolicy(tmp_path, params, settings)
    with Nodes(tmp_path, params) as nodes:
        bridge = nodes.start(
            'sim_bridge_node', {name: value for name, value in settings.items() if name != 'autostart'}
        )
        assert wait(lambda: bridge.poll() is not None, 120.0), bridge.tail()
    events = process.events()
    made = read_file_with(params, settings)
    again, found = replayed(events, made, simulated=True)
    assert found == []
    assert again.replayer.steps > 300 and again.replayer.skipped == 0 and again.messages > 1000
    resets = sum(bool(step.frame.reset.any()) for step in kinds(events, Step))
    assert resets >= 4, 'each episode begins with a reset'


def read_file_with(params, settings):
    """Return the Configuration of a file with settings."""
    return configuration(read_values(params, override_arguments(settings)))
