# SPDX-License-Identifier: Apache-2.0
"""Compares a parameter file with a recording of a simulator, term by term."""

from __future__ import annotations

from collections.abc import Callable, Mapping
import contextlib
from dataclasses import dataclass

from rl_policy_node.control.specs import ControlSpec
from rl_policy_node.core.sensor_spec import SensorSpec
from rl_policy_node.errors import ConfigurationError
from rl_policy_node.nodes.topics.driver_messages import DriverMessages
from rl_policy_node.options import value_of
from rl_policy_node.tools.verify.compared_commands import Commands
from rl_policy_node.tools.verify.compared_terms import Observed, observed_terms
from rl_policy_node.tools.verify.driver_values import measure
from rl_policy_node.tools.verify.finding import Finding
from rl_policy_node.tools.verify.played_steps import Recording
from rl_policy_node.tools.verify.replay import Carry, replay
from rl_policy_node.tools.verify.robot_side import Messages, RobotSide
from rl_policy_node.tools.verify.surroundings import Surroundings


def directly(side: RobotSide) -> contextlib.AbstractContextManager[Carry]:
    """Carry messages from the drivers to what reads them in this process."""

    def carry(messages: Messages) -> Messages:
        return messages

    return contextlib.nullcontext(carry)


@dataclass(frozen=True)
class Comparing:
    """How to compare. seed: of the drivers' order of joints and signs. signs: whether these are drawn for each message.

    tolerance: greatest difference that counts as none, relative beyond 1. first_steps: of each episode, in which
    observations are not compared. carrier: opens the way of the messages.
    """

    seed: int = 0
    signs: bool = True
    tolerance: float = 1e-5
    first_steps: int = 0
    carrier: Callable[[RobotSide], contextlib.AbstractContextManager[Carry]] = directly

    def findings(self, control: ControlSpec, stated: Mapping[str, SensorSpec], recording: Recording) -> list[Finding]:
        """Return the Finding of each observation term, in the order of the inputs, and of each action term.

        control: complete. stated: source → the part of the simulator that it measures. Raises ConfigurationError where
        the file does not fit itself.
        """
        side = RobotSide(control, recording.shapes, recording.actions.shape[2])
        measured, lacking = measure(control, side.sources, recording, stated)
        if not measured:
            raise ConfigurationError(f'nothing can be checked: {next(iter(lacking.values()))}')
        renamed = {robot: simulated for spec in stated.values() for robot, simulated in spec.renamed().items()}
        commands = Commands(side, recording, renamed, lacking)
        side.laws = {name: law for name, law in side.laws.items() if name in commands.targets}
        drivers = DriverMessages(control, side.sources, self.seed, self.signs)
        with self.carrier(side) as carry:
            computed = replay(side, recording, measured, drivers, carry)
        surroundings = Surroundings(recording)
        found = []
        for term in observed_terms(side, recording, computed.inputs, lacking, self.first_steps):
            if isinstance(term, Observed):
                joints = value_of(term.spec.options, 'joints', tuple[str, ...]())
                scene = surroundings.scene([renamed.get(joint, joint) for joint in joints])
                term = term.finding(scene, self.tolerance, self.signs)
            found.append(term)
        return [*found, *commands.compared(computed, surroundings, self.tolerance), *commands.findings]
