# SPDX-License-Identifier: Apache-2.0
"""Bags of others, bags without an end, and what is no bag."""

import itertools
import shutil
import sqlite3
import struct

from nodes.bag_bench import events, JOINT_STATE, recorder, SOURCES
from nodes.recorded_events import same
import numpy as np
import pytest
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import get_typestore, Stores

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.nodes.policy.record import record_options
from rl_policy_node.tools.bag.bag import open_bag
from rl_policy_node.tools.bag.bag_messages import BagMessage, messages


@pytest.fixture(scope='module')
def recorded(tmp_path_factory):
    """A bag of one large chunk after some small ones, and its events."""
    folder, made = tmp_path_factory.mktemp('bags'), events(3, count=3000)
    with recorder(folder) as (_, journal):
        for event in made:
            journal.add(event)
        journal.end()
    return folder / 'node_now', made


@pytest.fixture
def bag(recorded, tmp_path):
    """A copy of it."""
    return shutil.copytree(recorded[0], tmp_path / 'node_now')


def foreign(folder, plugin):
    """Write a bag as others do; return its messages."""
    store, kind = get_typestore(Stores.ROS2_JAZZY), 'sensor_msgs/msg/JointState'
    sent = []
    with Writer(folder, version=9, storage_plugin=plugin) as writer:
        connections = [writer.add_connection(name, kind, typestore=store) for name in SOURCES]
        for number in range(30):
            writer.write(connections[number % 3], 1000 + number, JOINT_STATE)
            sent.append((SOURCES[number % 3], kind, 1000 + number, JOINT_STATE))
    return sent


@pytest.mark.parametrize('plugin', list(StoragePlugin))
def test_a_bag_that_others_recorded_gives_its_messages_and_no_events(tmp_path, plugin):
    sent = foreign(tmp_path / 'foreign', plugin)
    opened = open_bag(tmp_path / 'foreign')
    assert [(each.topic, each.type, each.log_time, each.payload) for each in opened.messages()] == sent
    assert opened.metadata == {} and opened.attachments() == {}
    with pytest.raises(ConfigurationError, match='not of a policy node'):
        next(opened.events())


@pytest.mark.slow
@pytest.mark.parametrize('share', np.linspace(0.4, 0.98, 8))
def test_a_file_without_an_end_gives_what_is_there(recorded, bag, share):
    (file,) = bag.glob('*.mcap')
    data = file.read_bytes()
    file.write_bytes(data[: int(len(data) * share)])
    found = list(open_bag(bag).events())
    assert all(map(same, recorded[1], found))
    assert len(found) > 0.6 * share * len(recorded[1])


def test_a_file_that_grows_is_read_as_far_as_it_went(bag):
    (file,) = bag.glob('*.mcap')
    data = file.read_bytes()
    file.write_bytes(data[: len(data) * 3 // 4])
    before = list(messages(file))
    reading = messages(file)
    found = [next(reading)]
    with open(file, 'ab') as more:
        more.write(struct.pack('<BQHIQQ', 5, 22, 1, 0, 0, 0))  # a message without content
    found += itertools.islice(reading, len(before))
    assert found == before


def test_a_file_whose_end_was_half_written_over_gives_what_is_there(recorded, bag):
    (file,) = bag.glob('*.mcap')
    data = bytearray(file.read_bytes())
    data[int(len(data) * 0.9) :] = b'\xff' * (len(data) - int(len(data) * 0.9))
    file.write_bytes(data)
    found = list(open_bag(bag).events())
    assert len(found) > 100 and all(map(same, recorded[1], found))


def test_one_file_and_a_folder_without_metadata_open_too(recorded, bag):
    (file,) = bag.glob('*.mcap')
    assert len(list(open_bag(file).events())) == len(recorded[1])
    (bag / 'metadata.yaml').unlink()
    assert len(list(open_bag(bag).events())) == len(recorded[1])


def test_files_come_in_the_order_of_their_numbers(tmp_path):
    folder = tmp_path / 'many'
    folder.mkdir()
    for number in (10, 2, 0):
        (folder / f'many_{number}.mcap').write_bytes(b'\x89MCAP0\r\n')
    assert [file.name for file in open_bag(folder).files] == ['many_0.mcap', 'many_2.mcap', 'many_10.mcap']


def test_a_missing_message_is_named(bag, monkeypatch):
    opened = open_bag(bag)
    whole = list(opened.messages())
    lost = next(message for message in whole if message.topic == SOURCES[0])
    monkeypatch.setattr(type(opened), 'messages', lambda self: iter([each for each in whole if each != lost]))
    with pytest.raises(ConfigurationError, match=f'damaged: message {lost.sequence} is missing'):
        list(opened.events())


@pytest.mark.parametrize(
    'make, said',
    [
        (lambda folder: None, 'not there'),
        (lambda folder: folder.mkdir(), 'a folder without a file of a bag'),
        (lambda folder: folder.write_text('text'), "a file ''"),
        (lambda folder: folder.with_suffix('.mcap').write_bytes(b'text'), 'no MCAP file'),
        (lambda folder: folder.with_suffix('.db3').write_bytes(b'text' * 100), 'is no bag of rosbag2'),
        (lambda folder: (folder.mkdir(), (folder / 'metadata.yaml').write_text('[')), 'not readable'),
        (lambda folder: (folder.mkdir(), (folder / 'metadata.yaml').write_text('a: b')), 'not readable'),
    ],
)
def test_what_is_no_bag_is_named(tmp_path, make, said):
    make(tmp_path / 'it')
    place = next((each for each in tmp_path.iterdir()), tmp_path / 'it')
    with pytest.raises(ConfigurationError, match=said):
        list(open_bag(place).messages())


def test_a_database_of_something_else_is_named(tmp_path):
    with sqlite3.connect(tmp_path / 'it.db3') as database:
        database.execute('CREATE TABLE songs (title TEXT)')
    with pytest.raises(ConfigurationError, match='no such table'):
        open_bag(tmp_path / 'it.db3')


def test_a_file_that_is_missing_or_packed_is_named(bag):
    (file,) = bag.glob('*.mcap')
    metadata = bag / 'metadata.yaml'
    file.rename(bag / 'other.mcap')
    with pytest.raises(ConfigurationError, match='node_now_0.mcap is not there'):
        open_bag(bag)
    metadata.write_text(metadata.read_text().replace('_0.mcap]', '_0.mcap.zstd]'))
    with pytest.raises(ConfigurationError, match='`zstd -d` unpacks it'):
        open_bag(bag)


def test_without_the_libraries_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(record_options.importlib.util, 'find_spec', lambda name: None if name == 'mcap' else name)
    expected = r"needs mcap, not installed here; `pip install 'rl_policy_node\[record\]'`"
    with pytest.raises(ConfigurationError, match=f'reading a bag {expected}'):
        open_bag(tmp_path)
    with pytest.raises(ConfigurationError, match=f"record.directory is 'bags', and recording {expected}"):
        record_options.RecordSpec(directory='bags').check()
    record_options.RecordSpec().check()


def test_messages_outside_of_chunks_are_read(tmp_path):
    from mcap.writer import Writer as McapWriter

    with open(tmp_path / 'plain.mcap', 'wb') as stream:
        writer = McapWriter(stream, use_chunking=False)
        writer.start('ros2')
        schema = writer.register_schema('std_msgs/msg/Empty', 'ros2msg', b'')
        channel = writer.register_channel('/go', 'cdr', schema)
        writer.add_message(channel, 5, struct.pack('<I', 256), 4, 3)
        writer.finish()
    assert list(open_bag(tmp_path / 'plain.mcap').messages()) == [
        BagMessage('/go', 'std_msgs/msg/Empty', 3, 5, 4, struct.pack('<I', 256))
    ]
