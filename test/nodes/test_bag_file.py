# SPDX-License-Identifier: Apache-2.0
"""A file of a bag is whole after each flush, whatever happens then."""

import os
import resource

from mcap.reader import make_reader
from nodes.bag_bench import JOINT_STATE, TOPICS
import numpy as np
import pytest
from rosbags.rosbag2.storage_mcap import McapReader

from rl_policy_node.nodes.policy.record.bag_file import BagFile


def found(path):
    """Return (log time, topic, data) of each message by mcap's own reader, after rosbags has counted them."""
    other = McapReader(path)
    other.open()
    with open(path, 'rb') as stream:
        reader = make_reader(stream, validate_crcs=True)
        messages = [(message.log_time, channel.topic, message.data) for _, channel, message in reader.iter_messages()]
    assert other.metadata.message_count == len(messages)
    other.close()
    return messages


@pytest.fixture
def file(tmp_path):
    made = BagFile(tmp_path / 'bag_0.mcap', TOPICS)
    yield made
    made.close()


def test_a_new_file_opens(file):
    assert found(file.path) == [] and os.path.getsize(file.path) == file.size


def test_what_was_flushed_is_there_and_what_was_not_is_not(file):
    sent = []
    for number in range(50):
        sent.append((1000 + number, TOPICS[number % 3].name, bytes([number]) * 40))
        file.add(number % 3 + 1, number, *sent[-1][:1], 7, sent[-1][2])
        if number % 10 == 4:
            file.flush()
            assert found(file.path) == sent
    assert found(file.path) == sent[:45] and file.counts[1:4] == [15, 15, 15]
    assert (file.start, file.end) == (1000, 1044)


def test_attachments_come_back(file):
    file.attach('checkpoint/policy.pth', 'application/octet-stream', b'weights', 5)
    file.add(1, 0, 10, 10, JOINT_STATE)
    file.flush()
    with open(file.path, 'rb') as stream:
        (attachment,) = make_reader(stream, validate_crcs=True).iter_attachments()
    assert (attachment.name, attachment.data) == ('checkpoint/policy.pth', b'weights')
    assert len(found(file.path)) == 1


@pytest.mark.parametrize('room', [0, 1, 100, 5000])
def test_without_room_everything_before_stays_whole(file, room):
    file.add(1, 0, 10, 10, JOINT_STATE)
    file.flush()
    before = found(file.path)
    file.add(1, 1, 20, 20, np.random.default_rng(0).bytes(50_000))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (file.size + room, hard))
    try:
        with pytest.raises(OSError):
            file.flush()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert found(file.path) == before and os.path.getsize(file.path) == file.size
    file.add(1, 2, 30, 30, JOINT_STATE)
    file.flush()
    assert [time for time, _, _ in found(file.path)] == [10, 30]


def test_a_file_that_was_moved_or_removed_is_noticed(file):
    assert file.there()
    file.path.rename(file.path.with_suffix('.moved'))
    assert not file.there()
    file.path.write_bytes(b'another')
    assert not file.there()
