# SPDX-License-Identifier: Apache-2.0
"""The node's handle on the recorder's process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import contextlib
import datetime
import json
import os
from pathlib import Path
import signal
import socket
import subprocess
import sys
import time
from typing import Any, Final

from rl_policy_node.nodes.policy.record.record_options import RecordSpec
from rl_policy_node.nodes.policy.record.ring import Ring

NICENESS: Final = 10  # the control loop comes first, and a busy machine still leaves it a share


def setup_of(node: str, spec: RecordSpec, topics: Sequence[tuple[object, ...]], **custom: str) -> dict[str, object]:
    """Return what a recorder needs to know. node: its full name; topics: Topics; custom: custom_data of the bag."""
    now = time.time_ns()
    moment = datetime.datetime.fromtimestamp(now * 1e-9, datetime.timezone.utc)
    return {
        'directory': os.path.abspath(os.path.expanduser(spec.directory)),
        'name': f'{node.strip("/").replace("/", "_")}_{moment:%Y-%m-%d_%H-%M-%S}',
        'topics': topics,
        'distribution': os.environ.get('ROS_DISTRO', ''),
        'custom': {**custom, 'node': node},
        'started': now,
        'budget': spec.budget,
        'attachments': [],
    }


class RecorderLink:
    """Runs `recorder` in its own session, so that signals of a terminal do not reach it; no method waits for it.

    path: the bag, '' as long as the recorder has not said it. fault: why it cannot record, '': it can. removed: older
    bags that it has removed, since the last `listen`.
    """

    def __init__(self, setup: Mapping[str, Any], niceness: int = NICENESS) -> None:
        """Start the process; raises OSError if that fails. niceness: 0 where its node waits for it."""
        self.path = self.fault = ''
        self.removed: list[str] = []
        self._heard = b''
        memory = os.memfd_create('rl_policy_node_record')
        try:
            self.ring = Ring(memory)
            self._line, theirs = socket.socketpair()
            # not through the socket: a fleet has more topics than that takes at a time
            with theirs, open(os.memfd_create('rl_policy_node_setup'), 'w+') as told:
                json.dump({**setup, 'pid': os.getpid()}, told)
                told.seek(0)
                self._process = subprocess.Popen(
                    [
                        sys.executable,
                        '-m',
                        'rl_policy_node.nodes.policy.record.recorder',
                        str(theirs.fileno()),
                        str(memory),
                        str(told.fileno()),
                    ],
                    pass_fds=(theirs.fileno(), memory, told.fileno()),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    start_new_session=True,
                    # the import path of this interpreter
                    env={**os.environ, 'PYTHONPATH': os.pathsep.join(filter(None, sys.path))},
                )
        finally:
            os.close(memory)
        self._line.setblocking(False)
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, self._process.pid, niceness)
            # where the kernel shares time between sessions first, a niceness means nothing to other sessions
            Path(f'/proc/{self._process.pid}/autogroup').write_text(f'{niceness}')

    def listen(self) -> None:
        """Take in what the recorder says, and whether it has ended."""
        ended = self._process.poll()
        with contextlib.suppress(OSError):
            while part := self._line.recv(1 << 16):
                self._heard += part
        *lines, self._heard = self._heard.split(b'\n')
        for said in map(json.loads, lines):
            self.path, self.fault = said.get('path', self.path), said.get('fault', self.fault)
            self.removed += [said['removed']] if 'removed' in said else []
        if ended:
            how = f'was ended by {signal.Signals(-ended).name}' if ended < 0 else f'has ended with exit code {ended}'
            self.fault = self.fault or f'the recorder {how}'

    @property
    def running(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    def close(self) -> None:
        """Let the process write what it has, and end by itself."""
        self._line.close()

    def wait(self, patience: float) -> None:
        """Wait until the process has ended, at most `patience` s."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(patience)
