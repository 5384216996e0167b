# SPDX-License-Identifier: Apache-2.0
"""A bag in rosbag2's own form: true from the start, at each split and at the end."""

import fcntl
import os

from nodes.bag_bench import JOINT_STATE, read_by_others, SOURCES, TOPICS
import pytest
from rosbags.rosbag2 import Reader
import yaml

from rl_policy_node.nodes.policy.record.bag_folder import BagFolder


def described(folder):
    return yaml.safe_load((folder / 'metadata.yaml').read_text())['rosbag2_bagfile_information']


@pytest.fixture
def bag(tmp_path):
    return BagFolder(tmp_path, 'arm', TOPICS, 'jazzy', {'started': '1', 'node': '/arm'})


def test_metadata_is_there_from_the_start(bag):
    about = described(bag.path)
    assert about['version'] == 9 and about['storage_identifier'] == 'mcap' and about['message_count'] == 0
    assert about['relative_file_paths'] == ['arm_0.mcap'] and about['ros_distro'] == 'jazzy'
    assert about['custom_data'] == {'rl_policy_node': 'policy node', 'started': '1', 'node': '/arm'}
    assert read_by_others(bag.path) == {}


def test_metadata_counts_over_all_files(bag):
    for number in range(6):
        bag.file.add(1 + number % 2, number, 100 + number, 1, JOINT_STATE)
        if number in (1, 4):
            bag.split()
            assert described(bag.path)['message_count'] == number + 1
    bag.close()
    about = described(bag.path)
    assert [file['message_count'] for file in about['files']] == [2, 3, 1]
    assert [file['path'] for file in about['files']] == [f'arm_{number}.mcap' for number in range(3)]
    assert about['starting_time']['nanoseconds_since_epoch'] == 100 and about['duration']['nanoseconds'] == 5
    assert [each['message_count'] for each in about['topics_with_message_count']][:2] == [3, 3]
    assert read_by_others(bag.path) == {SOURCES[0]: 3, SOURCES[1]: 3}
    with Reader(bag.path) as reader:
        assert reader.message_count == 6 and reader.duration == 6 and reader.topics.keys() >= set(SOURCES[:2])


def test_latched_topics_are_played_so(bag):
    profiles = {
        each['topic_metadata']['name']: each['topic_metadata']['offered_qos_profiles']
        for each in described(bag.path)['topics_with_message_count']
    }
    assert profiles[SOURCES[0]] == [] and profiles['/node/policy/metadata'][0]['durability'] == 'transient_local'
    assert all(
        each['topic_metadata']['type_description_hash'] for each in described(bag.path)['topics_with_message_count']
    )


def test_a_second_bag_of_that_name_gets_a_number(bag, tmp_path):
    other = BagFolder(tmp_path, 'arm', TOPICS, 'jazzy', {})
    assert other.path.name == 'arm_2' and described(other.path)['relative_file_paths'] == ['arm_2_0.mcap']


def test_it_is_locked_until_it_is_closed(bag):
    folder = os.open(bag.path, os.O_RDONLY)
    with pytest.raises(BlockingIOError):
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    bag.close()
    fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(folder)


def test_metadata_is_written_over_where_there_is_no_room_for_a_second(bag, monkeypatch):
    bag.file.add(1, 0, 100, 1, JOINT_STATE)
    # what a full disk refuses: a new file
    (bag.path / '.metadata.yaml.new').mkdir()
    with pytest.raises(IsADirectoryError):
        (bag.path / '.metadata.yaml.new').write_bytes(b'')
    bag.close()
    assert described(bag.path)['message_count'] == 1 and read_by_others(bag.path) == {SOURCES[0]: 1}
