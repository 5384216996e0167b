# SPDX-License-Identifier: Apache-2.0
"""The part of a simulator's raw state that a source measures."""

from dataclasses import dataclass
from typing import Final

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.options import option

# kinds of parts
PARTS: Final = ('articulation', 'body', 'sensor', 'command')


@dataclass(frozen=True)
class SensorSpec:
    """The part of the simulator that a source measures; where none is stated, the only one that fits."""

    name: str
    articulation: str = option('', 'articulation of the simulator whose joints the source measures')
    body: str = option(
        '',
        'body of the simulator whose pose, velocities or acceleration the source measures: articulation/link, or the '
        'name of an object',
    )
    frame: str = option(
        '', "with body: the body in whose frame its pose is; empty: the world, the origin of the row's environment"
    )
    sensor: str = option('', 'sensor of the simulator, such as a camera')
    command: str = option('', 'command of the simulator, such as the velocity that it asks of the robot')
    joint_names: tuple[str, ...] = option(
        (), "sim=robot: names of the simulator's joints that the parameter file names otherwise"
    )

    def __post_init__(self) -> None:
        where = f'sim.sensors.{self.name}'
        parts = [name for name in PARTS if getattr(self, name)]
        if len(parts) > 1:
            raise ConfigurationError(f'{where} states {parts}; a source measures one of them')
        if self.frame and not self.body:
            raise ConfigurationError(f"{where}.frame is '{self.frame}'; it counts with body only")
        for entry in self.joint_names:
            if [bool(name.strip()) for name in entry.split('=')] != [True, True]:
                raise ConfigurationError(f"{where}.joint_names has '{entry}'; expected sim=robot")

    def part(self) -> tuple[str, str, str]:
        """Return the kind of the part, its name and its frame; '' for what is not stated."""
        return next(((kind, getattr(self, kind), self.frame) for kind in PARTS if getattr(self, kind)), ('', '', ''))

    def renamed(self) -> dict[str, str]:
        """Return joint of the parameter file → its name in the simulator, of those that differ."""
        pairs = (entry.split('=') for entry in self.joint_names)
        return {robot.strip(): simulated.strip() for simulated, robot in pairs}
