# SPDX-License-Identifier: Apache-2.0
"""The signals that end a node, after it has sent its last messages."""

from collections.abc import Callable
import signal
from types import FrameType

# Each of them, unhandled, ends a process at once; signals that the platform lacks are left out.
ENDINGS = tuple(
    getattr(signal, name)
    for name in ('SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGALRM', 'SIGXCPU')
    if hasattr(signal, name)
)


def on_ending(handler: Callable[[int, FrameType | None], object]) -> None:
    """Call handler(number, frame) for each signal that asks the process to end; ignore SIGPIPE (a closed reader).

    If the process was started with SIGHUP ignored (nohup), it stays ignored.
    """
    for number in ENDINGS:
        if signal.Signals(number).name != 'SIGHUP' or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, handler)
    if hasattr(signal, 'SIGPIPE'):
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
