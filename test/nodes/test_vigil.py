# SPDX-License-Identifier: Apache-2.0
"""When the guardian speaks, and what it stamps: on a clock of the test's own."""

import os
import struct

import pytest

from rl_policy_node.nodes.process.board import Board
from rl_policy_node.nodes.process.guardian import LINGER, PATIENCE, REPEAT_FOR, Vigil
from rl_policy_node.nodes.process.guardian_voice import message_type, Outgoing

TIMEOUT, PERIOD = 0.1, 0.02


class Watched:
    """A node's side of the board, and a guardian that looks when it wants to."""

    def __init__(self, memory):
        self.node, self.board = Board(memory, [100]), Board(memory, [100])
        self.sent, self.lines, self.ended, self.now = [], [], [], 100.0
        self.vigil = Vigil(
            self.board,
            [Outgoing(lambda data: self.sent.append((self.now, data)), False, lambda: 3)],
            TIMEOUT,
            lambda: self.ended.append(self.now),
            self.lines.append,
        )
        self.next = self.now
        self.act()

    def act(self):
        self.epoch = self.node.renew()
        self.node.set_beat(self.now, 0)
        self.node.set_active(True)
        self.node.cells[0].keep(b'last')

    def live(self, seconds, beats=True):
        end = self.now + seconds
        while self.now < end - 1e-9:
            self.now += PERIOD / 4
            if beats:
                self.node.set_beat(self.now, 0)
            if self.now >= self.next:
                self.next = self.now + self.vigil.look(self.now)

    @property
    def fenced(self):
        return self.node.fence >= self.epoch


@pytest.fixture
def watched():
    memory = os.memfd_create('board')
    yield Watched(memory)
    os.close(memory)


def test_a_loop_that_lives_is_left_alone_and_so_is_one_that_is_not_active(watched):
    watched.live(3.0)
    watched.node.set_active(False)
    watched.live(3.0, beats=False)
    assert not watched.fenced and not watched.sent and watched.node.cells[0].reach == 3
    assert watched.node.guardian_beat > watched.now - 0.11


def test_silence_fences_first_and_the_fallback_is_repeated_for_a_while_only(watched):
    watched.live(1.0)
    began = watched.now
    watched.live(TIMEOUT - PERIOD, beats=False)
    assert not watched.fenced
    watched.live(5 * REPEAT_FOR, beats=False)
    times = [at - began for at, _ in watched.sent]
    assert watched.fenced and TIMEOUT - 1e-6 <= times[0] < TIMEOUT + PERIOD
    assert times[-1] < TIMEOUT + REPEAT_FOR + 0.1 and 8 <= len(times) <= 12
    assert {data for _, data in watched.sent} == {b'last'}


def test_it_fences_before_it_speaks(watched):
    seen = []
    watched.vigil._outgoing = [Outgoing(lambda data: seen.append(watched.fenced), False, lambda: 1)]
    watched.live(0.2, beats=False)
    assert seen and all(seen)


def test_a_node_that_does_not_notice_is_ended_and_one_that_does_is_not(watched):
    watched.live(PATIENCE, beats=False)
    assert not watched.ended
    watched.live(0.4, beats=False)
    assert watched.ended
    del watched.ended[:]
    watched.act()
    watched.live(0.5, beats=False)
    watched.node.set_noticed(watched.epoch)
    watched.live(2 * PATIENCE, beats=False)
    assert watched.fenced and not watched.ended


def test_a_node_stopped_while_it_sends_a_command_is_ended_before_the_fallback(watched):
    watched.vigil._outgoing = [Outgoing(lambda data: watched.sent.append(len(watched.ended)), False, lambda: 1)]
    watched.node.set_sending(True)
    watched.live(1.0)
    assert not watched.ended, 'a loop that lives may send'
    watched.live(0.2, beats=False)
    assert watched.ended and watched.sent[0] == 1 and 'would come after the fallback' in watched.lines[0]


def test_a_new_activation_is_watched_anew(watched):
    watched.live(0.3, beats=False)
    count = len(watched.sent)
    watched.act()
    watched.live(2.0)
    assert not watched.fenced and len(watched.sent) == count
    watched.live(0.3, beats=False)
    assert watched.fenced and len(watched.sent) > count


def test_a_node_that_is_gone_while_it_acts_is_spoken_for_at_once_and_outlived_for_a_while(watched):
    watched.live(1.0)
    watched.vigil.gone_at = watched.now
    watched.vigil.look(watched.now)
    assert watched.fenced and len(watched.sent) == 1 and not watched.vigil.over(watched.now + LINGER - 0.01)
    assert watched.vigil.over(watched.now + LINGER)


def test_a_node_that_is_gone_after_it_stopped_is_not_outlived(watched):
    watched.node.set_active(False)
    watched.vigil.gone_at = watched.now
    watched.vigil.look(watched.now)
    assert not watched.sent and watched.vigil.over(watched.now)


def test_a_guardian_that_stood_still_itself_gives_the_node_half_the_time_to_show_itself(watched):
    watched.live(1.0)
    watched.now += 5.0
    watched.next = watched.now + watched.vigil.look(watched.now)
    assert not watched.fenced
    watched.live(TIMEOUT, beats=False)
    assert watched.fenced


def test_a_message_is_stamped_now_but_a_stamp_of_zero_stays():
    sent = []
    out = Outgoing(sent.append, True, lambda: 1)
    for seconds in (5, 0):
        out.send(b'\x00\x01\x00\x00' + struct.pack('=iI', seconds, 0) + b'rest', 7_000_000_009)
    assert sent == [b'\x00\x01\x00\x00' + struct.pack('=iI', *stamp) + b'rest' for stamp in ((7, 9), (0, 0))]


def test_a_message_type_is_loaded_by_itself_and_from_anywhere():
    from geometry_msgs.msg import Twist

    assert message_type(Twist.__module__, 'Twist') is Twist
    assert message_type('nodes.test_vigil', 'Watched').__name__ == 'Watched'
