# SPDX-License-Identifier: Apache-2.0
"""What is compared: the numbers of one term on both sides, and what else the simulator knows of the scene."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, SupportsIndex, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rl_policy_node.errors import miscounted, unfit, unknown

Floats: TypeAlias = NDArray[np.floating[Any]]
Mask: TypeAlias = NDArray[np.bool_]

CONVENTIONS = ('xyzw', 'wxyz')
SIDES = ('observation', 'command')
_WIDTHS = {'position': 3, 'orientation': 4, 'linear_velocity': 3, 'angular_velocity': 3}


@dataclass(frozen=True, kw_only=True)
class Written:
    """What the parameter file says of the term, so that a remedy can state its options whole.

    kind: of an observation term, empty where it is not known. joints: names in the file's order, empty for numbers that
    are no joints. scale, offset: one for all, one each, or none. convention: order of quaternions, xyzw or wxyz.
    history, history_stride: samples per step, and steps between them. sizes: numbers of each term in one sample, where
    the series is a whole input of several terms that share one history; empty for a single term.
    """

    kind: str = ''
    joints: tuple[str, ...] = ()
    scale: tuple[float, ...] = ()
    offset: tuple[float, ...] = ()
    convention: str = 'xyzw'
    history: int = 1
    history_stride: int = 1
    sizes: tuple[int, ...] = ()

    def check(self, name: str, numbers: int) -> None:
        """Raise ConfigurationError where it does not fit a series of so many numbers."""
        if self.convention not in CONVENTIONS:
            raise unknown('convention', self.convention, CONVENTIONS, name)
        if numbers % self.history:
            raise unfit(f'{name}: history', self.history, f'whole samples of {numbers} numbers')
        size = numbers // self.history
        for option, allowed in (('joints', (0, size)), ('scale', (0, 1, size)), ('offset', (0, 1, size))):
            count = len(getattr(self, option))
            if count not in allowed:
                raise miscounted(f'{name}: {option}', count, ' or '.join(map(str, allowed)))
        if self.sizes and sum(self.sizes) != size:
            raise unfit(f'{name}: sum of sizes', sum(self.sizes), size)


@dataclass(frozen=True, eq=False)
class Series:
    """One observation term, or the commands of one action term, over time.

    expected: (steps, rows, n), what the policy was trained with, such as the simulator's own value. got: (steps, rows,
    n), what the parameter file makes of a robot's messages. begins: (steps, rows), whether an episode begins there.
    side: observation, whose numbers are in the order of training; or command, whose numbers are those of the joints in
    the order of `written.joints`, on both sides. left_out: (steps, rows), samples that are not compared; None for none.
    Raises ConfigurationError where the parts do not fit one another.
    """

    name: str
    expected: Floats
    got: Floats
    begins: Mask
    side: str = 'observation'
    written: Written = field(default_factory=Written)
    left_out: Mask | None = None

    def __post_init__(self) -> None:
        if self.side not in SIDES:
            raise unknown('side', self.side, SIDES, self.name)
        if self.expected.ndim != 3:
            raise unfit(f'{self.name}: expected', self.expected.shape, '(steps, rows, numbers)')
        if self.got.shape != self.expected.shape:
            raise unfit(f'{self.name}: got', self.got.shape, f'{self.expected.shape} like expected')
        for part, mask in (('begins', self.begins), ('left_out', self.left_out)):
            if mask is not None and mask.shape != self.expected.shape[:2]:
                raise unfit(f'{self.name}: {part}', mask.shape, self.expected.shape[:2])
        self.written.check(self.name, self.expected.shape[2])

    @property
    def size(self) -> int:
        """How many numbers one sample of the history has."""
        return int(self.expected.shape[2] // self.written.history)

    def label(self, element: SupportsIndex) -> str:
        """Return what a number of a sample is called: its joint, or its position."""
        return self.written.joints[element] if self.written.joints else f'element {element}'


@dataclass(frozen=True, eq=False, kw_only=True)
class Body:
    """Motion of a body in the world's frame: (steps, rows, 3), m, m/s, rad/s; (steps, rows, 4) x, y, z, w."""

    position: Floats | None = None
    orientation: Floats | None = None
    linear_velocity: Floats | None = None
    angular_velocity: Floats | None = None

    def check(self, name: str, steps: int, rows: int) -> None:
        """Raise ConfigurationError where an array has another shape."""
        for part, width in _WIDTHS.items():
            array = getattr(self, part)
            if array is not None and array.shape != (steps, rows, width):
                raise unfit(f'{name}.{part}', array.shape, (steps, rows, width))


@dataclass(frozen=True, eq=False, kw_only=True)
class Scene:
    """What may explain a difference; every part may be absent, and what needs it is then not tried.

    base: the robot's base. bodies: others, by name. constants: by name, one number per element of the term in the order
    of its expected numbers, such as default joint positions or joint limits: a number found is called by such a name.
    """

    base: Body | None = None
    bodies: Mapping[str, Body] = field(default_factory=dict)
    constants: Mapping[str, Floats] = field(default_factory=dict)

    def check(self, steps: int, rows: int) -> None:
        """Raise ConfigurationError where a body has other steps or rows than a series."""
        for name, body in self.every().items():
            body.check(name, steps, rows)

    def every(self) -> dict[str, Body]:
        """Return the bodies by name, the base last."""
        return {**self.bodies, **({} if self.base is None else {'base': self.base})}
