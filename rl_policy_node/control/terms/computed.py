# SPDX-License-Identifier: Apache-2.0
"""Kinds computed from the last action, time, constants, or the difference of two fields."""
from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rl_policy_node.control.arrays import Array, Sources
from rl_policy_node.control.context import Context
from rl_policy_node.control.terms.kind import elements_of, Kind, Read, Reader, Setting
from rl_policy_node.errors import ConfigurationError

if TYPE_CHECKING:
    from rl_policy_node.control.terms.term_spec import TermSpec


class LastAction(Kind):
    """The policy's action at the last step (rows, actions), as its environment clipped it; zeros after a reset.

    Not the limited command. Isaac Lab's `last_action`; elements pick those of one action term.
    """

    description = "the policy's last action before any limit of the robot's side, zeros after a reset (Isaac Lab: " \
                  '`last_action`)'
    options = ('elements',)

    def __init__(self, spec: TermSpec, setting: Setting) -> None:
        self._picked, self.shape = None, (setting.num_actions,)
        if spec.elements:
            where = f'terms.{spec.name}.elements'
            self._picked = elements_of(spec.elements, self.shape, where, 'the action')
            self.shape = (len(spec.elements),)

    def compute(self, _sources: Sources, context: Context) -> Array:
        return context.last_action if self._picked is None else context.last_action[:, self._picked]


class Difference(Kind):
    """A field minus a field, (rows, n), in their unit: a − b; joints are picked from both by the same names."""

    description = '`source`.`field` − `minus_source`.`minus_field`, joints of both by the same names'
    options = ('source', 'field', 'minus_source', 'minus_field', 'joints')
    required = ('source', 'field', 'minus_source', 'minus_field')

    @staticmethod
    def reads(spec: TermSpec) -> tuple[Read, ...]:
        return (Read(spec.source, spec.field, spec.joints), Read(spec.minus_source, spec.minus_field, spec.joints))

    def __init__(self, spec: TermSpec, setting: Setting) -> None:
        where = f'terms.{spec.name}'
        self._left, self._right = (Reader(read, where, setting) for read in self.reads(spec))
        if self._left.shape != self._right.shape:
            left, right = self.reads(spec)
            raise ConfigurationError(f'{where}: {left} has the shape {self._left.shape}, '
                                     f'{right} the shape {self._right.shape}; expected the same')
        self.shape = self._left.shape

    def compute(self, sources: Sources, _context: Context) -> Array:
        return self._left(sources).astype(np.float64) - self._right(sources)


class Phase(Kind):
    """A clock for gaits, (rows, 2): sin 2πft, cos 2πft; f in Hz, t the time since the row's reset, s."""

    description = 'sin 2πft, cos 2πft; f = `frequency`, t = time since the reset (unitree_rl_gym: `sin_phase`, ' \
                  '`cos_phase`)'
    options = required = ('frequency',)
    shape = (2,)
    timed = True

    def __init__(self, spec: TermSpec, _setting: Setting) -> None:
        self._speed = 2 * np.pi * spec.frequency

    def compute(self, _sources: Sources, context: Context) -> Array:
        angle = self._speed * np.asarray(context.elapsed)
        return np.stack([np.sin(angle), np.cos(angle)], axis=-1)


class Constant(Kind):
    """The same numbers at every step, (rows, n)."""

    description = '`values`, always: what the robot cannot measure and training held, or nearly, constant'
    options = required = ('values',)

    def __init__(self, spec: TermSpec, setting: Setting) -> None:
        self.shape = (len(spec.values),)
        self._value = np.tile(np.array(spec.values, dtype=np.float32), (setting.rows, 1))

    def compute(self, _sources: Sources, _context: Context) -> Array:
        return self._value
