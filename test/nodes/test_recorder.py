# SPDX-License-Identifier: Apache-2.0
"""The recorder's process: events on the disk and back, whatever ends it, the node or the disk."""

import json
import os
from pathlib import Path
import pickle
import shutil
import signal
import subprocess
import sys
import time

from geometry_msgs.msg import WrenchStamped
from nodes.bag_bench import (
    await_true,
    COMMANDS,
    events,
    JOINT_STATE,
    listened,
    read_by_others,
    RECORD,
    recorder,
    small_disk,
    SOURCES,
    topic,
    TOPICS,
)
from nodes.recorded_events import Events, same
import numpy as np
import pytest
from rclpy.serialization import serialize_message
import yaml

from rl_policy_node.core.recording import Gap, Message, Snapshot, Step
from rl_policy_node.nodes.policy.record.recorder import TOPIC
from rl_policy_node.nodes.policy.record.recorder_link import NICENESS
from rl_policy_node.nodes.policy.record.ring import END, Record, SPLIT
from rl_policy_node.tools.bag.bag import open_bag


def told(journal, made):
    """Tell a journal events, as fast as the recorder takes them."""
    for event in made:
        journal.add(event)
        time.sleep(0.0002)


def on_disk(folder, count):
    """Wait until a bag has so many messages in its file."""
    await_true(lambda: (folder / 'metadata.yaml').exists())
    await_true(lambda: sum(1 for _ in open_bag(folder).messages()) >= count)


@pytest.mark.parametrize('seed', range(3))
def test_random_events_come_back_from_the_disk_bit_for_bit(tmp_path, seed):
    made = [*Events(seed).some(300), *events(seed)]
    with recorder(tmp_path) as (link, journal):
        told(journal, made)
        journal.end()
    found = list(open_bag(tmp_path / 'node_now').events())
    assert len(found) == len(made) and all(map(same, made, found))
    assert not journal.dropped and not journal.fault


def test_a_fleet_may_have_hundreds_of_topics(tmp_path):
    more = [topic(f'/robot_{robot}/wrench', WrenchStamped, stamped=True) for robot in range(1000)]
    made = events(2)
    with recorder(tmp_path, topics=[*TOPICS, *more]) as (_, journal):
        for event in made:
            journal.add(event)
        journal.end()
    found = list(open_bag(tmp_path / 'node_now').events())
    assert len(found) == len(made) and all(map(same, made, found))


def test_the_control_loop_runs_before_it(tmp_path):
    with recorder(tmp_path) as (link, journal):
        assert os.getpriority(os.PRIO_PROCESS, link.pid) == NICENESS
        group = Path(f'/proc/{link.pid}/autogroup')
        assert not group.exists() or group.read_text().endswith(f'nice {NICENESS}\n')
        journal.end()


def test_messages_lie_on_their_own_topics_with_their_times(tmp_path):
    made = events(4)
    with recorder(tmp_path) as (_, journal):
        told(journal, made)
        journal.end()
    folder = tmp_path / 'node_now'
    counted = read_by_others(folder)
    assert sum(counted[topic] for topic in SOURCES) == sum(counted[topic] for topic in COMMANDS) == 50
    assert counted[RECORD] == 51  # one for each step, and one for what is left at the end
    messages = [each for each in open_bag(folder).messages() if each.topic in SOURCES]
    sent = [event for event in made if isinstance(event, Message) and not event.refusal]
    assert [(each.payload, each.log_time) for each in messages] == [(event.payload, event.ros) for event in sent]


def test_a_killed_node_costs_nothing(tmp_path):
    """What it has told its journal is written, and the bag is closed."""
    code = (
        'import os, pickle, sys, signal\nfrom nodes.bag_bench import *\nmade = events(5)\n'
        'pickle.dump(made, open(sys.argv[1] + "/made", "wb"))\nlink = RecorderLink(setup(sys.argv[1]))\n'
        'journal = BagJournal(link.ring, plan(), 300.0, 512.0)\nfor event in made: journal.add(event)\n'
        'os.kill(os.getpid(), signal.SIGKILL)\n'
    )
    paths = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get('PYTHONPATH', '')])
    node = subprocess.run([sys.executable, '-c', code, tmp_path], env={**os.environ, 'PYTHONPATH': paths})
    assert node.returncode == -signal.SIGKILL
    folder = tmp_path / 'node_now'
    metadata = folder / 'metadata.yaml'
    await_true(lambda: metadata.exists() and 'message_count: 151' in metadata.read_text())
    # the last one is not on its way yet
    made = pickle.loads((tmp_path / 'made').read_bytes())
    found = list(open_bag(folder).events())
    assert len(found) == len(made) - 1 and all(map(same, made, found))
    read_by_others(folder)


def test_a_killed_recorder_loses_a_second_at_most_and_is_named(tmp_path):
    made, folder = events(6, count=4000), tmp_path / 'node_now'
    with recorder(tmp_path) as (link, journal):
        begin_by = time.monotonic() + 30
        while not (folder / 'metadata.yaml').exists() and time.monotonic() < begin_by:
            time.sleep(0.01)  # its process starts
        began = time.monotonic()
        number = 0
        while time.monotonic() - began < 1.5:
            journal.add(made[number])
            number += 1
            time.sleep(0.0005)
        at_kill = time.monotonic()
        link.kill()
        assert listened(link) == 'the recorder was ended by SIGKILL'
        for event in made[number:]:
            journal.add(event)  # never blocks, never raises
        journal.end()
    found = list(open_bag(folder).events())
    assert all(map(same, made, found))
    assert len(found) / number > 1 - 1.0 / (at_kill - began)
    read_by_others(folder)


def noise(number):
    """Return a step that does not compress."""
    return Events(number, inputs=2000).step()


def test_a_full_disk_is_named_and_what_was_written_opens(tmp_path):
    with small_disk(tmp_path / 'disk') as disk:
        with recorder(disk) as (link, journal):
            made = [noise(number) for number in range(100)]
            for step in made:
                journal.add(step)
                time.sleep(0.03)
                link.listen()
                if link.fault:
                    break
            assert 'No space left on device' in listened(link)
            for step in made:
                journal.add(step)
        folder = disk / 'node_now'
        found = list(open_bag(folder).events())
        assert len(found) > 10 and all(map(same, made, found))
        counted = read_by_others(folder)
        about = yaml.safe_load((folder / 'metadata.yaml').read_text())['rosbag2_bagfile_information']
        assert about['message_count'] == counted.total()


def test_a_removed_directory_is_named(tmp_path):
    with recorder(tmp_path / 'bags') as (link, journal):
        told(journal, events(7))
        on_disk(tmp_path / 'bags' / 'node_now', 100)
        shutil.rmtree(tmp_path / 'bags')
        told(journal, events(8))
        assert listened(link).endswith('was removed or moved while it was written')


def test_a_directory_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / 'file').write_text('')
    with recorder(tmp_path / 'file' / 'bags') as (link, _):
        assert listened(link) == f'Not a directory: {tmp_path / "file" / "bags"}'


def test_a_slow_disk_costs_events_which_are_counted_and_recording_goes_on_after_a_gap(tmp_path):
    large = [Events(number).message(payload=bytes(1 << 20)) for number in range(60)]
    with recorder(tmp_path) as (link, journal):
        link.listen()
        await_true(lambda: (link.listen(), link.path)[1])
        link.stop()  # stands for a disk that takes nothing
        for number, message in enumerate(large):
            journal.add(message)
            journal.add(Events(number).step())
        assert 40 < journal.dropped < 120
        link.go_on()
        await_true(lambda: link.ring.filled == 0)
        assert not journal.due
        journal.add(Events(99).step())
        assert journal.due
        journal.add(Events(100).snapshot())
        assert not journal.due
        journal.add(Events(101).step())
        journal.end()
    found = list(open_bag(tmp_path / 'node_now').events())
    (gap,) = (index for index, event in enumerate(found) if isinstance(event, Gap))
    assert found[gap].events == journal.dropped == 120 - gap
    assert [type(event) for event in found[gap + 1 :]] == [Step, Snapshot, Step]


def test_a_new_file_begins_with_a_state_and_says_again_what_it_is_of(tmp_path):
    with recorder(tmp_path, split=(0.2, 512.0)) as (_, journal):
        made = []
        for number in range(30):
            made.append(Events(number).step())
            journal.add(made[-1])
            if journal.due:
                made.append(Events(number).snapshot())
                journal.add(made[-1])
            time.sleep(0.03)
        journal.end()
    bag = open_bag(tmp_path / 'node_now')
    assert len(bag.files) > 2
    assert all(map(same, made, bag.events()))
    for file in bag.files[1:]:
        part = open_bag(file)
        assert part.metadata['name'] == 'test'
        assert isinstance(next(iter(part.events())), Snapshot)
    read_by_others(bag.path)


def test_a_file_splits_by_size(tmp_path):
    with recorder(tmp_path, split=(300.0, 1.0)) as (link, journal):
        number = 0
        while not journal.due:
            journal.add(noise(number))
            number += 1
            time.sleep(0.01)
        assert link.ring.file_size > 1_000_000
        journal.add(Events(0).snapshot())
        journal.add(noise(0))
        await_true(lambda: link.ring.file_size < 500_000)
        assert not journal.due
        journal.end()
    assert len(open_bag(tmp_path / 'node_now').files) == 2


def test_older_bags_make_room_and_when_none_is_left_recording_ends(tmp_path):
    with recorder(tmp_path, name='old', budget=100.0) as (_, journal):
        for number in range(10):
            journal.add(noise(number))
        journal.end()
    old = sum(file.stat().st_size for file in (tmp_path / 'old').iterdir())
    with recorder(tmp_path, name='new', budget=0.6 * old / 1e6, split=(0.2, 512.0)) as (link, journal):
        await_true(lambda: (link.listen(), link.removed)[1])
        assert link.removed == [str(tmp_path / 'old')] and not (tmp_path / 'old').exists()
        for number in range(40):
            journal.add(noise(number))
            if journal.due:
                journal.add(Events(0).snapshot())
            time.sleep(0.02)
        assert listened(link).startswith('record.budget, ')
    assert len(list(open_bag(tmp_path / 'new').events())) > 5
    read_by_others(tmp_path / 'new')


def test_a_node_that_closes_its_end_without_listening_loses_nothing(tmp_path):
    """The socket is reset then: the recorder has said something that nobody read."""
    for number in range(5):
        with recorder(tmp_path, name=f'bag{number}') as (link, journal):
            await_true(lambda: (tmp_path / f'bag{number}' / 'metadata.yaml').exists())
            journal.add(Events(0).step())
            link.close()
            time.sleep(0.05)
            journal.add(Events(1).step())
            journal.end()
        kinds = [type(event) for event in open_bag(tmp_path / f'bag{number}').events()]
        assert kinds[:1] == [Step] and link.exit_code == 0


def test_attachments_are_read_by_the_recorder(tmp_path):
    weights = tmp_path / 'policy.pth'
    weights.write_bytes(np.random.default_rng(0).bytes(10_000))
    attachments = [{'name': 'checkpoint/policy.pth', 'path': str(weights), 'type': 'application/octet-stream'}]
    with recorder(tmp_path, attachments=attachments) as (_, journal):
        journal.end()
    assert open_bag(tmp_path / 'node_now').attachments() == {'checkpoint/policy.pth': weights.read_bytes()}


def test_refused_messages_that_nobody_can_decode_stay_in_the_record(tmp_path):
    refused = Events(0).refused()
    with recorder(tmp_path) as (_, journal):
        told(journal, [refused, Events(1).step()])
        journal.end()
    bag = open_bag(tmp_path / 'node_now')
    assert not [each for each in bag.messages() if each.topic in SOURCES]
    assert same(refused, next(iter(bag.events())))


def test_a_fault_of_the_journal_itself_ends_it_and_raises_nothing(tmp_path):
    with recorder(tmp_path) as (_, journal):
        journal.add(Events(0).step()._replace(sending=['no number']))
        assert 'cannot hold a list' in journal.fault
        journal.add(Events(1).step())
        journal.end()
    assert list(open_bag(tmp_path / 'node_now').events()) == []


def test_a_topic_that_comes_later_lies_in_this_file_and_in_those_after_it(tmp_path):
    late = topic('/late', WrenchStamped, stamped=True)
    payload = serialize_message(WrenchStamped())
    with recorder(tmp_path) as (link, journal):
        channel = len(TOPICS) + 1
        assert link.ring.put([Record(1, 0, 5, JOINT_STATE), Record(0, 0, 0, TOPIC + json.dumps(late).encode())])
        bag = tmp_path / 'node_now'
        await_true((bag / 'metadata.yaml').exists)
        await_true(lambda: '/late' in (bag / 'metadata.yaml').read_text())
        read_by_others(bag)
        assert link.ring.put([Record(channel, 1, 6, payload), Record(0, 0, 0, SPLIT), Record(channel, 2, 7, payload)])
        assert link.ring.put([Record(0, 0, 0, END)])
    assert read_by_others(bag) == {SOURCES[0]: 1, '/node/policy/metadata': 1, '/late': 2}
    found = [each for each in open_bag(bag).messages() if each.topic == '/late']
    assert [(each.sequence, each.log_time, each.payload) for each in found] == [(1, 6, payload), (2, 7, payload)]
    assert found[0].type == 'geometry_msgs/msg/WrenchStamped' and len(list(bag.glob('*.mcap'))) == 2
