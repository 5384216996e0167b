# SPDX-License-Identifier: Apache-2.0
"""The queue between the node and its recorder: in order, bounded, never blocking."""

import os
import subprocess
import sys
import time
import zlib

import numpy as np
import pytest

from rl_policy_node.nodes.policy.record.ring import Record, Ring


@pytest.fixture
def memory():
    descriptor = os.memfd_create('test')
    yield descriptor
    os.close(descriptor)


def records(seed, count, largest=200):
    random = np.random.default_rng(seed)
    return [
        Record(int(random.integers(1, 9)), number, int(random.integers(10**18)), random.bytes(random.integers(largest)))
        for number in range(count)
    ]


def test_records_come_out_as_they_went_in_however_they_wrap(memory):
    node, recorder = Ring(memory, 1024), Ring(memory, 1024)
    sent, got = records(0, 500), []
    for record in sent:
        while not node.put([record]):
            got += recorder.take()
    got += recorder.take()
    assert got == sent and not node.filled


def test_without_room_nothing_is_put(memory):
    node, recorder = Ring(memory, 1024), Ring(memory, 1024)
    batch = [Record(1, 0, 0, bytes(400)), Record(1, 1, 0, bytes(400))]
    assert node.put(batch) and not node.put(batch)
    assert list(recorder.take()) == batch
    assert node.put(batch)
    assert not node.put([Record(1, 0, 0, bytes(2000))])


def test_a_record_counts_as_taken_when_the_next_one_is_asked_for(memory):
    node, recorder = Ring(memory, 1024), Ring(memory, 1024)
    node.put(records(1, 3))
    taking = recorder.take()
    next(taking)
    full = node.filled
    next(taking)
    assert node.filled < full


def test_two_processes_pass_records_at_full_speed(memory):
    count, capacity = 20_000, 1 << 16
    code = (
        'import sys, zlib\nfrom rl_policy_node.nodes.policy.record.ring import Ring\n'
        f'ring, left, check = Ring({memory}, {capacity}), {count}, 0\n'
        'while left:\n for record in ring.take():\n  check = zlib.crc32(record.payload, check); left -= 1\n'
        'print(check)\n'
    )
    taker = subprocess.Popen([sys.executable, '-c', code], pass_fds=[memory], stdout=subprocess.PIPE, text=True)
    ring, check, end = Ring(memory, capacity), 0, time.monotonic() + 60
    for record in records(2, count):
        while not ring.put([record]):
            assert time.monotonic() < end and taker.poll() is None
            time.sleep(0.0005)
        check = zlib.crc32(record.payload, check)
    assert taker.communicate(timeout=30)[0].strip() == str(check)


def test_sizes_are_told(memory):
    node, recorder = Ring(memory, 1024), Ring(memory, 1024)
    recorder.set_sizes(5, 7)
    assert (node.file_size, node.bag_size) == (5, 7)
