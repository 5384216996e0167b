# SPDX-License-Identifier: Apache-2.0
"""Lets an environment replace the robots of a parameter file, and checks that it can."""

from collections.abc import Mapping

from rl_policy_node.core.assemble import build_managers
from rl_policy_node.core.mirror import Mirror
from rl_policy_node.core.raw_mirror import RawMirror
from rl_policy_node.errors import ConfigurationError
from rl_policy_node.nodes.interfaces import Environment
from rl_policy_node.nodes.parameters.configuration import Configuration
from rl_policy_node.nodes.topics.source import Source


def input_shapes(configuration: Configuration, environment: Environment) -> dict[str, tuple[int, ...]]:
    """Return input → shape of a row, for the policy's inputs.

    With raw state, which does without observations, those that the environment has too. Raises ConfigurationError for
    missing inputs, and for another control rate.
    """
    control, name = configuration.control, configuration.sim.environment.name
    have, rate = environment.shapes, environment.control_rate
    missing = sorted(set(control.inputs) - set(have))
    if missing and not configuration.sim.raw_state:
        raise ConfigurationError(
            f"inputs {missing} are not observations of sim.environment '{name}'; it has {sorted(have)}"
        )
    if rate is not None and abs(rate - control.rate) > 1e-6:
        raise ConfigurationError(f"control_rate is {control.rate:g} Hz; sim.environment '{name}' steps at {rate:g} Hz")
    return {name: have[name] for name in control.inputs if name in have}


def robots_side(
    configuration: Configuration,
    environment: Environment,
    sources: Mapping[str, Source],
    shapes: Mapping[str, tuple[int, ...]],
) -> Mirror | RawMirror:
    """Return what measures and obeys in place of the robots. shapes: of the policy's inputs.

    Raises ConfigurationError if the environment offers no raw state, and the file asks for it.
    """
    control, sim = configuration.control, configuration.sim
    if not sim.raw_state:
        return Mirror(build_managers(control, sources, shapes, environment.actions, environment.num_actions))
    raw = environment.raw
    if environment.scene is None or raw is None:
        raise ConfigurationError(
            f"sim.raw_state is true, and sim.environment '{sim.environment.name}' offers no raw state; expected an "
            'environment that has a scene, or false: its observations are then turned round'
        )
    return RawMirror(control, sources, environment.scene, raw, sim.sensors, environment.actions)
