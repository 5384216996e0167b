# SPDX-License-Identifier: Apache-2.0
"""The node's handle on the guardian's process."""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import subprocess
import sys
import time
from typing import Final

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.nodes.topics.endpoints import Gid
from rl_policy_node.nodes.topics.transport import without_shared_memory

START_TIMEOUT: Final = 15.0  # s that the process may take to start; it takes half a second


class GuardianProcess:
    """Runs `nodes.process.guardian` in its own session, so that signals of a terminal do not reach it.

    memory: descriptor of a Board. gids: of its publishers, once it is ready.
    """

    def __init__(self, memory: int) -> None:
        self._line, theirs = socket.socketpair()
        # the import path of this interpreter; more threads of libraries would only cost memory there
        environment = {
            **os.environ,
            **without_shared_memory(),
            'PYTHONPATH': os.pathsep.join(filter(None, sys.path)),
            'MALLOC_ARENA_MAX': '1',
            'OPENBLAS_NUM_THREADS': '1',
        }
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, '-m', 'rl_policy_node.nodes.process.guardian', str(theirs.fileno()), str(memory)],
                pass_fds=(theirs.fileno(), memory),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
                env=environment,
            )
        self.gids = frozenset[Gid]()
        self._answer, self._started_at = b'', time.monotonic()
        self._ready_at: float | None = None

    def introduce(self, introduction: bytes) -> None:
        """Send the process the topics to watch."""
        with contextlib.suppress(OSError):  # if it has ended, `ended` tells
            self._line.sendall(introduction)

    def age(self) -> float | None:
        """Return the time, s, since it became ready, None while it starts; raises ConfigurationError if it cannot."""
        now = time.monotonic()
        while self._ready_at is None and select.select([self._line], [], [], 0.0)[0]:
            part = self._line.recv(1 << 16)
            if not part:
                raise self._failure()
            self._answer += part
            if self._answer.endswith(b'\n'):
                self.gids = frozenset(tuple(bytes.fromhex(gid)) for gid in json.loads(self._answer)['gids'])
                self._ready_at = now
        if self._ready_at is None and now - self._started_at > START_TIMEOUT:
            raise self._failure()
        return None if self._ready_at is None else now - self._ready_at

    def ended(self) -> int | None:
        """Return its exit code, None while it runs."""
        return self._process.poll()

    def wake(self) -> None:
        """Wake the process: it looks rarely while the policy does not act."""
        with contextlib.suppress(OSError):
            self._line.send(b'!', socket.MSG_DONTWAIT)

    def end(self, patience: float = 1.0) -> None:
        """End the process by closing its socket; kill it after `patience` s."""
        self._line.close()
        try:
            self._process.wait(patience)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _failure(self) -> ConfigurationError:
        self.end()
        return ConfigurationError(
            f'the guardian did not start within {START_TIMEOUT:g} s (exit code '
            f"{self._process.returncode}); why is on this node's standard error. "
            '`guardian: false` does without'
        )
