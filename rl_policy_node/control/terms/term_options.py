# SPDX-License-Identifier: Apache-2.0
"""The base of the options of term kinds, and options that several kinds have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from rl_policy_node.control.arrays import Shape
from rl_policy_node.options import option, TO_JOINTS

SOURCE: Final = 'its source'
FIELD: Final = (
    'field of the source; of kinds that need a position or an orientation, by default `position`, `orientation`'
)
JOINTS: Final[dict[str, Any]] = {
    'description': "joints by name, in the order of training; {robot} in a name is the robot's namespace",
    'refers_to': TO_JOINTS,
}
ELEMENTS: Final = 'numbers of the field (or of the last action) by position, from 0'
SHAPE: Final = (
    'shape of the field in the source (of a function: of its result); by default that of the input, where '
    'it has no other term'
)
FRAME_SOURCE: Final = "source of the frame's pose; rotate: by default the vector's"


@dataclass(frozen=True)
class Read:
    """A field that a term reads from a source. shape: of one robot's value, None: as in the source."""

    source: str
    field: str
    joints: tuple[str, ...] = ()
    shape: Shape | None = None

    def __str__(self) -> str:
        return f'{self.source}.{self.field}'


@dataclass(frozen=True, kw_only=True)
class TermOptions:
    """The options of a kind; each kind has a subclass with its own."""

    def check(self, where: str) -> None:
        """Raise ConfigurationError for incompatible values."""

    def reads(self) -> tuple[Read, ...]:
        """Return the Reads of the term."""
        return ()

    def sent_shape(self, _trained: Shape, _history: int) -> Shape | None:
        """Return the shape of the field in the source, for the only term of an input; None: it does not follow."""
        return None


@dataclass(frozen=True, kw_only=True)
class OneSourceOptions(TermOptions):
    """A source."""

    source: str = option('', SOURCE, required=True)


@dataclass(frozen=True, kw_only=True)
class SourceOptions(OneSourceOptions):
    """Numbers of a field of a source, by position."""

    field: str = option('', FIELD)
    elements: tuple[int, ...] = option((), ELEMENTS, low=0)


@dataclass(frozen=True, kw_only=True)
class PlaceOptions(TermOptions):
    """The orientation of a frame."""

    frame_source: str = option('', FRAME_SOURCE)
    frame_orientation: str = option('orientation', "field of the frame's orientation")


@dataclass(frozen=True, kw_only=True)
class FrameOptions(PlaceOptions):
    """The orientation of a frame, or only its rotation about z."""

    yaw_only: bool = option(False, "keep of the frame's orientation the turn about z")
