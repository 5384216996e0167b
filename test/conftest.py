# SPDX-License-Identifier: Apache-2.0
"""What all tests share: ROS messages check their fields, properties see the same examples every time, and nothing
is left in the user's own cache."""

import os
import sys

os.environ.setdefault('ROS_PYTHON_CHECK_FIELDS', '1')  # read when a message class is imported

from hypothesis import settings
from nursery import Nursery
import pytest

settings.register_profile('seeded', derandomize=True, deadline=None, database=None, max_examples=60)
settings.load_profile('seeded')


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
        yield
        return
    from rl_policy_node.tools.process.processes import ToolProcess

    before, made = ToolProcess.spawn, Nursery()
    ToolProcess.spawn = staticmethod(made.spawn)
    yield
    ToolProcess.spawn = staticmethod(before)
    made.close()


def pytest_collection_modifyitems(items):
    """Mark what needs a DDS domain, and what starts another Python for a simulator."""
    for item in items:
        if 'domain' in item.fixturenames or hasattr(item.module, 'private_domain'):
            item.add_marker('dds')
        if any(getattr(value, '__module__', '') == 'sim.workers' for value in vars(item.module).values()):
            item.add_marker('worker')
