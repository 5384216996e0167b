# SPDX-License-Identifier: Apache-2.0
"""The signals that end a node: each of them lets it say goodbye first."""
from collections.abc import Callable
import signal
from types import FrameType

# Unhandled, each of them ends a process at once; what a platform lacks is left out.
ENDINGS = tuple(getattr(signal, name) for name in
                ('SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGALRM', 'SIGXCPU')
                if hasattr(signal, name))


def on_ending(handler: Callable[[int, FrameType | None], object]) -> None:
    """Call handler(number, frame) for whatever asks the process to end; a reader that is gone does not end it.

    A hangup that the process was started to ignore (nohup) stays ignored.
    """
    for number in ENDINGS:
        if signal.Signals(number).name != 'SIGHUP' or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, handler)
    if hasattr(signal, 'SIGPIPE'):
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
