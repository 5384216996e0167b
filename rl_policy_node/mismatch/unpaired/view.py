# SPDX-License-Identifier: Apache-2.0
"""A recording as the hypotheses see it: the newest numbers of all small terms side by side, and which steps follow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from rl_policy_node.mismatch.case import Indices
from rl_policy_node.mismatch.recording import Recording, TermTrack
from rl_policy_node.mismatch.series import Floats, Mask

MOST = 64  # numbers of a term that hypotheses look at one by one; of larger ones, such as images, only figures are told
YOUNG = 24  # steps from the begin of an episode
_SAME_PERIOD = 0.1  # share of a period by which two steps may lie apart more or less than usual


@dataclass(frozen=True)
class Part:
    """A term among the columns of a view. names: of its numbers. quaternion: its convention, '' for none."""

    name: str
    columns: slice
    track: TermTrack
    names: tuple[str, ...]

    @property
    def size(self) -> int:
        """How many numbers."""
        return int(self.columns.stop - self.columns.start)

    @property
    def quaternion(self) -> str:
        """The convention of a quaternion, '' where it is none."""
        found = self.track.spec.get('field') == 'orientation' and self.size == 4
        return str(self.track.spec.get('convention', 'xyzw')) if found else ''

    @property
    def w(self) -> int:
        """Where the w of a quaternion is."""
        return 0 if self.quaternion == 'wxyz' else 3

    @property
    def vector(self) -> bool:
        """Whether it is one vector of space, not scaled otherwise along each axis."""
        plain = self.size == 3 and self.names == ('x', 'y', 'z')
        return plain and len(set(self.track.scale)) < 2 and not any(self.track.offset)


@dataclass(frozen=True, eq=False)
class View:
    """The numbers x (T, N, n) of a recording's terms, and its commands c (T, N, m), where it has none its actions.

    begins (T, N): the first step of an episode, as far as the policy was told. steps (T, N): whether t is followed by
    t + 1 a period later in the same episode, and was acted on. young (T, N): steps soon after a begin, where a fault
    has not led the robot astray yet. period: s, the usual one.
    """

    parts: tuple[Part, ...]
    x: Floats
    c: Floats
    names: tuple[str, ...]
    begins: Mask
    steps: Mask
    young: Mask
    period: float

    @classmethod
    def of(cls, recording: Recording) -> View:
        """Return the view of a recording."""
        parts = tuple(_parts(recording))
        columns = [recording.values(part.name)[:, :, -part.size :].astype(np.float64) for part in parts]
        x = np.concatenate(columns, axis=2)
        command = dict(_commands(recording))
        names = tuple(f'{name} {number}' for name, value in command.items() for number in range(value.shape[2]))
        gaps = np.diff(recording.time)
        period = float(np.median(gaps)) if len(gaps) else 1.0 / recording.rate
        steady = np.abs(gaps - period) < _SAME_PERIOD * period
        good = np.isfinite(x).all(axis=2) & recording.acted
        steps = np.zeros(good.shape, dtype=bool)
        steps[:-1] = good[:-1] & good[1:] & ~recording.reset[1:] & steady[:, np.newaxis]
        begins = recording.reset & good
        young = _age(steps) < YOUNG
        return cls(parts, x, np.concatenate(list(command.values()), axis=2), names, begins, steps, young, period)

    def with_x(self, x: Floats, known: Mask | None = None) -> View:
        """Return the view of other numbers; known (T, N): where there are any."""
        if known is None:
            return replace(self, x=x)
        steps = self.steps & known
        steps[:-1] &= known[1:]
        return replace(self, x=x, steps=steps, begins=self.begins & known)

    def whole(self) -> View:
        """Return the view whose steps count however old an episode is."""
        return replace(self, young=np.ones_like(self.young))

    def with_c(self, c: Floats, known: Mask) -> View:
        """Return the view of other commands; known (T, N): where there are any."""
        return replace(self.with_x(self.x, known), c=c, begins=self.begins)

    def of_rows(self, rows: Indices | slice) -> View:
        """Return the view of some rows."""
        cut = {name: getattr(self, name)[:, rows] for name in ('x', 'c', 'begins', 'steps', 'young')}
        return replace(self, **cut)

    def part(self, name: str) -> Part:
        """Return a term."""
        return next(part for part in self.parts if part.name == name)

    def of_source(self, source: str) -> tuple[Part, ...]:
        """Return the terms that read a source."""
        return tuple(part for part in self.parts if part.track.source == source)

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources that terms read."""
        return tuple(dict.fromkeys(part.track.source for part in self.parts if part.track.source))

    @property
    def episode(self) -> Indices:
        """Number (T, N) of the run of steps without a break that each step belongs to."""
        breaks = np.ones(self.steps.shape, dtype=np.intp)
        breaks[1:] = ~self.steps[:-1]
        return np.cumsum(breaks, axis=0)


def _age(steps: Mask) -> Indices:
    """Return for how many steps (T, N) without a break each one follows others."""
    age = np.zeros(steps.shape, dtype=np.intp)
    for step in range(1, len(steps)):
        age[step] = np.where(steps[step - 1], age[step - 1] + 1, 0)
    return age


def _parts(recording: Recording) -> Iterator[Part]:
    start = 0
    for name, track in recording.terms.items():
        size = track.size // max(1, track.history)
        if not track.source or size > MOST:
            continue
        names = track.labels[-size:]
        yield Part(name, slice(start, start + size), track, names)
        start += size


def _commands(recording: Recording) -> Iterator[tuple[str, Floats]]:
    commands: Mapping[str, Mapping[str, Floats]] = recording.commands or {'action': {'': recording.actions}}
    for action, fields in commands.items():
        for name, value in fields.items():
            yield f'{action} {name}'.strip(), value.astype(np.float64)
