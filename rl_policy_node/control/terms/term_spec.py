# SPDX-License-Identifier: Apache-2.0
"""Typed, validated configuration of an observation term."""
from dataclasses import dataclass, fields
import math

from rl_policy_node.control.arrays import Shape
from rl_policy_node.control.terms.frames import AXES
from rl_policy_node.control.terms.kind import Read
from rl_policy_node.control.terms.kinds import KINDS
from rl_policy_node.control.terms.pixels import LAYOUTS
from rl_policy_node.control.terms.quaternions import CONVENTIONS
from rl_policy_node.control.terms.rotations import SIX
from rl_policy_node.errors import ConfigurationError, unknown

TERM_KINDS = tuple(KINDS)
CHOICES: dict[str, tuple[str, ...]] = {
    'convention': tuple(CONVENTIONS), 'layout': LAYOUTS, 'axes': AXES, 'six_d': tuple(SIX)}
# options of every kind
COMMON = ('name', 'kind', 'offset', 'clip', 'clip_range', 'scale', 'history', 'history_stride')


@dataclass(frozen=True)
class TermSpec:
    """One named piece of an input: its kind's value, − offset → clip → × scale → history.

    The parameters explain each option; each kind lists the options that it takes, and others are refused.
    """

    name: str
    kind: str = 'field'
    source: str = ''
    field: str = ''
    joints: tuple[str, ...] = ()
    elements: tuple[int, ...] = ()
    shape: tuple[int, ...] = ()
    offset: tuple[float, ...] = ()
    clip: float = math.inf
    clip_range: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()
    history: int = 1
    history_stride: int = 1
    convention: str = 'xyzw'
    unique_sign: bool = False
    crop: tuple[int, ...] = ()
    depth_clip: tuple[float, ...] = ()
    resize: tuple[int, ...] = ()
    subsample: int = 1
    channels: tuple[int, ...] = ()
    grey: bool = False
    zero_channels: tuple[int, ...] = ()
    layout: str = 'hwc'
    difference_to_tare: bool = False
    tare_frames: int = 10
    tare_limit: float = math.inf
    tare_on_activate: bool = True
    orientation: str = 'orientation'
    frame_source: str = ''
    frame_position: str = 'position'
    frame_orientation: str = 'orientation'
    yaw_only: bool = False
    axes: str = 'frame'
    inverse: bool = True
    six_d: str = 'columns'
    minus_source: str = ''
    minus_field: str = ''
    frequency: float = 0.0
    values: tuple[float, ...] = ()
    function: str = ''
    fields: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        where = f'terms.{self.name}'
        if self.kind not in KINDS:
            raise unknown('kind', self.kind, KINDS, where)
        self._check_options(where)
        for name, valid in CHOICES.items():
            if getattr(self, name) not in valid:
                raise unknown(name, getattr(self, name), valid, where)
        for name in ('history', 'history_stride', 'tare_frames'):
            if getattr(self, name) < 1:
                raise ConfigurationError(f'{where}.{name} is {getattr(self, name)}; expected 1 or more')
        if not self.tare_limit > 0:
            raise ConfigurationError(f'{where}.tare_limit is {self.tare_limit}; expected a number above 0')
        self._check_picked(where)
        if self.clip_range and not (len(self.clip_range) == 2 and self.clip_range[0] < self.clip_range[1]):
            raise ConfigurationError(f'{where}.clip_range is {list(self.clip_range)}; expected [least, greatest]')
        if self.clip_range and math.isfinite(self.clip):
            raise ConfigurationError(f'{where}: clip and clip_range are both stated; one of them is to be')

    def _check_options(self, where: str) -> None:
        kind = KINDS[self.kind]
        if not all(getattr(self, name) for name in kind.required):
            raise ConfigurationError(f'{where}: kind {self.kind} needs {" and ".join(kind.required)}')
        for option in fields(self):
            given = getattr(self, option.name) != option.default
            if given and option.name not in COMMON and option.name not in kind.options:
                raise unknown('option', option.name, (*COMMON[2:], *kind.options), f'{where} (kind {self.kind})')

    def _check_picked(self, where: str) -> None:
        if len(set(self.joints)) != len(self.joints):
            raise ConfigurationError(f'{where}.joints names a joint twice: {list(self.joints)}')
        if self.joints and self.elements:
            raise ConfigurationError(f'{where}: joints and elements are both stated; numbers are picked by one of them')
        odd = [field for field in self.fields if not all(field.partition('.'))]
        if odd:
            raise ConfigurationError(f'{where}.fields names {odd}; expected source.field')

    @property
    def reads(self) -> tuple[Read, ...]:
        """The Reads of this term: the fields that its sources must carry."""
        return KINDS[self.kind].reads(self)

    def sent_shape(self, trained: Shape) -> Shape | None:
        """Return the shape of the field in the source, for the only term of an input trained with a shape.

        None where it does not follow: the term must then state its shape.
        """
        changed = (self.elements or self.crop or self.resize or self.subsample != 1 or self.channels or self.grey
                   or self.layout != 'hwc')
        if self.kind != 'field' or changed:
            return None
        if self.history == 1:
            return tuple(trained)
        return tuple(trained[1:]) if len(trained) > 1 else (trained[0] // self.history,)
