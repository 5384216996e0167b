# SPDX-License-Identifier: Apache-2.0
"""The robots' side of a configuration, played by the raw state of a simulator."""

from __future__ import annotations

from collections.abc import Mapping

from rl_policy_node.control.action_manager import ActionManager, Commands
from rl_policy_node.control.action_sizes import ActionSize
from rl_policy_node.control.action_terms import KINDS
from rl_policy_node.control.arrays import Floats, Values
from rl_policy_node.control.specs import ControlSpec
from rl_policy_node.core.direct_commands import DirectCommands
from rl_policy_node.core.protocols import Source
from rl_policy_node.core.raw_scene import Described, Scene
from rl_policy_node.core.raw_state import RawState
from rl_policy_node.core.reverse_actions import ReverseActions
from rl_policy_node.core.sensor_spec import SensorSpec


class RawMirror:
    """Measures what a robot's drivers would, and obeys commands: like Mirror, but no observation term is inverted.

    The simulator's own terms obey commands where they can (DirectCommands); otherwise the file's action terms are
    inverted. note: says which, and why. Raises ConfigurationError if a source has no part in the simulator, or if
    neither way leads from the commands to the action.
    """

    def __init__(
        self,
        control: ControlSpec,
        sources: Mapping[str, Source],
        described: Described,
        raw: Values,
        stated: Mapping[str, SensorSpec],
        actions: ActionSize,
    ) -> None:
        """Take the environment's scene, its raw state at any time, and its actions as build_managers has them."""
        scene = Scene(described)
        self._state = RawState(control.sources, sources, scene, raw, stated)
        self._buffers = {name: source.buffer for name, source in sources.items()}
        self._direct = DirectCommands(scene, control.actions, stated)
        uncovered = self._direct.uncovered
        size = actions if uncovered else sum(KINDS[each.kind].numbers(each.options) for each in control.actions)
        joints = {name: source.joints for name, source in sources.items()}
        self._actions = ReverseActions(ActionManager(control, size, self._buffers, joints), self._buffers)
        if uncovered:
            self._actions.check()
        self.note = (
            f'commands are turned back into actions by the scales of the parameter file: {uncovered}'
            if uncovered
            else "the simulator obeys commands through its own action terms, whatever the parameter file's scales"
        )

    def measure(self, raw: Values) -> None:
        """Write the raw state, name → (rows, ...), into the buffers of the sources."""
        self._state.fill(raw)

    def actions(self, commands: Mapping[str, Values]) -> Floats:
        """Return the actions (rows, n) of the simulator that obey these commands."""
        return (self._actions if self._direct.uncovered else self._direct).actions(commands)

    def held(self) -> Commands:
        """Return the commands that hold every robot at its measured position."""
        return self._actions.held()

    def record(self) -> Values:
        """Return the measured values, which are not in the observations: measured/source/field → (rows, ...)."""
        return {
            f'measured/{name}/{field}': value
            for name, buffer in self._buffers.items()
            for field, value in buffer.values.items()
        }
