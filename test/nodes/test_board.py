# SPDX-License-Identifier: Apache-2.0
"""The memory that a node and its guardian share: what counts is whole."""

import os

import pytest

from rl_policy_node.nodes.process.board import Board

SIZES = [40, 1000]


@pytest.fixture
def sides():
    """The node's view of a board, and the guardian's."""
    memory = os.memfd_create('board')
    node, guardian = Board(memory, SIZES), Board(memory, SIZES)
    node.renew()
    yield node, guardian
    node.close()
    guardian.close()
    os.close(memory)


def test_what_one_side_writes_the_other_reads(sides):
    node, guardian = sides
    node.set_beat(12.5, 7)
    node.set_step(12.75)
    node.set_active(True)
    node.set_sending(True)
    guardian.set_fence(3)
    guardian.set_guardian_beat(13.0)
    assert (guardian.beat, guardian.ros, guardian.step) == (12.5, 7, 12.75) and guardian.active and guardian.sending
    assert (node.fence, node.guardian_beat) == (3, 13.0)


def test_the_last_message_is_read_and_none_of_an_epoch_before(sides):
    node, guardian = sides
    for number in range(5):
        node.cells[1].keep(bytes([number]) * (10 + number))
        assert guardian.cells[1].read() == bytes([number]) * (10 + number) and guardian.cells[0].read() == b''
    assert node.renew() > guardian.fence and guardian.cells[1].read() == b'' and not guardian.active


def test_what_was_prepared_counts_once_something_was_sent(sides):
    node, guardian = sides
    node.cells[0].prepare(b'zero')
    assert guardian.cells[0].read() == b''
    for _ in range(3):
        node.cells[0].show(b'some command')
        assert guardian.cells[0].read() == b'zero'
    node.renew()
    node.cells[0].show(b'another')
    assert guardian.cells[0].read() == b'zero'


def test_a_message_that_was_written_in_part_is_not_read(sides):
    """Its writer was stopped anywhere: before the place of the newest is told, the one before counts."""
    node, guardian = sides
    node.cells[0].keep(b'whole' * 8)
    node.cells[0].prepare(b'torn' * 10)
    assert guardian.cells[0].read() == b'whole' * 8
    node.cells[0].show(b'')
    start = node.cells[0]._starts[node.cells[0]._ready]
    node._memory[start] ^= 1
    assert guardian.cells[0].read() == b'', 'nor one whose bytes are not those that were summed up'


def test_a_message_without_room_is_not_repeated_and_neither_is_the_one_before(sides):
    node, guardian = sides
    node.cells[0].keep(b'fits')
    node.cells[0].keep(b'x' * 41)
    assert guardian.cells[0].read() == b''
    node.cells[0].keep(b'x' * 40)
    assert guardian.cells[0].read() == b'x' * 40
