# SPDX-License-Identifier: Apache-2.0
"""What a sweep varies: one injected imperfection, and the values that it takes."""

from __future__ import annotations

from dataclasses import dataclass, fields
import re
from typing import Final

import numpy as np

from rl_policy_node.control.arrays import Floats
from rl_policy_node.errors import ConfigurationError, unfit, unknown
from rl_policy_node.options import leaves
from rl_policy_node.sim.imperfections import ImperfectionSpec

COUNT: Final = 11  # of values where neither step nor count is stated
_FORM: Final = 'NAME=LOW:HIGH, with :COUNT (a whole number) or :STEP (with a point) behind it'
_REAL_TIME_ONLY: Final = 'rate_drift'
_NOISE: Final = re.compile(r'noise\.[^.]+\.[^.]+')
_WORDS: Final = {
    'latency': 'latency',
    'latency_jitter': 'jitter',
    'command_latency': 'latency of commands',
    'drop': 'lost messages',
    'reorder': 'reordered messages',
}


@dataclass(frozen=True)
class Axis:
    """An imperfection by its parameter, such as sim.latency, and its values, 0 first, each greater than the last."""

    parameter: str
    values: tuple[float, ...]

    @property
    def what(self) -> str:
        """Return what is varied, in words."""
        name = self.parameter.removeprefix('sim.')
        return _WORDS.get(name, name.replace('noise.', 'noise of ').replace('.', ' '))

    @property
    def unit(self) -> str:
        """Return the unit in which `shown` gives values: ms, %, or '' for that of a field."""
        leaf = leaves(ImperfectionSpec).get(self.parameter.removeprefix('sim.'))
        if leaf is None:
            return ''
        return 'ms' if leaf.option.unit == 's' else '%'

    @property
    def factor(self) -> float:
        """Return the factor from the parameter's unit to `unit`."""
        return {'ms': 1e3, '%': 1e2}.get(self.unit, 1.0)

    def shown(self, value: float) -> str:
        """Return a value in its unit, such as `62 ms`."""
        return f'{self.factor * value:.3g} {self.unit}'.rstrip()


def parse_axis(text: str, period: float) -> Axis:
    """Return the Axis of NAME=LOW:HIGH[:COUNT or :STEP]; 0 is always its first value.

    period: s, of the control: constant delays are whole periods in simulated time. Raises ConfigurationError.
    """
    name, equals, span = text.partition('=')
    below = name.removeprefix('sim.')
    known = {each.name for each in fields(ImperfectionSpec)} - {'noise', _REAL_TIME_ONLY}
    if below not in known and not _NOISE.fullmatch(below):
        raise unknown('imperfection', name, [*(f'sim.{each}' for each in known), 'sim.noise.SOURCE.FIELD'], '--sweep')
    parts = span.split(':')
    try:
        low, high, *more = (float(part) for part in parts)
    except ValueError:
        raise ConfigurationError(f"--sweep '{text}'; expected {_FORM}, such as sim.latency=0:0.2") from None
    if not equals or len(more) > 1:
        raise ConfigurationError(f"--sweep '{text}'; expected {_FORM}, such as sim.latency=0:0.2")
    if not 0.0 <= low < high or more and more[0] <= 0.0:
        raise unfit(f'--sweep {name}', span, 'LOW from 0 on, HIGH above it, and a step or count above 0')
    values = _spread(low, high, parts[2] if more else str(COUNT))
    if below in ('latency', 'command_latency'):
        values = np.rint(values / period) * period
    kept = sorted({0.0, *(float(f'{value:.9g}') for value in values)})
    if len(kept) < 2:
        raise unfit(f'--sweep {name}', span, f'a HIGH of a period of the control, {period:.4g} s, or more')
    return Axis(f'sim.{below}', tuple(kept))


def _spread(low: float, high: float, fineness: str) -> Floats:
    """Return values from low to high. fineness: how many, if it is a whole number, else the step between them."""
    if fineness.strip().isdigit():
        return np.linspace(low, high, max(int(fineness), 2))
    step = float(fineness)
    return low + step * np.arange(int((high - low) / step + 1e-9) + 1)
