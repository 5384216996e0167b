# SPDX-License-Identifier: Apache-2.0
"""Injected imperfections: sensor noise, latency, loss, reordering, rate drift.

They change messages, never the environment: robots obey commands from their true state, and records keep the true
values. In real time they wrap publishers; in lockstep they choose the observation that each step shows.
"""

from rl_policy_node.sim.imperfections.imperfection_spec import ImperfectionSpec
from rl_policy_node.sim.imperfections.injected import create_imperfections, Imperfections
from rl_policy_node.sim.imperfections.outbox import Publish
from rl_policy_node.sim.imperfections.robot_sensors import Measured, Received, Robots
from rl_policy_node.sim.imperfections.sources import Delivery

__all__ = [
    'Delivery',
    'ImperfectionSpec',
    'Imperfections',
    'Measured',
    'Publish',
    'Received',
    'Robots',
    'create_imperfections',
]
