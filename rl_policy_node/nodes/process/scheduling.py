# SPDX-License-Identifier: Apache-2.0
"""How the kernel and the interpreter schedule the control thread; what is not permitted is told, never fatal."""
from __future__ import annotations

from collections.abc import Iterator
import ctypes
import os
import platform
import sys
from typing import Protocol

# s. A thread that waits for the interpreter has it after this long at the latest, 5 ms by default: what other
# threads decode or report meanwhile would hold a step up for as long.
SWITCH_INTERVAL = 0.5e-3
# ns, the least that Linux takes, and nobody's permission is needed. From 6.12 on a thread that wakes up and asks for
# less time than the one that runs goes first; else that one may run on for milliseconds.
SLICE = 100_000
_SET_TIMER_SLACK = 29       # of prctl
_SYSTEM_CALLS = {'x86_64': (315, 314), 'aarch64': (275, 274)}       # sched_getattr, sched_setattr
_HOW = ("permit it by 'rtprio 99' for the user in /etc/security/limits.conf (see ulimit -r), LimitRTPRIO=99 under "
        'systemd, --ulimit rtprio=99 for a container, or CAP_SYS_NICE')


class Scheduling(Protocol):
    """What a thread may ask of the kernel. priority: of SCHED_FIFO, 0: none. cpus: it keeps to, (): any."""

    @property
    def priority(self) -> int: ...

    @property
    def cpus(self) -> tuple[int, ...]: ...


def share_interpreter() -> None:
    """Let threads of this process hand the interpreter over soon enough for a control loop."""
    sys.setswitchinterval(min(SWITCH_INTERVAL, sys.getswitchinterval()))


def schedule_thread(spec: Scheduling) -> list[str]:
    """Give the calling thread, and those that it starts later, what a SchedulingSpec asks for.

    Return a line for each thing that could not be had: the thread then goes on as it was. Where Linux can, it is
    woken at once besides, whatever the spec says.
    """
    if sys.platform == 'linux':
        libc = ctypes.CDLL(None)
        # ns; by default sleeps last 50 µs longer than asked
        libc.prctl(_SET_TIMER_SLACK, ctypes.c_ulong(1))
        attributes = ThreadAttributes.read()
        if attributes is not None:
            attributes.sched_runtime = SLICE
            libc.syscall(_SYSTEM_CALLS[platform.machine()][1], 0, ctypes.byref(attributes), 0)
    return [*_pin(spec.cpus), *_raise(spec.priority)]


def _pin(cpus: tuple[int, ...]) -> Iterator[str]:
    if not cpus:
        return
    asked = f'scheduling.cpus {list(cpus)}'
    if not hasattr(os, 'sched_setaffinity'):
        yield f'{asked}: this system has no CPU affinity'
        return
    try:
        os.sched_setaffinity(0, cpus)       # 0: the calling thread
    except OSError as error:
        yield f'{asked}: {error.strerror}; this process may use {sorted(os.sched_getaffinity(0))}'
        return
    absent = sorted(set(cpus) - os.sched_getaffinity(0))
    if absent:
        yield f'{asked}: {absent} are not there, or not for this process; the control thread keeps to the others'


def _raise(priority: int) -> Iterator[str]:
    if not priority:
        return
    asked = f'scheduling.priority {priority}'
    if not hasattr(os, 'sched_setscheduler'):
        yield f'{asked}: this system has no SCHED_FIFO'
        return
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority))
    except OSError as error:
        yield f'{asked}: {error.strerror}; {_HOW}'


class ThreadAttributes(ctypes.Structure):
    """The kernel's struct sched_attr, first version."""

    _fields_ = [('size', ctypes.c_uint32), ('sched_policy', ctypes.c_uint32), ('sched_flags', ctypes.c_uint64),
                ('sched_nice', ctypes.c_int32), ('sched_priority', ctypes.c_uint32), ('sched_runtime', ctypes.c_uint64),
                ('sched_deadline', ctypes.c_uint64), ('sched_period', ctypes.c_uint64)]

    @classmethod
    def read(cls) -> ThreadAttributes | None:
        """Return how the kernel schedules the calling thread; None where the kernel cannot tell."""
        attributes = cls()
        numbers = _SYSTEM_CALLS.get(platform.machine())
        if numbers is None or sys.maxsize < 2 ** 32:
            return None
        size = ctypes.sizeof(attributes)
        failed = ctypes.CDLL(None).syscall(numbers[0], 0, ctypes.byref(attributes), size, 0)
        return None if failed else attributes
