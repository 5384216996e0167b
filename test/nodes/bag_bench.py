# SPDX-License-Identifier: Apache-2.0
"""Bags of random events on the disk, and what independent readers find in them."""

from collections import Counter
import contextlib
import fcntl
import json
import os
import signal
import subprocess
import time

from geometry_msgs.msg import Wrench
from mcap.reader import make_reader
from nodes.recorded_events import Events, ROWS
import pytest
from rclpy.serialization import serialize_message
from rosbags.rosbag2 import Reader
from sensor_msgs.msg import JointState
from std_msgs.msg import String, UInt8MultiArray

from rl_policy_node.nodes.policy.record.bag_file import Topic
from rl_policy_node.nodes.policy.record.bag_journal import BagJournal, Plan
from rl_policy_node.nodes.policy.record.event_codec import FIELDS
from rl_policy_node.nodes.policy.record.recorder_link import RecorderLink
from rl_policy_node.nodes.topics.message_definitions import definition, digest, type_name

SOURCES = [f'/robot_{row}/joint_states' for row in range(ROWS)]
COMMANDS = [f'/robot_{row}/commands' for row in range(ROWS)]
ABOUT, RECORD = '/node/policy/metadata', '/node/policy/record'
JOINT_STATE = serialize_message(JointState(name=['elbow'], position=[0.5]))
COMMAND = serialize_message(Wrench())


def topic(name, kind, latched=False, stamped=False):
    return Topic(name, type_name(kind), definition(kind), digest(kind), latched, stamped)


TOPICS = [
    *(topic(name, JointState, stamped=True) for name in SOURCES),
    *(topic(name, Wrench) for name in COMMANDS),
    topic(ABOUT, String, latched=True),
    topic(RECORD, UInt8MultiArray),
]
CHANNEL = {each.name: channel for channel, each in enumerate(TOPICS, 1)}


def plan(**changes):
    """Return the Plan of a node with three robots."""
    about = {'record': {'fields': FIELDS, 'topics': [*SOURCES, *COMMANDS]}, 'name': 'test'}
    return Plan(
        {('joints', row): CHANNEL[name] for row, name in enumerate(SOURCES)},
        {('arm', row): CHANNEL[name] for row, name in enumerate(COMMANDS)},
        CHANNEL[RECORD],
        lambda step: (),
        [(CHANNEL[ABOUT], serialize_message(String(data=json.dumps(about))))],
        lambda message: False,
    )._replace(**changes)


def setup(directory, **changes):
    """Return what a recorder is told."""
    return {
        'directory': str(directory),
        'name': 'node_now',
        'topics': TOPICS,
        'distribution': 'jazzy',
        'custom': {'node': '/node'},
        'started': time.time_ns(),
        'budget': 1000.0,
        'attachments': [],
        **changes,
    }


class Link(RecorderLink):
    """A recorder that a test may kill, stop and let go on."""

    @property
    def exit_code(self):
        return self._process.returncode

    @property
    def pid(self):
        return self._process.pid

    def kill(self):
        self._process.kill()
        self._process.wait()

    def stop(self):
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self._process.send_signal(signal.SIGCONT)


@contextlib.contextmanager
def recorder(directory, split=(300.0, 512.0), **changes):
    """A recorder with a journal; at the end the process is over."""
    link = Link(setup(directory, **changes))
    try:
        yield link, BagJournal(link.ring, plan(), *split)
    finally:
        link.close()
        link.wait(20.0)
        assert not link.running


def events(seed=0, count=200):
    """Return random events; the messages are ones that any reader can decode."""
    made = Events(seed)
    makers = [lambda: made.message(payload=JOINT_STATE), lambda: made.command(payload=COMMAND), made.step, made.refused]
    return [makers[number % 4]() for number in range(count)]


def await_true(condition, timeout=20.0):
    """Wait until a condition comes true; fail if it does not."""
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def await_closed(folder):
    """Wait until the recorder of a bag has finished it."""
    lock = os.open(folder, os.O_RDONLY)
    try:
        await_true(lambda: _unlocked(lock))
    finally:
        os.close(lock)


def _unlocked(lock):
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def listened(link, timeout=20.0):
    """Return what a recorder says to be at fault; wait for it."""

    def heard():
        link.listen()
        return link.fault

    await_true(heard, timeout)
    return link.fault


def read_by_others(folder):
    """Return topic → number of messages as rosbags finds them; mcap's own reader must find the same."""
    with Reader(folder) as reader:
        found = Counter(connection.topic for connection, _, _ in reader.messages())
    others = Counter()
    for file in folder.glob('*.mcap'):
        with open(file, 'rb') as stream:
            opened = make_reader(stream, validate_crcs=True)
            counted = Counter(channel.topic for _, channel, _ in opened.iter_messages())
            statistics = opened.get_summary().statistics
            assert counted.total() == statistics.message_count
        others += counted
    assert found == others, (found, others)
    return found


@contextlib.contextmanager
def small_disk(folder, megabytes=2):
    """A disk of its own; whoever may not mount one skips the test."""
    folder.mkdir()
    done = subprocess.run(['mount', '-t', 'tmpfs', '-o', f'size={megabytes}m', 'tmpfs', folder], capture_output=True)
    if done.returncode:
        pytest.skip(f'mounting a tmpfs needs root: {done.stderr.decode().strip()}')
    try:
        yield folder
    finally:
        subprocess.run(['umount', '--lazy', folder], check=True)
