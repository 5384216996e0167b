# SPDX-License-Identifier: Apache-2.0
"""Kinds computed from the last action, time, constants, or the difference of two fields."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rl_policy_node.control.arrays import Array, Sources
from rl_policy_node.control.context import Context
from rl_policy_node.control.terms.kind import elements_of, Kind, Reader, Setting
from rl_policy_node.control.terms.low_pass import LowPass
from rl_policy_node.control.terms.term_options import ELEMENTS, FIELD, JOINTS, Read, SOURCE, TermOptions
from rl_policy_node.errors import ConfigurationError
from rl_policy_node.options import option


@dataclass(frozen=True, kw_only=True)
class LastActionOptions(TermOptions):
    """Which numbers of the action, and their filter."""

    elements: tuple[int, ...] = option((), ELEMENTS, low=0)
    smoothing: float = option(
        1.0,
        'last_action: m · last action + (1 − m) · what was observed before, as a task observes its action after its '
        'own filter (Factory of Isaac Lab: ema_factor); 1: none',
        low=1e-6,
        high=1.0,
    )


class LastAction(Kind[LastActionOptions]):
    """The policy's action at the last step (rows, actions), as its environment clipped it; zeros after a reset.

    It is not the limited command. Isaac Lab's `last_action`; elements pick the numbers of one action term. With a
    smoothing it is filtered over the steps of a row, from zeros after a reset.
    """

    option_class = LastActionOptions
    description = (
        "the policy's last action before any limit of the robot's side, zeros after a reset (Isaac Lab: `last_action`)"
    )

    def __init__(self, options: LastActionOptions, setting: Setting, where: str) -> None:
        self._picked, self.shape = None, (setting.num_actions,)
        if options.elements:
            where = f'{where}.elements'
            self._picked = elements_of(options.elements, self.shape, where, 'the action')
            self.shape = (len(options.elements),)
        if options.smoothing != 1.0:
            self.memory = LowPass(setting.rows, self.shape, options.smoothing)

    def compute(self, _sources: Sources, context: Context) -> Array:
        last = context.last_action if self._picked is None else context.last_action[:, self._picked]
        return last if self.memory is None else self.memory.add(last, context.acting)


@dataclass(frozen=True, kw_only=True)
class DifferenceOptions(TermOptions):
    """The two fields."""

    source: str = option('', SOURCE, required=True)
    field: str = option('', FIELD, required=True)
    minus_source: str = option('', 'difference: source of the subtrahend', required=True)
    minus_field: str = option('', 'difference: field of the subtrahend', required=True)
    joints: tuple[str, ...] = option((), **JOINTS)

    def reads(self) -> tuple[Read, ...]:
        return (Read(self.source, self.field, self.joints), Read(self.minus_source, self.minus_field, self.joints))


class Difference(Kind[DifferenceOptions]):
    """A field minus a field, (rows, n), in their unit: a − b; joints are picked from both by the same names."""

    option_class = DifferenceOptions
    description = '`source`.`field` − `minus_source`.`minus_field`, joints of both by the same names'

    def __init__(self, options: DifferenceOptions, setting: Setting, where: str) -> None:
        self._left, self._right = (Reader(read, where, setting) for read in options.reads())
        if self._left.shape != self._right.shape:
            left, right = options.reads()
            raise ConfigurationError(
                f'{where}: {left} has the shape {self._left.shape}, '
                f'{right} the shape {self._right.shape}; expected the same'
            )
        self.shape = self._left.shape

    def compute(self, sources: Sources, _context: Context) -> Array:
        return self._left(sources).astype(np.float64) - self._right(sources)


@dataclass(frozen=True, kw_only=True)
class PhaseOptions(TermOptions):
    """The clock's frequency."""

    frequency: float = option(0.0, 'phase: cycles per second', unit='Hz', low=0.0, high=1000.0, required=True)


class Phase(Kind[PhaseOptions]):
    """A clock for gaits, (rows, 2): sin 2πft, cos 2πft; f in Hz, t the time since the row's reset, s."""

    option_class = PhaseOptions
    description = (
        'sin 2πft, cos 2πft; f = `frequency`, t = time since the reset (unitree_rl_gym: `sin_phase`, `cos_phase`)'
    )
    shape = (2,)
    timed = True

    def __init__(self, options: PhaseOptions, _setting: Setting, where: str) -> None:
        self._speed = 2 * np.pi * options.frequency

    def compute(self, _sources: Sources, context: Context) -> Array:
        angle = self._speed * np.asarray(context.elapsed)
        return np.stack([np.sin(angle), np.cos(angle)], axis=-1)


@dataclass(frozen=True, kw_only=True)
class ConstantOptions(TermOptions):
    """The numbers."""

    values: tuple[float, ...] = option((), 'constant: the numbers', required=True)


class Constant(Kind[ConstantOptions]):
    """The same numbers at every step, (rows, n)."""

    option_class = ConstantOptions
    description = '`values`, always: what the robot cannot measure and training held, or nearly, constant'

    def __init__(self, options: ConstantOptions, setting: Setting, where: str) -> None:
        self.shape = (len(options.values),)
        self._value = np.tile(np.array(options.values, dtype=np.float32), (setting.rows, 1))

    def compute(self, _sources: Sources, _context: Context) -> Array:
        return self._value
