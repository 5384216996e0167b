"""How the kernel and the interpreter schedule the control thread; what is not permitted is told, never fatal."""
import os
import sys

# s. A thread that waits for the interpreter has it after this long at the latest, 5 ms by default: what other
# threads decode or report meanwhile would hold a step up for as long.
SWITCH_INTERVAL = 0.5e-3
_HOW = ("permit it by 'rtprio 99' for the user in /etc/security/limits.conf (see ulimit -r), LimitRTPRIO=99 under "
        'systemd, --ulimit rtprio=99 for a container, or CAP_SYS_NICE')


def share_interpreter():
    """Let threads of this process hand the interpreter over soon enough for a control loop."""
    sys.setswitchinterval(min(SWITCH_INTERVAL, sys.getswitchinterval()))


def schedule_thread(spec):
    """Give the calling thread, and those that it starts later, what a SchedulingSpec asks for.

    Return a line for each thing that could not be had: the thread then goes on as it was.
    """
    return [*_pin(spec.cpus), *_raise(spec.priority)]


def _pin(cpus):
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


def _raise(priority):
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
