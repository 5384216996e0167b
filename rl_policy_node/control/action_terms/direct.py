# SPDX-License-Identifier: Apache-2.0
"""Plain arrays: continuous numbers, and rows of a table chosen by a discrete policy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rl_policy_node.control import limits
from rl_policy_node.control.action_terms.action_options import (
    ActionOptions,
    BoundOptions,
    fallback_value,
    INTEGRATE,
    MAX_VELOCITY,
    OffsetOptions,
)
from rl_policy_node.control.action_terms.action_term import ActionTerm, ARRAYS, NO_SPEEDS, NUMBER, VectorTerm
from rl_policy_node.control.arrays import Array, Axes, Command, Floats, Shape, Sources
from rl_policy_node.errors import ConfigurationError, miscounted
from rl_policy_node.options import option

if TYPE_CHECKING:
    from rl_policy_node.control.action_spec import ActionSpec


@dataclass(frozen=True, kw_only=True)
class RawOptions(OffsetOptions, BoundOptions):
    """The size of the array, its law, limits and fallback."""

    size: int = option(0, 'raw: how many numbers', low=0, required=True)
    integrate: str = option('', INTEGRATE, choices=('none', 'target'))
    max_velocity: tuple[float, ...] = option((), per_axis=True, **MAX_VELOCITY)
    fallback_value: tuple[float, ...] = fallback_value()


class Raw(VectorTerm[RawOptions]):
    """An array: action · scale + offset, within [lower, upper]; a scale of zero leaves a number out.

    integrate: none, or target: last command + action · scale + offset, as IsaacGymEnvs' Quadcopter does
    with its thrusts. Limits: max_velocity (per s) from the last command sent.
    Fallback: the constant fallback_value, at once; what that does is for the user to know (thrusts of zero
    let a quadcopter fall).
    """

    option_class = RawOptions
    message_types = (NUMBER, *ARRAYS)
    field = 'data'
    fallbacks = ('value',)
    needed_limits = ('lower', 'upper', 'max_velocity')
    must_be_limited = False
    zero_scale = True

    @classmethod
    def axes(cls, options: RawOptions) -> int:
        return options.size

    def __init__(self, spec: ActionSpec, joints: Sequence[str] = ()) -> None:
        super().__init__(spec, joints)
        self._velocity = limits.per_axis(self.options.max_velocity)

    def law(self, action: Array, sources: Sources, previous: Command) -> Command:
        """Return {'data': (rows, size)} for an action (rows, size)."""
        command = super().law(action, sources, previous)
        return {'data': previous['data'] + command['data']} if self.options.integrate == 'target' else command

    def limit(self, command: Command, previous: Command, dt: Axes, speed: Command = NO_SPEEDS) -> Command:
        """Return the command within its limits, dt seconds after `previous`."""
        value = command['data']
        if self._velocity is not None:
            value = limits.limit_step(value, previous['data'], self._velocity * dt)
        return self.bound({'data': value})


@dataclass(frozen=True, kw_only=True)
class DiscreteOptions(ActionOptions):
    """The command of each choice, and the fallback."""

    table: tuple[float, ...] = option(
        (), 'discrete: the command of each choice, one after the other', unit="the command's", required=True
    )
    table_columns: int = option(0, 'discrete: numbers of each command in table', low=0, required=True)
    fallback_value: tuple[float, ...] = fallback_value()


class Discrete(ActionTerm[DiscreteOptions]):
    """A choice (one branch of a discrete policy) → its row of `table`: (choices, table_columns).

    A policy of several choices has one such term for each, in order. Fallback: the constant
    fallback_value (table_columns numbers), at once.
    """

    option_class = DiscreteOptions
    message_types = (NUMBER, *ARRAYS)
    fallbacks = ('value',)
    chooses = True

    def __init__(self, spec: ActionSpec, joints: Sequence[str] = ()) -> None:
        super().__init__(spec, joints)
        self._table = np.asarray(self.options.table, dtype=np.float64).reshape(-1, self.options.table_columns)
        self.choices = len(self._table)

    @classmethod
    def numbers(cls, options: DiscreteOptions) -> int:
        return 1

    @classmethod
    def axes(cls, options: DiscreteOptions) -> int:
        return options.table_columns

    @classmethod
    def shapes(cls, options: DiscreteOptions) -> dict[str, Shape]:
        return {'data': (options.table_columns,)}

    @classmethod
    def check(cls, options: DiscreteOptions, spec: ActionSpec, where: str) -> None:
        if len(options.table) % options.table_columns:
            raise miscounted(
                f'{where}.table', len(options.table), f'a multiple of table_columns, {options.table_columns}'
            )
        if not np.all(np.isfinite(options.table)):
            raise ConfigurationError(f'{where}.table has a number that is not finite')

    def check_choices(self, count: int) -> None:
        if self.choices != count:
            raise ConfigurationError(
                f'actions.{self.spec.name}.table has {self.choices} rows of '
                f'{self.options.table_columns}; the policy chooses among {count}'
            )

    def command(self, action: Array, sources: Sources, previous: Command) -> Command:
        """Return {'data': (rows, table_columns)} for an action (rows, 1), int64; NaN if the choice does not exist."""
        choice = np.asarray(action)[:, 0]
        valid = (choice >= 0) & (choice < self.choices)
        row = self._table[np.where(valid, choice, 0).astype(np.intp)]
        return {'data': np.where(valid[:, None], row, np.nan)}

    def invert(self, command: Command, sources: Sources) -> Floats:
        """Return the choice (rows, 1), float32, whose command is nearest: exact for the commands of the table."""
        far = np.square(command['data'][:, None, :] - self._table).sum(axis=2)
        choice: Floats = far.argmin(axis=1)[:, None].astype(np.float32)
        return choice

    def irreversible(self) -> str:
        return '' if len(np.unique(self._table, axis=0)) == self.choices else 'two choices have the same command'
