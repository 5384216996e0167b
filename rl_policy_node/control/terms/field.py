# SPDX-License-Identifier: Apache-2.0
"""A field of a source, as it is or as a policy was trained to see it."""
from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rl_policy_node.control.arrays import Array, Mask, Sources
from rl_policy_node.control.context import Context
from rl_policy_node.control.terms import pixels as images
from rl_policy_node.control.terms import quaternions
from rl_policy_node.control.terms.kind import Kind, Read, Reader, Setting
from rl_policy_node.control.terms.tare import Tare

if TYPE_CHECKING:
    from rl_policy_node.control.terms.term_spec import TermSpec


class Field(Kind):
    """A field of a source: joints picked by name, other numbers by position, in the field's unit.

    After that, where configured: quaternion order and sign, image steps, minus the tare. With `offset`
    it is Isaac Lab's `joint_pos_rel`.
    """

    description = 'the field of a source (Isaac Lab: `joint_pos`, with `offset` `joint_pos_rel`)'
    options = ('source', 'field', 'joints', 'elements', 'shape', *quaternions.OPTIONS, *images.OPTIONS,
               'difference_to_tare', 'tare_frames', 'tare_limit', 'tare_on_activate')
    required = ('source', 'field')

    @staticmethod
    def reads(spec: TermSpec) -> tuple[Read, ...]:
        return (Read(spec.source, spec.field, spec.joints, spec.shape or None),)

    def __init__(self, spec: TermSpec, setting: Setting) -> None:
        where = f'terms.{spec.name}'
        self._reader = Reader(self.reads(spec)[0], where, setting, spec.elements)
        self._form = quaternions.quaternion_form(spec, self._reader.shape, where)
        self._steps, self.shape = images.image_steps(spec, self._reader.shape, where)
        self.tare = None if not spec.difference_to_tare else Tare(setting.rows, self.shape, spec.tare_frames,
                                                                  spec.tare_limit)
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
