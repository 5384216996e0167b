# SPDX-License-Identifier: Apache-2.0
"""A field of a source, unchanged or in the form of training."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rl_policy_node.control.arrays import Array, Mask, Shape, Sources
from rl_policy_node.control.context import Context
from rl_policy_node.control.terms.kind import Kind, Reader, Setting
from rl_policy_node.control.terms.pixels import image_steps, ImageOptions
from rl_policy_node.control.terms.quaternions import QuaternionForm, QuaternionOptions
from rl_policy_node.control.terms.tare import Tare, TareOptions
from rl_policy_node.control.terms.term_options import ELEMENTS, FIELD, JOINTS, Read, SHAPE, SOURCE, TermOptions
from rl_policy_node.errors import ConfigurationError
from rl_policy_node.options import group, option


@dataclass(frozen=True, kw_only=True)
class FieldOptions(TermOptions):
    """The field, the numbers picked from it, and their processing."""

    source: str = option('', SOURCE, required=True)
    field: str = option('', FIELD, required=True)
    joints: tuple[str, ...] = option((), **JOINTS)
    elements: tuple[int, ...] = option((), ELEMENTS, low=0)
    shape: tuple[int, ...] = option((), SHAPE, low=1)
    orientations: QuaternionOptions = group(QuaternionOptions)
    images: ImageOptions = group(ImageOptions)
    tare: TareOptions = group(TareOptions)

    def check(self, where: str) -> None:
        self.tare.check(where)
        if self.joints and self.elements:
            raise ConfigurationError(f'{where}: joints and elements are both stated; numbers are picked by one of them')

    def reads(self) -> tuple[Read, ...]:
        return (Read(self.source, self.field, self.joints, self.shape or None),)

    def sent_shape(self, trained: Shape, history: int) -> Shape | None:
        if self.elements or self.images.reshape:
            return None
        if history == 1:
            return tuple(trained)
        return tuple(trained[1:]) if len(trained) > 1 else (trained[0] // history,)


class Field(Kind[FieldOptions]):
    """A field of a source: joints picked by name, other numbers by position, in the field's unit.

    Then follow, where configured: quaternion order and sign, image steps, subtraction of the tare. With `offset`
    it is Isaac Lab's `joint_pos_rel`.
    """

    option_class = FieldOptions
    description = 'the field of a source (Isaac Lab: `joint_pos`, with `offset` `joint_pos_rel`)'

    def __init__(self, options: FieldOptions, setting: Setting, where: str) -> None:
        (read,) = options.reads()
        self._reader = Reader(read, where, setting, options.elements)
        shape = tuple(self._reader.shape)
        if not options.orientations.plain and (shape != (4,) or options.joints):
            raise ConfigurationError(
                f'{where}: convention and unique_sign are for quaternions, four numbers x, y, z, '
                f'w; the field {read} has the shape {shape}'
            )
        self._form = None if options.orientations.plain else QuaternionForm(options.orientations)
        self._steps, self.shape = image_steps(options.images, shape, where, str(read))
        self.tare = Tare(setting.rows, self.shape, options.tare) if options.tare.difference_to_tare else None
        self.invertible = not self._steps and self.tare is None

    def compute(self, sources: Sources, _context: Context) -> Array:
        value = self.untared(sources)
        return value if self.tare is None else value.astype(np.float32) - self.tare.zero

    def untared(self, sources: Sources) -> Array:
        """Return the value without subtracting the tare."""
        value = self._reader(sources)
        if self._form is not None:
            value = self._form(value)
        for step in self._steps:
            value = step(value)
        return value

    def invert(self, value: Array, sources: Sources) -> None:
        self._reader.write(value if self._form is None else self._form.invert(value), sources)

    def feed_tare(self, sources: Sources, rows: Mask) -> None:
        """Count the messages of rows (mask) for their tare."""
        tare = self.tare
        if tare is not None and (tare.wanted & rows).any():
            tare.feed(self.untared(sources), self._reader.received(sources), rows)
