# SPDX-License-Identifier: Apache-2.0
"""`rl_policy evaluate` with a simulator whose first step compiles for longer than the policy waits otherwise."""

import json

from nodes import springs
from nodes.harness import parameters, tiny_run
import pytest

from rl_policy_node.tools.main import main
from rl_policy_node.tools.process.processes import private_domain

ARRAY = 'std_msgs/msg/Float64MultiArray'


@pytest.fixture(scope='module', autouse=True)
def domain():
    private_domain()


@pytest.mark.slow
def test_a_long_first_step_changes_no_episode(tmp_path):
    """A fallback in the midst of it would reset the recurrent state of every robot."""
    tree = parameters(tiny_run(tmp_path)) | {
        'robots': ['a', 'b'],
        'lockstep_timeout': 0.5,
        'episode_topic': 'episode',
        'sources': {'state': {'topic': 'state', 'type': ARRAY}},
        'inputs': {'obs': ['state']},
        'terms': {'state': {'source': 'state', 'field': 'data'}},
        'actions': {
            'terms': ['push'],
            'push': {'kind': 'raw', 'size': 3, 'fallback_value': [0.0], 'topic': 'push', 'type': ARRAY},
        },
        'sim': {'environment': f'{springs.__file__}:create', 'options': ['pause=2.0']},
    }
    del tree['autostart']
    file = tmp_path / 'sim.yaml'
    file.write_text(json.dumps({'/**': {'ros__parameters': tree}}))
    assert main(['evaluate', str(file), '--episodes', '4', '--require-same', '--output', str(tmp_path)]) == 0
    assert json.loads((tmp_path / 'evaluation.json').read_text())['verdict'] == 'the same, episode by episode'
    assert 'stale' not in (tmp_path / 'policy.log').read_text()
