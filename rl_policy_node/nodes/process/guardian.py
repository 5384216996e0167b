# SPDX-License-Identifier: Apache-2.0
"""The guardian: a small process that sends the fallback when the policy node cannot.

    python -m rl_policy_node.nodes.process.guardian LIFELINE MEMORY

The policy node starts it with two descriptors: a socket, which closes when the node ends, and the memory of a Board.
When an active control loop falls silent, the guardian first fences the node, then publishes the Board's message of each
topic. It imports neither torch nor numpy, and writes to no log that could block.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
import contextlib
import json
import os
import select
import signal
import socket
import sys
import threading
import time
from typing import Final, TYPE_CHECKING

from rl_policy_node.nodes.process.board import Board
from rl_policy_node.nodes.process.signals import ENDINGS

if TYPE_CHECKING:  # ROS is loaded only after the signal handlers are set
    from rl_policy_node.nodes.process.guardian_voice import Outgoing

LOOK_PERIOD: Final = 0.1  # s, the longest time between two looks: the node watches the beat of the guardian
REPEAT_PERIOD: Final = 0.1  # s between two fallbacks
# s for which the fallback is repeated, for a driver that lost a message. Not longer: an old pose must not interfere
# with the next commander of the robot.
REPEAT_FOR: Final = 1.0
LINGER: Final = 1.5  # s for which the guardian outlives a node that ended without notice
PATIENCE: Final = 5.0  # s within which a fenced node must notice that; then the guardian kills it


class Vigil:
    """Watches a Board, and decides when to send the fallback.

    outgoing: one Outgoing for each cell. timeout: s, the longest silence allowed. end_node(): kills a node that does
    not notice the fence. say(text): logs a line; must not block.
    """

    def __init__(
        self,
        board: Board,
        outgoing: Sequence[Outgoing],
        timeout: float,
        end_node: Callable[[], None],
        say: Callable[[str], None],
    ) -> None:
        self._board, self._outgoing, self._timeout = board, outgoing, timeout
        self._end_node, self._say = end_node, say
        self._fenced, self._fenced_at, self._spoken_at = 0, 0.0, 0.0
        self._due = float('inf')  # when the next look is due
        self._awake = 0.0  # s; silence before this moment does not count
        self.gone_at: float | None = None

    def look(self, now: float) -> float:
        """Look once, at `now`, s, on the steady clock; return the time, s, until the next look."""
        board = self._board
        if now - self._due > self._timeout / 2:
            # the whole machine may have stalled: the node gets some time to beat, too
            self._awake = now - self._timeout / 2
        board.set_guardian_beat(now)
        wait = LOOK_PERIOD
        epoch = board.epoch
        if self._fenced and self._fenced == epoch:
            wait = self._go_on(now)
        elif board.active and epoch > board.fence:
            since = max(board.beat, self._awake)
            left = since + self._timeout - now
            if left <= 0 or self.gone_at is not None:
                self._fence(epoch, now)
                wait = REPEAT_PERIOD
            else:
                wait = min(left, LOOK_PERIOD)
        for cell, outgoing in zip(board.cells, self._outgoing):
            cell.set_reach(outgoing.reach())
        self._due = now + wait
        return wait

    def over(self, now: float) -> bool:
        """Return whether the guardian may end: the node has ended, LINGER s ago or while it was not active."""
        if self.gone_at is None:
            return False
        return now - self.gone_at >= LINGER or not self._board.active

    def _fence(self, epoch: int, now: float) -> None:
        board = self._board
        board.set_fence(epoch)  # first: from here on the node publishes nothing
        self._fenced, self._fenced_at = epoch, now
        self._end_late_sender()
        self._speak(now)
        silent = now - board.beat
        if self.gone_at is not None:
            why = 'the node is gone'
        elif board.step >= board.beat:
            why = f'a step has been under way for {now - board.step:.3f} s'
        else:
            why = f'the control loop has been silent for {silent:.3f} s'
        self._say(f'{why}: the node is fenced, its fallback sent')

    def _go_on(self, now: float) -> float:
        """Repeat the fallback for a while; kill a node that does not notice the fence."""
        self._end_late_sender()
        if now - self._fenced_at <= REPEAT_FOR and now - self._spoken_at >= 0.9 * REPEAT_PERIOD:
            self._speak(now)
        if now - self._fenced_at > PATIENCE and self._board.noticed < self._fenced and self.gone_at is None:
            self._end_node()
            self._say(f'the node has not noticed for {PATIENCE:g} s that it is fenced: ended')
        return REPEAT_PERIOD

    def _end_late_sender(self) -> None:
        """Kill a node that was stopped while it sent a command: the command would follow the fallback later."""
        if self._board.sending and self._board.noticed < self._fenced and self.gone_at is None:
            self._end_node()
            self._say('the node was sending a command, which would come after the fallback: ended')

    def _speak(self, now: float) -> None:
        self._spoken_at = now
        board = self._board
        ros = board.ros + int((now - board.beat) * 1e9) if board.ros else time.time_ns()
        for cell, outgoing in zip(board.cells, self._outgoing):
            data = cell.read()
            if data:
                try:
                    outgoing.send(data, ros)
                except Exception as error:  # noqa: BLE001 - one topic must not silence the others
                    self._say(f'the fallback cannot be published: {error}')


class Teller:
    """Writes lines to a descriptor from its own thread: a reader that stalls does not block the caller."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._waiting: list[str] = []
        self._some = threading.Event()
        threading.Thread(target=self._run, daemon=True).start()

    def say(self, text: str) -> None:
        """Queue a line; returns at once."""
        self._waiting.append(f'[rl_policy_node] [guardian]: {text}\n')
        self._some.set()

    def _run(self) -> None:
        while True:
            self._some.wait()
            self._some.clear()
            while self._waiting:
                with contextlib.suppress(OSError):
                    os.write(self._descriptor, self._waiting.pop(0).encode())


def main(lifeline: int, memory: int) -> None:
    """Watch until the node has ended."""
    for number in ENDINGS:
        signal.signal(number, signal.SIG_IGN)  # the whole group gets them; the guardian ends after the node
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    line = socket.socket(fileno=lifeline)
    teller = Teller(os.dup(2))
    from rl_policy_node.nodes.process.guardian_voice import Voice

    setup = json.loads(_line_of(line))
    board = Board(memory, [topic['capacity'] for topic in setup['topics']])
    voice = Voice(setup)
    vigil = Vigil(board, voice.outgoing, setup['timeout'], _ending(setup['pid']), teller.say)
    board.set_guardian_beat(time.monotonic())
    line.sendall(json.dumps({'gids': voice.gids()}).encode() + b'\n')
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # from here on output of ROS must not block
    _watch(vigil, line, setup['pid'])
    voice.close()


def _watch(vigil: Vigil, line: socket.socket, pid: int) -> None:
    poll = select.poll()
    poll.register(line, select.POLLIN)
    while True:
        wait = vigil.look(time.monotonic())
        if vigil.over(time.monotonic()):
            return
        ended = bool(poll.poll(max(wait * 1e3, 1.0))) and not _received(line)
        # a child of the node may keep the socket open
        if vigil.gone_at is None and (ended or os.getppid() != pid):
            vigil.gone_at = time.monotonic()
            poll.unregister(line)


def _line_of(line: socket.socket) -> bytes:
    """Return the first line from the node; exits if the node ends before."""
    text = b''
    while not text.endswith(b'\n'):
        part = line.recv(1 << 16)
        if not part:
            sys.exit(0)
        text += part
    return text


def _received(line: socket.socket) -> bytes:
    """Return the bytes that arrived, b'' if the node has ended."""
    try:
        return line.recv(1 << 10)
    except OSError:
        return b''


def _ending(pid: int) -> Callable[[], None]:
    """Return a function that kills the process with this id, but never a later process with the same id."""
    try:
        process = os.pidfd_open(pid)
    except (OSError, AttributeError):  # an old kernel; Python on macOS
        return lambda: os.kill(pid, signal.SIGKILL) if os.getppid() == pid else None

    def end() -> None:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(process, signal.SIGKILL)

    return end


if __name__ == '__main__':
    main(*map(int, sys.argv[1:]))
