# SPDX-License-Identifier: Apache-2.0
"""`rl_policy evaluate` on a run of Isaac Lab: rl_games' own loop in Isaac Lab's own wrapper, and the two nodes.

The test of the tutorial evaluates the manager-based run.
"""

import json

import pytest
from sim.isaaclab_runs import lab_python, PATIENCE, RUNS, VARIABLES

from rl_policy_node.tools.main import main
from rl_policy_node.tools.process.processes import private_domain

ROWS = EPISODES = 16
GREATEST = 5.0  # 5 s of 1 per second for being alive; all other rewards are penalties


@pytest.fixture(scope='module', autouse=True)
def domain():
    private_domain()


@pytest.mark.lab
@pytest.mark.slow
def test_both_ways_are_the_same_and_the_run_has_learned(tmp_path, monkeypatch):
    for variable, value in VARIABLES.items():
        monkeypatch.setenv(variable, value)
    file = str(tmp_path / 'sim.yaml')
    made = ['--simulator', 'isaaclab', '--python', lab_python(), '--rows', str(ROWS), '-o', file]
    assert main(['init', str(RUNS / 'cartpole_direct'), *made]) == 0
    played = ['--episodes', str(EPISODES), '--seed', '5', '--set', 'sim.device=cpu', '--set', 'policy.device=cpu']
    played += ['--set', f'sim.start_timeout={PATIENCE}']
    assert main(['evaluate', file, *played, '--require-same', '--output', str(tmp_path)]) == 0
    content = json.loads((tmp_path / 'evaluation.json').read_text())
    assert content['verdict'] == 'the same, episode by episode' and content['same_episodes'] == EPISODES
    returns = content['nodes']['played']['return']
    assert len(set(returns)) == EPISODES and sum(returns) / EPISODES > 0.9 * GREATEST
