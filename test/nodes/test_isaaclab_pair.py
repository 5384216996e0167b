# SPDX-License-Identifier: Apache-2.0
"""A run that Isaac Lab trained, through both nodes in lockstep, against Isaac Lab's own play loop, bit for bit."""

import subprocess

from nodes.harness import Nodes, wait
import numpy as np
import pytest
from sim.isaaclab_runs import ASSETS, lab_python, RUNS

from rl_policy_node.tools.main import main

ROWS, STEPS, SEED = 16, 320, 5


@pytest.mark.lab
def test_both_nodes_play_as_isaac_labs_own_script(tmp_path):
    run, python, record = RUNS / 'cartpole_direct', lab_python(), tmp_path / 'record.npz'
    file = tmp_path / 'sim.yaml'
    assert (
        main(['init', str(run), '--simulator', 'isaaclab', '--python', python, '--rows', str(ROWS), '-o', str(file)])
        == 0
    )
    with Nodes(tmp_path, file) as nodes:
        nodes.start('policy_node', {'autostart': True, 'policy.backend': 'eager', 'policy.device': 'cpu'})
        bridge = nodes.start(
            'sim_bridge_node',
            {
                'sim.device': 'cpu',
                'sim.python_variables': [f'ISAACSIM_ASSET_ROOT={ASSETS}'],
                'sim.step_timeout': 60.0,
                'sim.seed': SEED,
                'sim.steps': STEPS,
                'sim.record': str(record),
            },
        )
        assert wait(lambda: bridge.poll() is not None, 400), bridge.tail(40)
        assert bridge.poll() == 0, bridge.tail(40)
    alone = tmp_path / 'alone.npz'
    subprocess.run(
        [python, RUNS / 'as_played.py', run, str(ROWS), str(STEPS), str(SEED), alone],
        env={'ISAACSIM_ASSET_ROOT': str(ASSETS), 'HOME': str(tmp_path.home())},
        check=True,
        timeout=400,
    )
    through_ros, own = np.load(record), np.load(alone)
    assert own['dones'].sum() >= ROWS, 'episodes end in it'
    for name in own:
        assert np.array_equal(through_ros[name], own[name]), f'{name} differs'
