# SPDX-License-Identifier: Apache-2.0
"""Runs of Isaac Lab, and assets for its tasks, whose own lie on a server of NVIDIA's."""

import os
from pathlib import Path
import subprocess

import pytest
from sim import hosted_runs

RUNS = Path(__file__).resolve().parent
ASSETS = RUNS.parent / 'isaaclab_assets'
ROWS = 4
PATIENCE = 600.0  # s for one process of Isaac Lab
VARIABLES = {'ISAACSIM_ASSET_ROOT': str(ASSETS)}


def lab_python():
    """Return the interpreter that has Isaac Lab; skip the test where there is none."""
    made = RUNS.parents[2] / '.workers' / 'isaaclab'
    named = os.environ.get('ISAACLAB_PYTHON')
    if named:
        return named
    if not (made / 'installed').exists():
        pytest.skip(f'no Isaac Lab in {made}: `make test-isaaclab` installs it; ISAACLAB_PYTHON names another')
    return str(made / 'bin' / 'python')


def run_lab(*arguments):
    """Run Isaac Lab's Python, without ROS; return what it printed."""
    # kernels that a process has compiled lie in the cache of all tests
    inherited = {name: os.environ[name] for name in ('HOME', 'PATH', 'XDG_CACHE_HOME')}
    done = subprocess.run(
        [lab_python(), *map(str, arguments)],
        env={**inherited, **VARIABLES},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    return done.stdout


def configured(run, overrides=(), **sim):
    """Return the Configuration that hosts a run; sim: more of its `sim` parameters."""
    return hosted_runs.configured('isaaclab', run, 1, ROWS, overrides, **sim)
