# SPDX-License-Identifier: Apache-2.0
"""A policy node and a simulator bridge that play together."""

import json
from pathlib import Path

from nodes.harness import Nodes, wait
import numpy as np

from rl_policy_node.resources import resolve
from rl_policy_node.tools.demo.run_record import load_record
from rl_policy_node.tools.process.processes import NodeProcess, ToolProcess

PARAMS = resolve('package://rl_policy_node/config/insertion.yaml')


class Pair(Nodes):
    """A bridge and a policy node on the insertion task; both are stopped at the end."""

    def __init__(self, folder):
        super().__init__(folder, PARAMS)

    def start(self, module, **overrides):
        return super().start(module, {name.replace('__', '.'): value for name, value in overrides.items()})

    def policy(self, **overrides):
        return self.start('policy_node', autostart=True, use_sim_time=True, **overrides)


def over_dds(parameters, folder, patience=120):
    """Let both nodes play a file in lockstep, by the simulator's raw state; return what each of them kept.

    parameters: full name → value. Of each step what the bridge records, and what the policy node sees and gives:
    name → (steps, rows, …). The simulator has to obey commands through its own action terms.
    """
    file, record, seen = folder / 'parameters.json', folder / 'record', folder / 'kept.npz'
    file.write_text(json.dumps({'/**': {'ros__parameters': {**parameters, 'sim.record': str(record)}}}))
    script = Path(__file__).with_name('keeping_policy.py')
    policy = ToolProcess(
        'policy_node',
        [script, seen, '--ros-args', '--params-file', file, '-p', 'use_sim_time:=true'],
        folder / 'policy.log',
    )
    bridge = NodeProcess('sim_bridge_node', file, {}, folder / 'bridge.log')
    try:
        assert wait(lambda: bridge.poll() is not None, patience), bridge.tail() + policy.tail()
        assert bridge.poll() == 0, bridge.tail()
        assert 'the simulator obeys commands through its own action terms' in bridge.tail(1000)
    finally:
        bridge.stop(), policy.stop()
    kept = dict(np.load(seen))
    _, steps = np.unique(kept['stamp'], return_index=True)
    return load_record(record), {name: value[steps] for name, value in kept.items()}
