# SPDX-License-Identifier: Apache-2.0
"""What the control thread asks of the kernel is had where it is permitted, and told where it is not."""

import os
from pathlib import Path
import subprocess
import sys
import threading

from nodes.harness import parameters
import pytest

from rl_policy_node.nodes.parameters.configuration import SchedulingSpec
from rl_policy_node.nodes.process.scheduling import (
    schedule_thread,
    share_interpreter,
    SLICE,
    SWITCH_INTERVAL,
    ThreadAttributes,
)

pytestmark = pytest.mark.skipif(sys.platform != 'linux', reason='SCHED_FIFO and CPU affinity are of Linux')

REFUSED = """
import os, resource
from rl_policy_node.nodes.parameters.configuration import SchedulingSpec
from rl_policy_node.nodes.process.scheduling import schedule_thread
resource.setrlimit(resource.RLIMIT_RTPRIO, (0, 0))
if os.geteuid() == 0:
    os.setresuid(65534, 65534, 65534)       # which takes the capabilities away
print(*schedule_thread(SchedulingSpec(priority=20)), sep='\\n')
print(os.sched_getscheduler(0) == os.SCHED_OTHER)
"""


def in_a_thread(call):
    """Return what a call returns in a thread of its own."""
    returned = []
    thread = threading.Thread(target=lambda: returned.append(call()))
    thread.start()
    thread.join()
    return returned[0]


def scheduled(**spec):
    """Return a thread's complaints, scheduler, priority and CPUs after it asked for a spec."""

    def ask():
        told = schedule_thread(SchedulingSpec(**spec))
        return told, os.sched_getscheduler(0), os.sched_getparam(0).sched_priority, os.sched_getaffinity(0)

    return in_a_thread(ask)


def fifo_is_permitted():
    def ask():
        try:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
        except PermissionError:
            return False
        return True

    return in_a_thread(ask)


def test_nothing_is_asked_for_by_default():
    before = os.sched_getaffinity(0)
    assert scheduled() == ([], os.SCHED_OTHER, 0, before)


@pytest.mark.skipif('not fifo_is_permitted()', reason='SCHED_FIFO is not permitted to this user')
def test_priority_is_of_the_calling_thread_alone():
    told, scheduler, priority, _ = scheduled(priority=20)
    assert (told, scheduler, priority) == ([], os.SCHED_FIFO, 20)
    assert os.sched_getscheduler(0) == os.SCHED_OTHER


def test_priority_that_is_not_permitted_is_told_with_the_way_to_it():
    result = subprocess.run([sys.executable, '-c', REFUSED], capture_output=True, text=True, timeout=60)
    line, unchanged = result.stdout.splitlines()
    assert line.startswith('scheduling.priority 20: Operation not permitted; permit it by') and unchanged == 'True'
    assert all(way in line for way in ('rtprio', 'ulimit -r', 'LimitRTPRIO', 'CAP_SYS_NICE'))


def test_affinity_is_of_the_calling_thread_alone():
    before = os.sched_getaffinity(0)
    cpu = max(before)
    assert scheduled(cpus=(cpu,)) == ([], os.SCHED_OTHER, 0, {cpu})
    assert os.sched_getaffinity(0) == before


def test_cpus_that_are_not_there_are_named_and_the_others_kept():
    cpu = min(os.sched_getaffinity(0))
    told, *_, cpus = scheduled(cpus=(cpu, 4000))
    assert cpus == {cpu} and len(told) == 1
    assert told[0].startswith(f'scheduling.cpus [{cpu}, 4000]: [4000] are not there')


def test_where_no_cpu_is_there_the_thread_stays_as_it_was():
    before = os.sched_getaffinity(0)
    told, *_, cpus = scheduled(cpus=(4000, 4001))
    assert cpus == before
    assert told == [f'scheduling.cpus [4000, 4001]: Invalid argument; this process may use {sorted(before)}']


def test_a_thread_is_woken_at_once_whatever_else_is_asked_for():
    def ask():
        before = ThreadAttributes.read()
        os.setpriority(os.PRIO_PROCESS, 0, 3)
        schedule_thread(SchedulingSpec())
        slack = Path(f'/proc/{threading.get_native_id()}/timerslack_ns').read_text()
        return before, ThreadAttributes.read(), slack

    before, after, slack = in_a_thread(ask)
    assert int(slack) == 1
    if before is None:
        pytest.skip('sched_getattr has no known number here')
    assert (after.sched_policy, after.sched_nice) == (os.SCHED_OTHER, 3)
    # 0: a kernel that knows no slices of a thread's own
    assert after.sched_runtime == (SLICE if before.sched_runtime else 0)


def test_the_interpreter_is_handed_over_sooner_but_never_later():
    before = sys.getswitchinterval()
    try:
        for given, wanted in ((0.005, SWITCH_INTERVAL), (SWITCH_INTERVAL / 5, SWITCH_INTERVAL / 5)):
            sys.setswitchinterval(given)
            share_interpreter()
            assert sys.getswitchinterval() == pytest.approx(wanted, rel=0.1)
    finally:
        sys.setswitchinterval(before)


def schedulers(process):
    """Return the scheduler and the CPUs of every thread of a process."""
    threads = [int(task.name) for task in Path(f'/proc/{process.process.pid}/task').iterdir()]
    return [(os.sched_getscheduler(thread), os.sched_getaffinity(thread)) for thread in threads]


def test_a_node_gives_its_control_thread_what_there_is_and_acts(arm, run):
    cpu = min(os.sched_getaffinity(0))
    node = arm.start(parameters(run, scheduling={'priority': 10, 'cpus': [cpu, 4000]}))
    assert arm.live_until(lambda: len(arm.commands) > 5 and arm.commands[-1] != arm.position, 40)
    assert f'scheduling.cpus [{cpu}, 4000]: [4000] are not there' in node.tail(100)
    found = schedulers(node)
    if fifo_is_permitted():
        assert [cpus for scheduler, cpus in found if scheduler == os.SCHED_FIFO] == [{cpu}]
    else:
        assert 'scheduling.priority 10: ' in node.tail(100)
        assert os.SCHED_FIFO not in [scheduler for scheduler, _ in found]
