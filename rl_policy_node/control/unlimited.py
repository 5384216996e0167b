# SPDX-License-Identifier: Apache-2.0
"""Checks that a command has its limits, unless its file spells out that it has none."""

from __future__ import annotations

import math

from rl_policy_node.control.action_spec import ActionSpec, LIMITLESS, NUMBERS
from rl_policy_node.control.action_terms import KINDS
from rl_policy_node.errors import ConfigurationError
from rl_policy_node.options import value_of


def check_limits(spec: ActionSpec) -> None:
    """Raise ConfigurationError if a command lacks a limit and `limits: none` is not spelled out."""
    missing = missing_limits(spec)
    if missing and KINDS[spec.kind].must_be_limited and spec.limits != LIMITLESS:
        raise ConfigurationError(
            f'actions.{spec.name} (kind {spec.kind}): {missing}; state them, or spell out '
            '`limits: none` where nothing can be harmed, as in a simulator'
        )


def missing_limits(spec: ActionSpec) -> str:
    """Return a text that names the joints or axes and their missing limits; '' if no limit is missing."""
    kind = KINDS[spec.kind]
    missing: dict[tuple[str, ...], list[str]] = {}  # joints or axes, () for the whole command → limits
    for name in kind.needed_limits:
        axes = kind.limited_axes(spec.options, name)
        if axes is None:
            continue
        number = value_of(spec.options, name, NUMBERS)
        numbers = number if isinstance(number, tuple) else (number,)
        if axes and len(numbers) == len(spec.joints) and set(axes) < set(spec.joints):
            # joints that turn without end have a place among the numbers, and need none
            numbers = tuple(number for joint, number in zip(spec.joints, numbers) if joint in axes)
        each = numbers * len(axes) if len(numbers) == 1 else numbers or (math.inf,) * len(axes)
        bare = tuple(axis for axis, number in zip(axes, each) if math.isinf(number))
        if bare or not axes and all(map(math.isinf, numbers)):
            missing.setdefault(bare, []).append(name)
    return '; '.join(f'{_named(spec, axes)} no {", ".join(names)}' for axes, names in missing.items())


def _named(spec: ActionSpec, axes: tuple[str, ...]) -> str:
    if not axes:
        return 'it has'
    one, many = ('joint', 'joints') if axes[0] in spec.joints else ('axis', 'axes')
    return f"{one} '{axes[0]}' has" if len(axes) == 1 else f'{many} {", ".join(axes)} have'
