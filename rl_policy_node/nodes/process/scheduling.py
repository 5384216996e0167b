# SPDX-License-Identifier: Apache-2.0
"""Scheduling of the control thread by kernel and interpreter; a setting that is not permitted is never fatal."""

from __future__ import annotations

from collections.abc import Iterator
import ctypes
import os
import platform
import sys
from typing import Protocol

# s. A waiting thread gets the interpreter after this time at the latest; by default it is 5 ms, by which threads that
# decode or report would delay a step.
SWITCH_INTERVAL = 0.5e-3
# ns, the least that Linux accepts; it needs no permission. From 6.12 on a waking thread preempts a running one with a
# longer slice; otherwise the running one may go on for milliseconds.
SLICE = 100_000
_SET_TIMER_SLACK = 29  # of prctl
_SYSTEM_CALLS = {'x86_64': (315, 314), 'aarch64': (275, 274)}  # sched_getattr, sched_setattr
_HOW = (
    "permit it by 'rtprio 99' for the user in /etc/security/limits.conf (see ulimit -r), LimitRTPRIO=99 under "
    'systemd, --ulimit rtprio=99 for a container, or CAP_SYS_NICE'
)


class Scheduling(Protocol):
    """Scheduling of a thread. priority: of SCHED_FIFO, 0: none. cpus: those that it may use, (): any."""

    @property
    def priority(self) -> int: ...

    @property
    def cpus(self) -> tuple[int, ...]: ...


def share_interpreter() -> None:
    """Let the threads of this process switch often enough for a control loop."""
    sys.setswitchinterval(min(SWITCH_INTERVAL, sys.getswitchinterval()))


def schedule_thread(spec: Scheduling) -> list[str]:
    """Schedule the calling thread, and those that it starts later, as `spec` says.

    Return a line for each setting that was refused and stays unchanged. On Linux the thread also wakes up without
    delay, whatever `spec` says.
    """
    if sys.platform == 'linux':
        libc = ctypes.CDLL(None)
        # ns; by default sleeps last 50 µs too long
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
        os.sched_setaffinity(0, cpus)  # 0: the calling thread
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

    _fields_ = [
        ('size', ctypes.c_uint32),
        ('sched_policy', ctypes.c_uint32),
        ('sched_flags', ctypes.c_uint64),
        ('sched_nice', ctypes.c_int32),
        ('sched_priority', ctypes.c_uint32),
        ('sched_runtime', ctypes.c_uint64),
        ('sched_deadline', ctypes.c_uint64),
        ('sched_period', ctypes.c_uint64),
    ]

    @classmethod
    def read(cls) -> ThreadAttributes | None:
        """Return the kernel's attributes of the calling thread, None if the kernel cannot give them."""
        attributes = cls()
        numbers = _SYSTEM_CALLS.get(platform.machine())
        if numbers is None or sys.maxsize < 2**32:
            return None
        size = ctypes.sizeof(attributes)
        failed = ctypes.CDLL(None).syscall(numbers[0], 0, ctypes.byref(attributes), size, 0)
        return None if failed else attributes
