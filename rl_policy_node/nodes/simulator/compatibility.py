# SPDX-License-Identifier: Apache-2.0
"""Checks that an environment can replace the robots of a parameter file."""

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.nodes.interfaces import Environment
from rl_policy_node.nodes.parameters.configuration import Configuration


def input_shapes(configuration: Configuration, environment: Environment) -> dict[str, tuple[int, ...]]:
    """Return input → shape of a row, for the policy's inputs.

    Raises ConfigurationError for missing inputs, and for another control rate.
    """
    control, name = configuration.control, configuration.sim.environment.name
    have, rate = environment.shapes, environment.control_rate
    missing = sorted(set(control.inputs) - set(have))
    if missing:
        raise ConfigurationError(
            f"inputs {missing} are not observations of sim.environment '{name}'; it has {sorted(have)}"
        )
    if rate is not None and abs(rate - control.rate) > 1e-6:
        raise ConfigurationError(f"control_rate is {control.rate:g} Hz; sim.environment '{name}' steps at {rate:g} Hz")
    return {name: have[name] for name in control.inputs}
