# SPDX-License-Identifier: Apache-2.0
"""Start nodes as separate processes, in a private DDS domain on this machine."""

from collections.abc import Callable, Iterable, Mapping
import ctypes
import fcntl
import os
from pathlib import Path
import re
import signal
import subprocess
import sys
import tempfile
from typing import Any, TextIO

# domain → its lock, of those that this process holds
_held: dict[int, TextIO] = {}


def private_domain(chosen: bool = True) -> None:
    """Restrict ROS to this machine and to a domain that no other process holds, unless the user chose a domain.

    chosen: whether the user's choice counts; without it every call gives the same domain. Changes the environment of
    this process; child processes inherit it.
    """
    if os.environ.get('ROS_DISTRO') == 'humble':  # it does not know the variable below
        os.environ.setdefault('ROS_LOCALHOST_ONLY', '1')
    os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    if not chosen:
        os.environ['ROS_DOMAIN_ID'] = str(next(iter(_held), None) or _free_domain())
    elif 'ROS_DOMAIN_ID' not in os.environ:
        os.environ['ROS_DOMAIN_ID'] = str(_free_domain())


def _free_domain() -> int:
    """Return a domain that no other process holds; this process holds it until it ends."""
    for domain in range(101, 1, -1):
        file = Path(tempfile.gettempdir()) / f'rl_policy_node-domain-{domain}.lock'
        lock = open(file, 'w')  # noqa: SIM115 - open as long as the domain is held
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            continue
        _held[domain] = lock
        return domain
    raise RuntimeError('every DDS domain from 2 to 101 is taken on this machine; set ROS_DOMAIN_ID')


class Text(str):
    """The value of a parameter as YAML text, passed on unchanged."""


def override_arguments(overrides: Mapping[str, object]) -> list[str]:
    """Return the ROS arguments that override parameters: name → value."""
    return [argument for name, value in overrides.items() for argument in ('-p', f'{name}:={_yaml(value)}')]


class ToolProcess:
    """A Python program in its own process; it writes to a log file, or to `pipes` (keywords of Popen).

    spawn: starts it; takes the arguments of Popen and returns an object like one.
    """

    spawn: Callable[..., subprocess.Popen[Any]] = staticmethod(subprocess.Popen)

    def __init__(self, name: str, arguments: Iterable[object], log: str | Path, **pipes: object) -> None:
        self.name, self.log = name, log
        with open(log, 'w') as output:
            self.process = self.spawn(
                [sys.executable, *map(str, arguments)],
                start_new_session=True,
                preexec_fn=_end_with_parent if sys.platform == 'linux' else None,
                **{'stdout': output, 'stderr': output, **pipes},
            )

    def poll(self) -> int | None:
        """Return the exit code, or None while it runs."""
        return self.process.poll()

    def stop(self, number: int = signal.SIGINT, patience: float = 15.0) -> int:
        """Send a signal, kill it after `patience` s; return the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(patience)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()

    def tail(self, lines: int = 20) -> str:
        """Return the last lines of its log."""
        with open(self.log, errors='replace') as file:
            return ''.join(file.readlines()[-lines:])

    def complaint(self) -> str:
        """Return the last error that it logged, else the end of its log."""
        _, found, error = self.tail(200).rpartition('[ERROR] ')
        error = re.sub(r'^(\[[^]]*\] ?)*: ', '', re.split(r'\n\[[A-Z]+\] \[', error)[0])
        return error.rstrip() if found else self.tail()


class NodeProcess(ToolProcess):
    """A node started with a parameter file and overrides (name → value); its output goes to a log file."""

    def __init__(self, module: str, params_file: str | Path, overrides: Mapping[str, object], log: str | Path) -> None:
        super().__init__(
            module,
            [
                '-m',
                'rl_policy_node.nodes.entry',
                module,
                '--ros-args',
                '--params-file',
                params_file,
                *override_arguments(overrides),
            ],
            log,
        )


def _end_with_parent() -> None:
    """Ask the kernel for SIGTERM when the parent dies, so that no node continues to send commands."""
    set_parent_death_signal = 1
    ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGTERM)


def _yaml(value: object) -> str:
    if isinstance(value, Text):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return '[' + ', '.join(map(_yaml, value)) + ']'
    return f"'{value}'" if isinstance(value, str) else str(value)
