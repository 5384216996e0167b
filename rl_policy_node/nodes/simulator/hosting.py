# SPDX-License-Identifier: Apache-2.0
"""Opens the environment that a configuration names."""

from collections.abc import Callable
import dataclasses
import math

from rl_policy_node.control.control_options import ClipOptions
from rl_policy_node.nodes.interfaces import Environment
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


def as_played(configuration: Configuration, environment: Environment) -> Configuration:
    """Return the configuration with its control rate, and without clips: the environment itself clips."""
    control = configuration.control
    rate = control.timing.control_rate or environment.control_rate
    if not rate:
        # torch, which comes with it, takes a second to import, and is rarely needed
        from rl_policy_node.nodes.policy.loading import run_rate

        rate = run_rate(configuration)
    control = dataclasses.replace(
        control,
        timing=dataclasses.replace(control.timing, control_rate=rate),
        clips=ClipOptions(clip_observations=math.inf, clip_actions=math.inf),
    )
    return dataclasses.replace(configuration, control=control)
