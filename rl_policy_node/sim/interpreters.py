# SPDX-License-Identifier: Apache-2.0
"""Finds interpreters that can run worker.py, diagnoses faults of one, and sets its environment variables."""

from collections.abc import Iterable, Mapping
import os
import shutil
import subprocess
from typing import Final

from rl_policy_node.errors import ConfigurationError, unfit

_OLDEST: Final = (3, 6)
# runs in every version of Python
_PROBE: Final = 'import sys\nsys.stdout.write("Python %d.%d " % sys.version_info[:2])\nimport numpy'

# Variables of this process that would make another Python load its libraries and modules.
_WITHHELD: Final = (
    'LD_LIBRARY_PATH',
    'LD_PRELOAD',
    'PYTHONPATH',
    'PYTHONHOME',
    'PYTHONSTARTUP',
    'CMAKE_PREFIX_PATH',
    '_ROS_WHEELS_BOOTSTRAP_COMPLETE',
)
_WITHHELD_PREFIXES: Final = ('AMENT_', 'COLCON_', 'ROS_', 'RMW_')


def find_interpreter(python: str) -> str:
    """Return the path of an interpreter; raises ConfigurationError if it cannot be one."""
    path = os.path.expanduser(python)
    found = shutil.which(path)
    if found:
        return found
    if os.path.isdir(path):
        raise unfit(
            f"sim.python '{python}'", 'a folder', f'an interpreter, such as {os.path.join(path, "bin", "python")}'
        )
    raise ConfigurationError(
        f"sim.python '{python}' is not executable" if os.path.exists(path) else f"sim.python '{python}' does not exist"
    )


def diagnose(python: str, variables: Mapping[str, str]) -> str | None:
    """Return the fault of an interpreter that could not run worker.py, None if none is found."""
    try:
        probe = subprocess.run(
            [python, '-c', _PROBE],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=variables,
            encoding='utf-8',
            errors='replace',
            timeout=1.0,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    name, version, *_ = (*probe.stdout.split(), '', '')
    if name != 'Python':
        return f'is no Python: it ended with {probe.returncode}; expected the path of an interpreter'
    if tuple(map(int, version.split('.'))) < _OLDEST:
        return f'is Python {version}; expected 3.6 or newer'
    if probe.returncode:
        last = probe.stderr.strip().splitlines()[-1:]
        return f'(Python {version}) has no numpy: {"".join(last)}; {python} -m pip install numpy'
    return None


def worker_variables(python: str, more: Iterable[str]) -> dict[str, str]:
    """Return the environment variables of a worker: those of this process without ROS, and NAME=value of `more`."""
    variables = {
        name: value
        for name, value in os.environ.items()
        if name not in _WITHHELD and not name.startswith(_WITHHELD_PREFIXES)
    }
    variables['PYTHONIOENCODING'] = 'utf-8'
    # Isaac Gym's modules need libpython3.8.so: beside the interpreter, or beside the one that its venv links to
    prefixes = [os.path.dirname(os.path.dirname(path)) for path in (os.path.abspath(python), os.path.realpath(python))]
    folders = dict.fromkeys(os.path.join(prefix, 'lib') for prefix in prefixes if prefix not in ('/', '/usr'))
    libraries = ':'.join(folder for folder in folders if os.path.isdir(folder))
    if libraries:
        variables['LD_LIBRARY_PATH'] = libraries
    for variable in more:
        name, equals, value = variable.partition('=')
        if not equals or not name.strip():
            raise ConfigurationError(f"sim.python_variables has '{variable}'; expected NAME=value")
        variables[name.strip()] = value
    return variables
