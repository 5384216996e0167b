# SPDX-License-Identifier: Apache-2.0
"""Opens the environment that a configuration names."""

from collections.abc import Callable

from rl_policy_node.nodes.parameters.configuration import Configuration
from rl_policy_node.nodes.simulator import isaacgym_run, isaaclab_run
from rl_policy_node.sim import create_environment
from rl_policy_node.sim.hosted import HostedEnvironment
from rl_policy_node.sim.remote import RemoteEnvironment

# simulator → the function that reads the task from the run
_OF_RUNS = {'isaacgym': isaacgym_run.run_task, 'isaaclab': isaaclab_run.run_task}


def open_environment(
    configuration: Configuration, say: Callable[[str], object] = lambda line: None
) -> HostedEnvironment | RemoteEnvironment:
    """Return the environment of a Configuration, one row for each robot. say(line): gets each line that it prints."""
    spec = configuration.sim.environment
    return create_environment(_OF_RUNS[spec.name](configuration) if spec.name in _OF_RUNS else spec, say)
