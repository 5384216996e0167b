# SPDX-License-Identifier: Apache-2.0
"""Runs of Isaac Lab, and assets for its tasks, whose own lie on a server of NVIDIA's."""

import os
from pathlib import Path

import pytest
from sim import hosted_runs

RUNS = Path(__file__).resolve().parent
ASSETS = RUNS.parent / 'isaaclab_assets'
ROWS = 4


def lab_python():
    """Return the interpreter that has Isaac Lab; skip the test where there is none."""
    made = RUNS.parents[2] / '.workers' / 'isaaclab'
    named = os.environ.get('ISAACLAB_PYTHON')
    if named:
        return named
    if not (made / 'installed').exists():
        pytest.skip(f'no Isaac Lab in {made}: `make test-isaaclab` installs it; ISAACLAB_PYTHON names another')
    return str(made / 'bin' / 'python')


def configured(run, overrides=(), **sim):
    """Return the Configuration that hosts a run; sim: more of its `sim` parameters."""
    return hosted_runs.configured('isaaclab', run, 1, ROWS, overrides, **sim)
