# SPDX-License-Identifier: Apache-2.0
"""Runs of Isaac Lab, and assets for its tasks, whose own lie on a server of NVIDIA's."""

import os
from pathlib import Path

import pytest

from rl_policy_node.nodes.parameters.parsing import configuration

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


def configured(run, rows=ROWS, overrides=(), **sim):
    """Return the Configuration that hosts a run; sim: more of its `sim` parameters."""
    raw = {'kind': 'raw', 'size': 1, 'topic': 'push', 'type': 'std_msgs/msg/Float32MultiArray', 'fallback_value': [0.0]}
    return configuration(
        {
            'policy.train_config': str(run),
            'policy.overrides': list(overrides),
            'robots': [f'robot_{row}' for row in range(rows)],
            'sim.environment': 'isaaclab',
            'sources.state.topic': 'state',
            'sources.state.type': 'std_msgs/msg/Float32MultiArray',
            'terms.state.source': 'state',
            'terms.state.field': 'data',
            'inputs.obs': ['state'],
            'actions.terms': ['push'],
            **{f'actions.push.{name}': value for name, value in raw.items()},
            **{f'sim.{name}': value for name, value in sim.items()},
        }
    )


def with_assets(python):
    """Return the `sim` parameters of a worker that has the assets of the tests."""
    variables = [f'ISAACSIM_ASSET_ROOT={ASSETS}', f'HOME={Path.home()}']
    return {'python': python, 'python_variables': variables, 'device': 'cpu', 'step_timeout': 60.0}
