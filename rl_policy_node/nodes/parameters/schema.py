# SPDX-License-Identifier: Apache-2.0
"""Every parameter of the package: name, type, default, unit, bounds, meaning.

`*` stands for a name the user gives (a source, a term, …). The policy node and the simulator bridge
read the same file, so that both know all of it.
"""
from typing import Final

from rl_policy_node.nodes.parameters.declaration import BLANK, FROM_RUN, INF, Parameter, REQUIRED
from rl_policy_node.nodes.parameters.schema_actions import ACTIONS
from rl_policy_node.nodes.parameters.schema_robots import ROBOTS
from rl_policy_node.nodes.parameters.schema_run import RUN
from rl_policy_node.nodes.parameters.schema_simulator import SIMULATOR
from rl_policy_node.nodes.parameters.schema_terms import TERMS

__all__ = ['BLANK', 'FROM_RUN', 'INF', 'PARAMETERS', 'Parameter', 'REQUIRED', 'find']

PARAMETERS: Final = (*RUN, *ROBOTS, *TERMS, *ACTIONS, *SIMULATOR)


def find(name: str) -> Parameter | None:
    """Return the declaration that a parameter's name falls under, or None."""
    exact = [p for p in PARAMETERS if p.name == name]
    if exact:
        return exact[0]
    names = name.split('.')
    for parameter in PARAMETERS:
        parts = parameter.name.split('.')
        if len(parts) == len(names) and all(part in ('*', each) for part, each in zip(parts, names)):
            return parameter
    return None
