# SPDX-License-Identifier: Apache-2.0
"""A policy node and a simulator bridge that play together."""

from nodes.harness import Nodes

from rl_policy_node.resources import resolve

PARAMS = resolve('package://rl_policy_node/config/insertion.yaml')


class Pair(Nodes):
    """A bridge and a policy node on the insertion task; both are stopped at the end."""

    def __init__(self, folder):
        super().__init__(folder, PARAMS)

    def start(self, module, **overrides):
        return super().start(module, {name.replace('__', '.'): value for name, value in overrides.items()})

    def policy(self, **overrides):
        return self.start('policy_node', autostart=True, use_sim_time=True, **overrides)
