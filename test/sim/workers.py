# SPDX-License-Identifier: Apache-2.0
"""The other Pythons that `make workers` prepares for the tests, and what a process leaves behind."""

import os
from pathlib import Path
import re
import time

import pytest

from rl_policy_node.sim import create_environment
from rl_policy_node.sim.environment_specs import EnvironmentSpec, PythonSpec

HERE = Path(__file__).resolve().parent
FOLDER = HERE.parent.parent / '.workers'
VERSIONS = ('3.8', '3.9')


def python(version=''):
    """Return the interpreter of a worker Python, any one without a version; skip the test where it is absent."""
    found = [FOLDER / name / 'bin' / 'python' for name in ([version] if version else VERSIONS)]
    found = [str(path) for path in found if (path.parent.parent / 'installed').exists()]
    if not found:
        pytest.skip(f'no Python {version or " or ".join(VERSIONS)} in {FOLDER}: `make workers` found none')
    return found[0]


def create(target, python='', rows=2, say=lambda line: None, seed=0, **more):
    """Return an environment of `worlds`, in this process or in a worker's; more: options, fields of PythonSpec."""
    options = tuple(f'{name}={value}' for name, value in more.pop('options', {}).items())
    host = PythonSpec(python, (str(HERE),), **more)
    return create_environment(EnvironmentSpec(f'worlds:{target}', rows, seed, options=options, python=host), say)


def pid_of(lines):
    """Return the process of a worker from what it says first."""
    return int(re.search(r'runs in process (\d+)', ''.join(lines)).group(1))


def is_alive(pid):
    """Return whether a process is there and no zombie."""
    try:
        return Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0] != 'Z'
    except OSError:
        return False


def goes(pid, timeout=5.0):
    """Return whether a process ends in time."""
    end = time.monotonic() + timeout
    while is_alive(pid) and time.monotonic() < end:
        time.sleep(0.02)
    return not is_alive(pid)


def belongings():
    """Return what this process holds: its open files, its children, and every name in shared memory but those of DDS
    and of ROS' tracing: tests of nodes may run beside this one."""
    files = {
        os.readlink(f'/proc/self/fd/{fd}')
        for fd in os.listdir('/proc/self/fd')
        if os.path.islink(f'/proc/self/fd/{fd}')
    }
    children = set(Path(f'/proc/self/task/{os.getpid()}/children').read_text().split())
    names = {name for name in os.listdir('/dev/shm') if not re.search('fastdds|fastrtps|lttng', name)}
    return files, children, names
