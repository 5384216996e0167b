# SPDX-License-Identifier: Apache-2.0
"""A process that drains the output of a node's process, so that a stalled reader never stalls the node.

rcl writes log lines while it holds Python's interpreter lock. If the terminal, pipe or journal that takes them were
full, every thread of the node would stop: no command, no fallback, no reaction to signals. A thread of the same process
could not drain a long line, since it would need that lock.
"""

from __future__ import annotations

from collections import deque
import contextlib
import fcntl
import os
import select
import signal
import stat
import sys
import threading
import time
from types import TracebackType

from rl_policy_node.nodes.process.signals import ENDINGS

ROOM = 1 << 20  # bytes that may wait for a reader; of more, the oldest are dropped and counted
FLUSH = 1.0  # s to write the last lines at the end
_SET_PIPE_SIZE = 1031  # Linux' F_SETPIPE_SZ


class Console:
    """A context manager that redirects the standard output and error of this process.

    Enter it before any thread starts: it forks. It does not redirect output that cannot block: a file, /dev/null.
    """

    def __init__(self) -> None:
        self._ask = self._answer = -1

    def __enter__(self) -> Console:
        # if this fails: a node that may block is better than none
        with contextlib.suppress(OSError):
            self._redirect([fd for fd in (1, 2) if _may_block(fd)])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError, AttributeError):
                stream.flush()
        self.flush()

    def flush(self) -> None:
        """Wait until the output is written, at most `FLUSH` s."""
        if self._ask >= 0:
            with contextlib.suppress(OSError):
                os.write(self._ask, b'?')
                if select.select([self._answer], [], [], FLUSH)[0]:
                    os.read(self._answer, 1)

    def _redirect(self, descriptors: list[int]) -> None:
        if not descriptors:
            return
        if any(map(os.isatty, descriptors)):
            os.environ.setdefault('RCUTILS_COLORIZED_OUTPUT', '1')  # rcl no longer sees the terminal
        # one pipe for each target keeps the order of its lines
        places: dict[tuple[int, int], tuple[int, int, int]] = {}
        ends = []
        for fd in descriptors:
            status = os.fstat(fd)
            place = status.st_dev, status.st_ino
            if place not in places:
                places[place] = (os.dup(fd), *_pipe())
            ends.append((fd, places[place][2]))
        asked, ask = os.pipe()
        answer, answered = os.pipe()
        if os.fork() == 0:
            _drain([(read, target) for target, read, _ in places.values()], asked, answered)
        for fd, end in ends:
            os.dup2(end, fd)
        for fd in (asked, answered, *(each for place in places.values() for each in place)):
            os.close(fd)
        self._ask, self._answer = ask, answer


def _may_block(fd: int) -> bool:
    try:
        status = os.fstat(fd)
    except OSError:  # closed
        return False
    nowhere = os.stat(os.devnull)
    return not stat.S_ISREG(status.st_mode) and (status.st_dev, status.st_ino) != (nowhere.st_dev, nowhere.st_ino)


def _pipe() -> tuple[int, int]:
    """Return both ends of a new, large pipe that never blocks; inherited descriptors must stay unchanged."""
    read, write = os.pipe()
    with contextlib.suppress(OSError):
        fcntl.fcntl(write, _SET_PIPE_SIZE, ROOM)
    os.set_blocking(read, False)
    os.set_blocking(write, False)
    return read, write


def _drain(routes: list[tuple[int, int]], asked: int, answered: int) -> None:
    """Copy from pipes to their targets until the other ends are closed; never returns."""
    try:
        _leave({fd for route in routes for fd in route} | {asked, answered})
        outlets = {read: _Outlet(target) for read, target in routes}
        waiting = [*outlets, asked]
        while any(read in waiting for read in outlets):
            ready, _, _ = select.select(waiting, [], [])
            for read in (fd for fd in ready if fd in outlets):
                if not _carry(read, outlets[read]):
                    waiting.remove(read)
            if asked in ready:
                if not os.read(asked, 1):
                    waiting.remove(asked)
                # everything written before the request lies in the pipes by now
                for read in (fd for fd in waiting if fd in outlets):
                    _carry(read, outlets[read])
                threading.Thread(target=_answer, args=(list(outlets.values()), answered), daemon=True).start()
        _see_off(list(outlets.values()))
    finally:
        os._exit(0)


def _leave(kept: set[int]) -> None:
    """Give up everything inherited, and ignore signals: the process ends when its pipes close."""
    for number in ENDINGS:
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    os.setsid()
    os.chdir('/')
    nowhere = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(nowhere, fd)
    for fd in map(int, os.listdir('/dev/fd')):
        if fd > 2 and fd not in kept:
            with contextlib.suppress(OSError):
                os.close(fd)


def _carry(read: int, outlet: _Outlet) -> bool:
    """Copy the content of a pipe; return whether more may come."""
    while True:
        try:
            chunk = os.read(read, 1 << 16)
        except BlockingIOError:
            return True
        if not chunk:
            return False
        outlet.put(chunk)


def _see_off(outlets: list[_Outlet]) -> None:
    end = time.monotonic() + FLUSH
    for outlet in outlets:
        outlet.wait(end - time.monotonic())


def _answer(outlets: list[_Outlet], answered: int) -> None:
    _see_off(outlets)
    with contextlib.suppress(OSError):
        os.write(answered, b'.')


class _Outlet:
    """Writes from its own thread to a descriptor that may block; drops the oldest bytes if too many wait."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._chunks: deque[bytes] = deque()
        self._size = self._dropped = 0
        self._idle, self._gone = True, False
        self._condition = threading.Condition()
        threading.Thread(target=self._run, daemon=True).start()

    def put(self, chunk: bytes) -> None:
        """Queue bytes for writing; returns at once."""
        with self._condition:
            self._chunks.append(chunk)
            self._size += len(chunk)
            while self._size > ROOM:
                oldest = self._chunks.popleft()
                self._size -= len(oldest)
                self._dropped += max(oldest.count(b'\n'), 1)
            self._condition.notify_all()

    def wait(self, seconds: float) -> None:
        """Wait until everything is written, at most `seconds`."""
        with self._condition:
            self._condition.wait_for(lambda: self._idle and not self._chunks, max(seconds, 0.0))

    def _run(self) -> None:
        while True:
            with self._condition:
                self._idle = not self._chunks
                self._condition.notify_all()
                self._condition.wait_for(lambda: self._chunks)
                chunk, self._idle = self._chunks.popleft(), False
                self._size -= len(chunk)
                dropped, self._dropped = self._dropped, 0
            if dropped:
                chunk = f'\n[rl_policy_node] {dropped} lines dropped: they were not read in time\n'.encode() + chunk
            self._write(chunk)

    def _write(self, chunk: bytes) -> None:
        while chunk and not self._gone:
            try:
                chunk = chunk[os.write(self._target, chunk) :]
            except BlockingIOError:  # another holder made it non-blocking
                select.select([], [self._target], [])
            except OSError:  # its reader is gone
                self._gone = True
