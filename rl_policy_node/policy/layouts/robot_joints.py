# SPDX-License-Identifier: Apache-2.0
"""The joints of a robot in the order of the simulator, which a run's files do not hold."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
import math

from rl_policy_node.errors import ConfigurationError


@dataclass(frozen=True)
class JointLimits:
    """What a description of the robot says of a joint: rad or m, rad/s or m/s, N m or N; NaN where it does not.

    lower and upper of a joint that turns without end are infinite. source: who says so, '' for a file that the user
    names.
    """

    lower: float = math.nan
    upper: float = math.nan
    velocity: float = math.nan
    effort: float = math.nan
    source: str = ''

    @property
    def endless(self) -> bool:
        """Whether the joint turns without end."""
        return math.isinf(self.lower) and math.isinf(self.upper)

    def completed(self, other: 'JointLimits') -> 'JointLimits':
        """Return these limits, with those of `other` in place of NaN."""
        names = ('lower', 'upper', 'velocity', 'effort')
        absent = {name: getattr(other, name) for name in names if math.isnan(getattr(self, name))}
        return replace(self, **absent)


@dataclass(frozen=True)
class RobotJoints:
    """Names in the order of the simulator, and the limits of those that a description of the robot knows.

    source: who says so, in words. positions, velocities: default state of those joints whose simulator says it, rad or
    m, rad/s or m/s. soft: (lower, upper) of its soft limits, rad or m, where it says them apart from the limits.
    """

    names: tuple[str, ...]
    source: str
    limits: Mapping[str, JointLimits] = field(default_factory=dict)
    positions: Mapping[str, float] = field(default_factory=dict)
    velocities: Mapping[str, float] = field(default_factory=dict)
    soft: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        twice = sorted({name for name in self.names if self.names.count(name) > 1})
        if twice or not all(self.names) or not self.names:
            raise ConfigurationError(
                f'{self.source}: joints are {", ".join(map(repr, self.names)) or "none"}; expected the name of '
                f'each joint, once{f"; {twice[0]!r} comes twice" if twice else ""}'
            )
