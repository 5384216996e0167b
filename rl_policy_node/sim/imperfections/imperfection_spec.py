# SPDX-License-Identifier: Apache-2.0
"""The imperfections to inject: parameters below `sim`."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Final

from rl_policy_node.options import option

_SECONDS: Final = ('latency', 'latency_jitter', 'command_latency')


@dataclass(frozen=True)
class ImperfectionSpec:
    """How a simulator differs from perfect sensors on a perfect network.

    Times in s, shares from 0 to 1; noise: source → field → standard deviation, in the field's unit.
    """

    latency: float = option(
        0.0,
        'delay of an observation; in real time it bears the stamp of its measurement, in '
        'lockstep, in simulated time, that of its arrival',
        unit='s',
        low=0.0,
        high=10.0,
    )
    latency_jitter: float = option(
        0.0, 'greatest additional random delay of an observation', unit='s', low=0.0, high=10.0
    )
    command_latency: float = option(
        0.0, 'delay of a command, in whole periods, rounded up', unit='s', low=0.0, high=10.0
    )
    drop: float = option(0.0, 'share of the messages of sources that are lost', low=0.0, high=1.0)
    reorder: float = option(
        0.0, 'share of the messages of sources that arrive a period after their successor', low=0.0, high=1.0
    )
    rate_drift: float = option(
        0.0, "greatest share by which the simulator's period drifts; real time only", low=0.0, high=0.9
    )
    noise: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def stated(self) -> dict[str, float]:
        """Return the parameters that are not zero: name below `sim` → value."""
        plain = {entry.name: getattr(self, entry.name) for entry in fields(self) if entry.name != 'noise'}
        noise = {f'noise.{source}.{name}': std for source, stds in self.noise.items() for name, std in stds.items()}
        return {name: value for name, value in {**plain, **noise}.items() if value}

    def __str__(self) -> str:
        return ', '.join(f'{name} {value:g}{" s" * (name in _SECONDS)}' for name, value in self.stated().items())
