# SPDX-License-Identifier: Apache-2.0
"""A real node on real topics records its activations; whatever happens to the recording, the commands go on."""

from collections import Counter
import os
from pathlib import Path
import re
import shutil
import signal

from core.core_bench import Log
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import WrenchStamped
from lifecycle_msgs.msg import Transition
from nodes.acting import acted
from nodes.bag_bench import await_closed, read_by_others, small_disk
from nodes.harness import parameters
import numpy as np
import pytest
from rclpy.qos import qos_profile_sensor_data
from rclpy.serialization import deserialize_message
from rosbags.rosbag2 import Reader
from rosbags.typesys import get_types_from_msg, get_typestore, Stores
from sensor_msgs.msg import JointState
from std_msgs.msg import Float32MultiArray, Float64MultiArray
import yaml

from rl_policy_node.core.recording import Begun, Command, Ended, Fallback, Message, Snapshot, Step
from rl_policy_node.nodes.policy.replay_run import ReplayRun
from rl_policy_node.tools.bag.bag import open_bag
from rl_policy_node.tools.replay.recorded_configuration import Changes, recorded_configuration

DOCUMENT = Path(__file__).parents[2] / 'docs' / 'reference' / 'recording.md'


@pytest.fixture
def recorded(arm, run, tmp_path):
    """Start a node that records; return its process, once the arm moves."""

    def start(**changes):
        bags = tmp_path / 'bags'
        process = arm.start(parameters(run, **{**changes, 'record.directory': str(bags)}))
        acted(arm, 10)
        assert arm.says(process, f'recording into {bags}/policy_node_')
        return process

    return start


def bags(folder):
    """Return the bags, the oldest first."""
    return sorted((folder / 'bags').iterdir())


def recorder_of(process):
    """Return the pid of a node's recorder."""
    for folder in Path('/proc').glob('[0-9]*'):
        try:
            parent = int((folder / 'stat').read_text().rpartition(')')[2].split()[1])
            if parent == process.process.pid and b'policy.record.recorder' in (folder / 'cmdline').read_bytes():
                return int(folder.name)
        except OSError:
            continue
    raise AssertionError('no recorder')


def goes_on(arm):
    """Return whether commands keep coming; the tests share their machine, so that some of them may be late."""
    before = len(arm.times)
    return arm.live_until(lambda: len(arm.times) > before + 30, 10) and np.diff(arm.times[before:]).max() < 1.5


def closed(bag):
    """Wait until the recorder of a bag has finished it; return its events."""
    await_closed(bag)
    with Reader(bag) as reader:
        assert reader.message_count == sum(read_by_others(bag).values())
    return list(open_bag(bag).events())


def lines(process, text):
    return sum(text in line for line in process.tail(10_000).splitlines())


@pytest.mark.slow
def test_a_bag_holds_every_message_and_command_byte_for_byte_and_in_order(arm, recorded, tmp_path):
    sent = []
    speak = arm.speak

    def heard():
        arm.force = [float(len(sent)), 1.0, 2.0]
        sent.append(list(arm.force))
        speak()

    arm.speak = heard
    every_message = 'qos_overrides./wrench.subscription.'
    process = recorded(**{f'{every_message}reliability': 'reliable', f'{every_message}depth': 1000})
    arm.live(1.0)
    assert process.stop() == 0
    (bag,) = bags(tmp_path)
    events, counted = closed(bag), read_by_others(bag)
    kinds = Counter(map(type, events))
    assert kinds[Begun] == kinds[Fallback] == kinds[Ended] == 1 and kinds[Snapshot] >= 1
    assert counted['/policy_node/policy/record'] >= kinds[Step]
    # what the arm sent, with no message missing in between, and what it got
    wrenches = [
        deserialize_message(event.payload, WrenchStamped).wrench.force
        for event in events
        if isinstance(event, Message) and event.source == 'wrench'
    ]
    found = [[force.x, force.y, force.z] for force in wrenches]
    at = sent.index(found[0])
    assert found == sent[at : at + len(found)] and len(found) > 100
    assert counted['/wrench'] == len(found)
    commands = [list(deserialize_message(e.payload, Float64MultiArray).data) for e in events if isinstance(e, Command)]
    # the arm may meet the node some commands later, and leave it earlier
    at = commands.index(arm.commands[0])
    assert at < 10 and commands[at : at + len(arm.commands)] == arm.commands and len(commands) - len(arm.commands) < 15
    assert counted['/commands'] == len(commands)
    times = [event.steady for event in events if isinstance(event, Message)]
    assert times == sorted(times)


@pytest.mark.slow
def test_others_read_what_the_policy_saw_and_did(arm, recorded, tmp_path):
    recorded().stop()
    (bag,) = bags(tmp_path)
    steps = [event for event in closed(bag) if isinstance(event, Step) and event.outcome and event.outcome.inputs]
    shown = {kind: [] for kind in ('observation/obs', 'action', 'terms')}
    with Reader(bag) as reader:
        for connection, time, data in reader.messages():
            kind = connection.topic.removeprefix('/policy_node/policy/')
            if kind in shown:
                # as its definition in the bag says
                store = get_typestore(Stores.EMPTY)
                store.register(get_types_from_msg(connection.msgdef.data, connection.msgtype))
                shown[kind].append((time, store.deserialize_cdr(data, connection.msgtype)))
    for step, (time, observation), (_, action), (_, terms) in zip(steps, *shown.values(), strict=True):
        assert time == step.frame.ros
        assert np.array_equal(observation.data, step.outcome.inputs['obs'].reshape(-1))
        assert np.array_equal(action.data, step.outcome.actions.reshape(-1))
        assert dict(zip(terms.name, terms.position))['velocity/elbow'] == step.outcome.inputs['obs'][0, 4]
    assert len(steps) > 10
    recording = open_bag(bag).recording()
    inputs, measured = recording.inputs['obs'], recording.measured['joints']['position']
    assert np.array_equal(inputs, [step.outcome.inputs['obs'] for step in steps])
    np.testing.assert_allclose(inputs[:, :, :3], measured - [0.1, 0.2, 0.3], atol=1e-6)
    assert recording.rate == 50.0 and recording.acted.all() and recording.terms['velocity'].columns == slice(3, 6)


@pytest.mark.slow
def test_what_the_document_says_of_bags_in_python_works(arm, recorded, tmp_path):
    text = DOCUMENT.read_text()
    recorded(**yaml.safe_load(re.search('```yaml\n(.*?)```', text, re.DOTALL)[1])).stop()
    (bag,) = bags(tmp_path)
    closed(bag)
    names = {'path': bag}
    exec(re.search('```python\n(.*?)```', text, re.DOTALL)[1], names)
    assert isinstance(names['event'], Ended) and names['recording'].steps > 10


@pytest.mark.slow
def test_a_bag_of_a_node_replays_bit_for_bit_also_over_its_files(arm, recorded, tmp_path):
    process = recorded(**{'record.split_duration': 1.0, 'record.checkpoint': True})
    arm.live(3.0)
    process.stop()
    (bag,) = bags(tmp_path)
    closed(bag)
    opened = open_bag(bag)
    assert len(opened.files) >= 3 and set(opened.attachments()) == {'checkpoint/policy.pth', 'configuration/train.yaml'}
    made = recorded_configuration(opened.metadata, Changes()).configuration
    whole = ReplayRun(made, Log())
    assert [str(each.difference) for each in whole.play(opened.events()) if each.difference is not None] == []
    assert whole.replayer.steps > 100 and not whole.replayer.skipped
    # each file begins with all that its replay needs
    part = ReplayRun(made, Log())
    assert [str(each.difference) for each in part.play(open_bag(opened.files[-2]).events()) if each.difference] == []
    assert part.replayer.steps > 20 and part.replayer.skipped <= 1


@pytest.mark.slow
def test_each_activation_has_a_bag_of_its_own(arm, recorded, tmp_path):
    recorded()
    assert arm.transition(Transition.TRANSITION_DEACTIVATE)
    arm.live(1.2)  # the name has the time to the second
    assert arm.transition(Transition.TRANSITION_ACTIVATE)
    assert arm.live_until(lambda: len(bags(tmp_path)) == 2)
    first, second = bags(tmp_path)
    assert isinstance(closed(first)[-1], Ended)
    # the recorder of the second one has begun
    assert arm.live_until(lambda: sum(file.stat().st_size for file in second.glob('*.mcap')) > 20_000)
    assert arm.transition(Transition.TRANSITION_DEACTIVATE)
    arm.live(0.5)
    for bag in (first, second):
        events = closed(bag)
        assert isinstance(events[0], Begun) and events[-1] == Ended('deactivated')
        assert open_bag(bag).metadata['parameters']['control_rate'] == 50.0


@pytest.mark.slow
def test_a_killed_node_leaves_a_whole_bag(arm, recorded, tmp_path):
    process = recorded()
    arm.live(0.5)
    process.stop(signal.SIGKILL)
    (bag,) = bags(tmp_path)
    events = closed(bag)
    assert not any(isinstance(event, Ended) for event in events)
    commands = [event for event in events if isinstance(event, Command)]
    last = list(deserialize_message(commands[-1].payload, Float64MultiArray).data)
    assert last in arm.commands[-3:], 'of a step that was under way nothing is recorded'


@pytest.mark.slow
def test_a_killed_recorder_is_named_once_and_the_commands_go_on(arm, recorded, tmp_path):
    process = recorded()
    arm.live(1.0)
    os.kill(recorder_of(process), signal.SIGKILL)
    assert goes_on(arm)
    assert arm.says(process, 'recording has stopped; the robots go on: the recorder was ended by SIGKILL')
    assert goes_on(arm) and lines(process, 'recording has stopped') == 1
    (bag,) = bags(tmp_path)
    steps = sum(isinstance(event, Step) for event in open_bag(bag).events())
    assert steps > 25 and sum(read_by_others(bag).values()) > 100
    # the next activation records again
    assert arm.transition(Transition.TRANSITION_DEACTIVATE)
    arm.live(1.2)
    assert arm.transition(Transition.TRANSITION_ACTIVATE)
    assert arm.live_until(lambda: len(bags(tmp_path)) == 2)


@pytest.mark.slow
def test_a_removed_directory_is_named_once_and_the_commands_go_on(arm, recorded, tmp_path):
    process = recorded()
    shutil.rmtree(tmp_path / 'bags')
    assert arm.says(process, 'was removed or moved while it was written')
    assert goes_on(arm) and lines(process, 'recording has stopped') == 1


@pytest.mark.slow
def test_a_full_disk_is_named_once_and_the_commands_go_on(arm, recorded, tmp_path):
    with small_disk(tmp_path / 'bags', megabytes=1) as disk:
        # the policy's own bag grows by some 30 kB a second
        (disk / 'ballast').write_bytes(bytes(800_000))
        process = recorded()
        assert arm.says(process, 'recording has stopped; the robots go on: No space left on device', 60.0)
        assert goes_on(arm) and lines(process, 'recording has stopped') == 1
        (bag,) = disk.glob('policy_node*')
        steps = sum(isinstance(event, Step) for event in closed(bag))
        assert steps > 10
        process.stop()


def test_a_directory_that_cannot_be_made_is_named_once_and_the_commands_go_on(arm, run, tmp_path):
    (tmp_path / 'file').write_text('')
    process = arm.start(parameters(run, **{'record.directory': str(tmp_path / 'file' / 'bags')}))
    acted(arm, 10)
    assert arm.says(process, f'recording has stopped; the robots go on: Not a directory: {tmp_path / "file" / "bags"}')
    assert goes_on(arm)


@pytest.mark.slow
def test_a_slow_disk_is_named_once_and_the_commands_go_on(arm, recorded, tmp_path):
    process = recorded()
    told = []
    arm.node.create_subscription(
        DiagnosticArray, '/diagnostics', lambda message: told.append(message.status[0].values), 10
    )
    number = recorder_of(process)
    os.kill(number, signal.SIGSTOP)
    try:
        arm.names = [f'joint_{"x" * 60}_{joint}' for joint in range(2000)] + arm.names
        arm.position, arm.velocity = [[0.0] * 2000 + each for each in (arm.position, arm.velocity)]
        assert arm.says(process, 'the recorder does not keep up', 60.0)
        assert goes_on(arm) and lines(process, 'does not keep up') == 1
    finally:
        os.kill(number, signal.SIGCONT)
    arm.names, arm.position, arm.velocity = arm.names[2000:], arm.position[2000:], arm.velocity[2000:]
    arm.live(2.5)
    recording = next(value.value for value in told[-1] if value.key == 'recording')
    assert recording.startswith(str(tmp_path / 'bags')) and recording.endswith('events dropped')
    assert int(recording.split()[-3]) > 0
    process.stop()
    (bag,) = bags(tmp_path)
    closed(bag)
    opened = open_bag(bag)
    run = ReplayRun(recorded_configuration(opened.metadata, Changes()).configuration, Log())
    assert [str(each.difference) for each in run.play(opened.events()) if each.difference is not None] == []
    assert run.replayer.steps > 50


@pytest.mark.slow
def test_topics_of_the_streams_are_those_of_the_bag(arm, recorded, tmp_path):
    live = []
    kinds = {'observation/obs': Float32MultiArray, 'terms': JointState}
    for name, kind in kinds.items():
        arm.node.create_subscription(kind, f'/policy_node/policy/{name}', live.append, qos_profile_sensor_data)
    recorded(**{'stream.enabled': True})
    assert arm.live_until(lambda: len(live) > 40)
    (bag,) = bags(tmp_path)
    arm.live(1.0)
    messages = list(open_bag(bag).messages())
    kept = [
        deserialize_message(each.payload, kinds[each.topic.removeprefix('/policy_node/policy/')])
        for each in messages
        if each.topic.removeprefix('/policy_node/policy/') in kinds
    ]
    assert all(message in kept for message in live[:20])
