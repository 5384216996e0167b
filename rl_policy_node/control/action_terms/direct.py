# SPDX-License-Identifier: Apache-2.0
"""Plain arrays: continuous numbers, and rows of a table chosen by a discrete policy."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from rl_policy_node.control import limits
from rl_policy_node.control.action_terms.action_term import ActionTerm, NO_SPEEDS, VectorTerm
from rl_policy_node.control.arrays import Array, Axes, Command, Floats, Shape, Sources
from rl_policy_node.errors import ConfigurationError

if TYPE_CHECKING:
    from rl_policy_node.control.action_spec import ActionSpec


class Raw(VectorTerm):
    """An array: action · scale + offset, within [lower, upper]; a scale of zero leaves a number out.

    integrate: none, or target: last command + action · scale + offset, as IsaacGymEnvs' Quadcopter does
    with its thrusts. Limits: max_velocity (per s) from the last command sent.
    Fallback: the constant fallback_value, at once; what that does is for the user to know (thrusts of zero
    let a quadcopter fall).
    """

    field = 'data'
    fallbacks = ('value',)
    integrals = ('none', 'target')
    required = ('size', 'fallback_value')
    per_axis = ('scale', 'offset', 'lower', 'upper', 'max_velocity', 'fallback_value')
    parameters = ('size', 'smoothing', 'integrate', *per_axis)
    needed_limits = ('lower', 'upper', 'max_velocity')
    must_be_limited = False
    zero_scale = True

    @classmethod
    def axes(cls, spec: ActionSpec) -> int:
        return spec.size

    def __init__(self, spec: ActionSpec, joints: Sequence[str] = ()) -> None:
        super().__init__(spec, joints)
        self._velocity = limits.per_axis(spec.max_velocity)

    def law(self, action: Array, sources: Sources, previous: Command) -> Command:
        """action (rows, size) → {'data': (rows, size)}."""
        command = super().law(action, sources, previous)
        return {'data': previous['data'] + command['data']} if self.spec.integrate == 'target' else command

    def limit(self, command: Command, previous: Command, dt: Axes, speed: Command = NO_SPEEDS) -> Command:
        """Return the command within its limits, dt seconds after `previous`."""
        value = command['data']
        if self._velocity is not None:
            value = limits.limit_step(value, previous['data'], self._velocity * dt)
        return self.bound({'data': value})


class Discrete(ActionTerm):
    """A choice (one branch of a discrete policy) → its row of `table`: (choices, table_columns).

    A policy of several choices has one such term for each, in order. Fallback: the constant
    fallback_value (table_columns numbers), at once.
    """

    fallbacks = ('value',)
    required = ('table', 'table_columns', 'fallback_value')
    per_axis = ('fallback_value',)
    parameters = ('table', 'table_columns', *per_axis)
    scales = ()
    clips = False

    def __init__(self, spec: ActionSpec, joints: Sequence[str] = ()) -> None:
        super().__init__(spec, joints)
        self._table = np.asarray(spec.table, dtype=np.float64).reshape(-1, spec.table_columns)
        self.choices = len(self._table)

    @classmethod
    def numbers(cls, spec: ActionSpec) -> int:
        return 1

    @classmethod
    def axes(cls, spec: ActionSpec) -> int:
        return spec.table_columns

    @classmethod
    def shapes(cls, spec: ActionSpec) -> dict[str, Shape]:
        return {'data': (spec.table_columns,)}

    @classmethod
    def check(cls, spec: ActionSpec, where: str) -> None:
        if len(spec.table) % spec.table_columns:
            raise ConfigurationError(f'{where}.table has {len(spec.table)} numbers; expected a multiple of '
                                     f'table_columns, {spec.table_columns}')
        if not np.all(np.isfinite(spec.table)):
            raise ConfigurationError(f'{where}.table has a number that is not finite')

    def command(self, action: Array, sources: Sources, previous: Command) -> Command:
        """action (rows, 1), int64 → {'data': (rows, table_columns)}; NaN for a choice that does not exist."""
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
