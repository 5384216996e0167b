# SPDX-License-Identifier: Apache-2.0
"""The samples of one term of one robot, beside the training of the checkpoint."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from rl_policy_node.control.arrays import Floats, Indices
from rl_policy_node.control.distribution import EPSILON
from rl_policy_node.control.terms.term_spec import TermSpec
from rl_policy_node.nodes.doctor.heard import Heard
from rl_policy_node.nodes.topics.row_names import called
from rl_policy_node.options import value_of


@dataclass(frozen=True)
class TermSamples:
    """A term of one robot. values: (samples, n), as the policy gets them. mean, std: (n,) of training; None: unknown.

    robot: in words; '' for the only one. clip: of the input.
    """

    spec: TermSpec
    row: int
    robot: str
    values: Floats
    mean: Floats | None
    std: Floats | None
    clip: float

    @property
    def name(self) -> str:
        """What it is called in a report."""
        return f'terms.{self.spec.name}' + (f' ({self.robot})' if self.robot else '')

    @property
    def median(self) -> Floats:
        """The median of each number."""
        median: Floats = np.median(self.values, axis=0)
        return median

    def label(self, number: int) -> str:
        """Return what a number is called: its joint, or its place."""
        joints = value_of(self.spec.options, 'joints', tuple[str, ...]())
        return f"'{joints[number]}'" if len(joints) == self.values.shape[1] else f'number {number}'

    def listed(self, numbers: Indices) -> str:
        """Return the labels of some numbers (indices), the first four of many."""
        places = numbers.tolist()
        more = f' and {len(places) - 4} more' if len(places) > 4 else ''
        return ', '.join(self.label(place) for place in places[:4]) + more

    def distances(self, values: Floats) -> Floats:
        """Return |z| (n,) of values (n,) in the units of the policy; zeros where training is unknown."""
        if self.mean is None or self.std is None:
            return np.zeros(len(values))
        distances: Floats = np.abs(values - self.mean) / np.sqrt(self.std**2 + EPSILON)
        return distances

    def raw(self, values: Floats) -> Floats:
        """Return values as the source measured them: before offset and scale."""
        return values / _factors(self.spec.scale, 1.0) + _factors(self.spec.offset, 0.0)

    def made(self, raw: Floats) -> Floats:
        """Return what the term makes of measured values, without its clip."""
        return (raw - _factors(self.spec.offset, 0.0)) * _factors(self.spec.scale, 1.0)


def term_samples(heard: Heard) -> Iterator[TermSamples]:
    """Yield each term of each robot that has samples."""
    assert heard.watched is not None  # the doctor has listened
    control = heard.control
    for name, samples in heard.watched.samples.items():
        if not samples:
            continue
        seen, stacked = heard.watched.seen[name], np.stack(samples).astype(np.float64)
        mean, std = heard.moments.get(seen.input, (None, None))
        clip = control.clips.clip_inputs.get(seen.input, control.clips.clip_observations)
        for row in range(control.rows):
            values = stacked[:, row]
            values = values[np.isfinite(values).all(axis=1)]
            if len(values):
                yield TermSamples(
                    control.terms[name],
                    row,
                    called(control, row) if control.rows > 1 else '',
                    values,
                    None if mean is None else mean[seen.columns],
                    None if std is None else std[seen.columns],
                    np.inf if clip is None else clip,
                )


def _factors(numbers: tuple[float, ...], otherwise: float) -> Floats:
    return np.asarray(numbers or (otherwise,), dtype=np.float64)
