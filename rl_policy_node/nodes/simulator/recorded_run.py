# SPDX-License-Identifier: Apache-2.0
"""Opens the recording of a run of the bridge, and says in it what is played."""

from __future__ import annotations

import dataclasses
from typing import Final, TYPE_CHECKING

from rclpy.node import Node

from rl_policy_node.control.action_spec import ActionSpec
from rl_policy_node.control.specs import SourceSpec
from rl_policy_node.nodes.parameters.configuration import Configuration
from rl_policy_node.nodes.parameters.parsing import values_of
from rl_policy_node.nodes.policy.record.record_options import need_libraries
from rl_policy_node.nodes.policy.tracks import row_names
from rl_policy_node.nodes.self_description import machine, versions
from rl_policy_node.nodes.topics.naming import row_groups, spec_topic

if TYPE_CHECKING:  # it needs what only a recording needs
    from rl_policy_node.nodes.simulator.run_recording import RunRecording

SCHEMA: Final = 1  # of the description; rises when a key changes its meaning


def open_recording(node: Node, configuration: Configuration) -> RunRecording | None:
    """Return the recording of a run, None if none is wanted; raises ConfigurationError if a library is missing."""
    play = configuration.sim.play
    if not play.record:
        return None
    need_libraries(f"sim.record is '{play.record}', and recording", 'sim.record')
    from rl_policy_node.nodes.simulator.run_recording import Run, RunRecording

    name, period = node.get_fully_qualified_name(), 1.0 / configuration.control.rate
    run = Run(name, _described(node, configuration), period, play.lockstep)
    return RunRecording(run, dataclasses.replace(configuration.record, directory=play.record), node.get_logger())


def _described(node: Node, configuration: Configuration) -> dict[str, object]:
    """Return the content of ~/metadata."""
    control, sim = configuration.control, configuration.sim

    def described(spec: SourceSpec | ActionSpec) -> dict[str, object]:
        robots = [control.robots[rows.start] for rows in row_groups(spec.rows, control.rows)]
        return {'type': spec.type, 'topics': [node.resolve_topic_name(spec_topic(spec, robot)) for robot in robots]}

    return {
        'schema': SCHEMA,
        'environment': sim.environment.name,
        'rows': control.rows,
        'robots': row_names(control, range(control.rows)),
        'control_rate': control.timing.control_rate,
        'mode': sim.play.mode,
        'seed': sim.environment.seed,
        'imperfections': sim.imperfections.stated(),
        'sources': {name: described(spec) for name, spec in control.sources.items()},
        'commands': {action.name: described(action) for action in control.actions},
        'versions': versions('mujoco', 'gymnasium'),
        'machine': machine(),
        'parameters': values_of(node),
    }
