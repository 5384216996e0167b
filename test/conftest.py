# SPDX-License-Identifier: Apache-2.0
"""What all tests share: ROS messages check their fields, properties see the same examples every time, and nothing
is left in the user's own cache."""

import os
from pathlib import Path
import signal
import sys
import time

os.environ.setdefault('ROS_PYTHON_CHECK_FIELDS', '1')  # read when a message class is imported

from hypothesis import settings
from nursery import Nursery
import pytest

settings.register_profile('seeded', derandomize=True, deadline=None, database=None, max_examples=60)
settings.load_profile('seeded')

LAB_LIMIT = 1200  # s for a test with Isaac Lab, whose kernels take minutes to compile, on a busy machine ten


@pytest.fixture(scope='session', autouse=True)
def cache(tmp_path_factory):
    """A cache for all tests, and for the processes that they start."""
    before = os.environ.get('XDG_CACHE_HOME')
    os.environ['XDG_CACHE_HOME'] = str(tmp_path_factory.mktemp('cache'))
    yield
    if before is None:
        del os.environ['XDG_CACHE_HOME']
    else:
        os.environ['XDG_CACHE_HOME'] = before


@pytest.fixture(scope='session', autouse=True)
def nursery(cache):
    """Nodes start by a fork."""
    if sys.platform != 'linux':
        yield None
        return
    from rl_policy_node.tools.process.processes import ToolProcess

    before, made = ToolProcess.spawn, Nursery()
    ToolProcess.spawn = staticmethod(made.spawn)
    yield made
    ToolProcess.spawn = staticmethod(before)
    made.close()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item):
    """End a test with Isaac Lab that does not end, with the fixtures that it makes."""
    if item.get_closest_marker('lab') is None:
        yield
        return

    def fail(*_):
        pytest.fail(f'not done within {LAB_LIMIT} s')

    before = signal.signal(signal.SIGALRM, fail)
    signal.alarm(LAB_LIMIT)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(autouse=True)
def no_process_remains(request, nursery):
    """A test with Isaac Lab ends each process that it has started, children of children too."""
    if request.node.get_closest_marker('lab') is None:
        yield
        return
    before = _processes()
    yield
    end = time.monotonic() + 10.0
    while (left := _processes() - before - {nursery and nursery.pid}) and time.monotonic() < end:
        time.sleep(0.1)
    assert not left, {pid: Path(f'/proc/{pid}/cmdline').read_text().replace('\0', ' ') for pid in left}


def _processes():
    """Return the pid of each process that has inherited the cache of these tests."""
    mark, found = f'XDG_CACHE_HOME={os.environ["XDG_CACHE_HOME"]}'.encode(), set()
    for folder in Path('/proc').glob('[0-9]*'):
        try:
            if mark in (folder / 'environ').read_bytes().split(b'\0'):
                found.add(int(folder.name))
        except OSError:  # it has ended, or is another user's
            continue
    return found


def pytest_collection_modifyitems(items):
    """Mark what needs a DDS domain, and what starts another Python for a simulator."""
    for item in items:
        if 'domain' in item.fixturenames or hasattr(item.module, 'private_domain'):
            item.add_marker('dds')
        if any(getattr(value, '__module__', '') == 'sim.workers' for value in vars(item.module).values()):
            item.add_marker('worker')
