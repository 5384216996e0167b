# SPDX-License-Identifier: Apache-2.0
"""Runs of Isaac Lab, and assets for its tasks, whose own lie on a server of NVIDIA's."""

import os
from pathlib import Path
import shutil
import subprocess

import pytest
from sim import hosted_runs

RUNS = Path(__file__).resolve().parent
ASSETS = RUNS.parent / 'isaaclab_assets'
# registers Legged-Velocity-v0
TASKS = RUNS.parent / 'isaaclab_legged'
LEGGED = 'legged_velocity:Legged-Velocity-v0'
ANT = 'Isaac/Robots/IsaacSim/Ant/ant_instanceable.usd'
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


def assets_with_ant(folder, python):
    """Return a folder of our assets and of the ant that comes with Newton in Isaac Lab's Python."""
    root = folder / 'assets'
    shutil.copytree(ASSETS, root)
    where = 'import importlib.util; print(importlib.util.find_spec("newton").submodule_search_locations[0])'
    newton = Path(subprocess.run([python, '-c', where], capture_output=True, text=True, check=True).stdout.strip())
    (root / ANT).parent.mkdir(parents=True)
    shutil.copy(newton / 'examples' / 'assets' / 'ant.usda', root / ANT)
    return root


def run_lab(*arguments, **variables):
    """Run Isaac Lab's Python, without ROS; return what it printed."""
    # kernels that a process has compiled lie in the cache of all tests
    inherited = {name: os.environ[name] for name in ('HOME', 'PATH', 'XDG_CACHE_HOME')}
    done = subprocess.run(
        [lab_python(), *map(str, arguments)],
        env={**inherited, **VARIABLES, **variables},
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
