# SPDX-License-Identifier: Apache-2.0
"""Gymnasium's environments over DDS in lockstep, with the trained policies: as in rl_games' own loop, to the bit."""

import json
from pathlib import Path
import sys

from nodes.harness import policy_parameters, wait
import numpy as np
import pytest
from sim.train_gymnasium import RUNS

from rl_policy_node.nodes.parameters.parsing import configuration
from rl_policy_node.nodes.policy.loading import load_policy
from rl_policy_node.nodes.simulator.hosting import open_environment
from rl_policy_node.policy import set_threads
from rl_policy_node.tools.demo.run_record import load_record
from rl_policy_node.tools.evaluate.play import play
from rl_policy_node.tools.process.processes import NodeProcess

pytest.importorskip('mujoco')
FLOATS, STEPS = 'std_msgs/msg/Float32MultiArray', 300
# pushed so hard at first that some fall at once, some later, and some stand to the end
SIM = {'environment': 'gymnasium', 'mode': 'lockstep', 'steps': STEPS, 'seed': 5}
FALLS = ['reset_noise_scale=0.7', 'max_episode_steps=70']


def parameters(name, together, action, sim, **more):
    """Return the parameters of both nodes: one source, one command."""
    run = RUNS / name
    return {
        'policy': policy_parameters(run),
        'trigger': 'lockstep',
        'autostart': True,
        'enable': 'none',
        'control_rate': 25.0,
        'episode_topic': 'episode',
        'sources': {'state': {'topic': 'state', 'type': FLOATS, 'rows': together}},
        'inputs': {'obs': ['state']},
        'terms': {'state': {'source': 'state', 'field': 'data'}},
        'actions': {
            'terms': ['force'],
            'force': {'topic': 'force', 'rows': together, 'type': FLOATS, 'fallback_value': [0.0], **action},
        },
        'sim': {**SIM, 'options': FALLS, **sim},
        **more,
    }


# six rows in one message; what the policy gives is a force of ±3 N
TOGETHER = parameters(
    'pendulum',
    True,
    {'kind': 'raw', 'size': 1},
    {'id': 'InvertedPendulum-v5'},
    rows=6,
    spaces={'action_low': [-3.0], 'action_high': [3.0]},
)
# three robots with topics of their own, hosted by a process of its own; what the policy gives is one of five choices
APART = parameters(
    'forces',
    False,
    {'kind': 'discrete', 'table': [-3.0, -1.0, 0.0, 1.0, 3.0], 'table_columns': 1},
    {
        'id': 'pendulum_forces:PendulumForces-v0',
        'python': sys.executable,
        'python_path': [str(Path(__file__).parents[1] / 'sim')],
    },
    robots=['left', 'middle', 'right'],
)


@pytest.mark.slow
@pytest.mark.parametrize('tree', [TOGETHER, APART], ids=['together', 'apart'])
def test_ros_changes_nothing_of_a_gymnasium_environment(tree, tmp_path):
    through_ros = over_dds(tree, tmp_path)
    # an episode more ends after the last step of the nodes
    alone = in_one_process(tree, through_ros['dones'].sum() + 1)
    rows = through_ros['dones'].shape[1]
    ends = {tuple(np.nonzero(row)[0]) for row in through_ros['dones'].T}
    assert len(ends) == rows and min(map(len, ends)) >= 4, 'episodes end apart'
    assert len(np.unique(through_ros['actions'])) > 2, 'the policy does more than one thing'
    for name, value in alone.items():
        assert np.array_equal(through_ros[name], value[:STEPS]), f'{name} differs'


def over_dds(tree, folder):
    """Return what the bridge records while the policy node plays: name → (steps, rows, …)."""
    file, record = folder / 'parameters.json', folder / 'record'
    tree = {**tree, 'sim': {**tree['sim'], 'record': str(record)}}
    file.write_text(json.dumps({'/**': {'ros__parameters': tree}}))
    policy = NodeProcess('policy_node', file, {'use_sim_time': True}, folder / 'policy.log')
    bridge = NodeProcess('sim_bridge_node', file, {}, folder / 'bridge.log')
    try:
        assert wait(lambda: bridge.poll() is not None, 120), bridge.tail() + policy.tail()
        assert bridge.poll() == 0, bridge.tail()
    finally:
        bridge.stop(), policy.stop()
    return load_record(record)


def in_one_process(tree, episodes):
    """Return the same of rl_games' own loop, until so many episodes have ended."""
    steps, configured = [], configuration(dict(_flat(tree)))
    set_threads(1)  # as the node does: a sum in another order is another sum
    environment = open_environment(configured)
    try:
        play(load_policy(configured), environment, episodes, lambda *step: steps.append(step))
    finally:
        environment.close()
    observations, actions, rewards, dones, _ = zip(*steps)
    return {
        'obs/obs': np.stack([each['obs'] for each in observations]),
        'actions': np.stack(actions),
        'rewards': np.stack(rewards),
        'dones': np.stack(dones),
    }


def _flat(tree, prefix=''):
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from _flat(value, f'{prefix}{name}.')
        else:
            yield prefix + name, value
