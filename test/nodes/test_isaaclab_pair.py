# SPDX-License-Identifier: Apache-2.0
"""Runs that Isaac Lab trained, through both nodes in lockstep, against Isaac Lab's own play loop, bit for bit."""

from nodes.harness import Nodes, wait
import numpy as np
import pytest
from sim.isaaclab_runs import lab_python, PATIENCE, run_lab, RUNS, VARIABLES

from rl_policy_node.tools.demo.run_record import load_record
from rl_policy_node.tools.main import main

ROWS, STEPS, SEED = 16, 320, 5  # an episode has 300 steps


@pytest.mark.lab
@pytest.mark.parametrize('name', ['cartpole_direct', 'cartpole_manager'])
def test_both_nodes_play_as_isaac_labs_own_script(tmp_path, name):
    run, record = RUNS / name, tmp_path / 'record'
    file = tmp_path / 'sim.yaml'
    made = ['init', run, '--simulator', 'isaaclab', '--python', lab_python(), '--rows', ROWS, '-o', file]
    assert main([*map(str, made)]) == 0
    with Nodes(tmp_path, file) as nodes:
        nodes.start('policy_node', {'autostart': True, 'policy.backend': 'eager', 'policy.device': 'cpu'})
        bridge = nodes.start(
            'sim_bridge_node',
            {
                'sim.device': 'cpu',
                'sim.python_variables': [f'{each}={value}' for each, value in VARIABLES.items()],
                'sim.start_timeout': PATIENCE,
                'sim.step_timeout': 60.0,
                'sim.seed': SEED,
                'sim.steps': STEPS,
                'sim.record': str(record),
            },
        )
        assert wait(lambda: bridge.poll() is not None, PATIENCE), bridge.tail(40)
        assert bridge.poll() == 0, bridge.tail(40)
    run_lab(RUNS / 'as_played.py', run, ROWS, STEPS, SEED, tmp_path / 'alone.npz')
    through_ros, own = load_record(record), np.load(tmp_path / 'alone.npz')
    assert own['dones'].sum() >= ROWS, 'episodes end in it'
    for each in own:
        assert np.array_equal(through_ros[each], own[each]), f'{each} differs'
