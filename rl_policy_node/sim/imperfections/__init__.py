# SPDX-License-Identifier: Apache-2.0
"""Injected imperfections: sensor noise, latency, loss, reordering, rate drift.

They lie between an environment and its messages and never touch the environment: a command is obeyed from where the
robot truly is, and what is recorded is the truth. Real time: they wrap publishers. Lockstep: they decide what each
step is shown.
"""
from rl_policy_node.sim.imperfections.imperfection_spec import ImperfectionSpec
from rl_policy_node.sim.imperfections.injected import create_imperfections, Imperfections
from rl_policy_node.sim.imperfections.robot_sensors import Measured, Received, Robots
from rl_policy_node.sim.imperfections.sources import Publish

__all__ = ['ImperfectionSpec', 'Imperfections', 'Measured', 'Publish', 'Received', 'Robots', 'create_imperfections']
