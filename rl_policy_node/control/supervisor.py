# SPDX-License-Identifier: Apache-2.0
"""Judges the ages of sources: which rows may act, and why the others may not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import numpy as np

from rl_policy_node.control.arrays import Floats, Mask, Stamps
from rl_policy_node.control.reductions import any_true, greatest, least
from rl_policy_node.control.source_buffer import SourceBuffer


class Supervisor:
    """Judges every source of every row.

    A source is bad while its last message was refused. It is stale when nothing came for `max_age` seconds on the
    steady clock, or when the last message was stamped longer ago than that. In lockstep silence means a slow simulator:
    `patience`, s, replaces every max_age, and stamps do not count. period: s, of the control.
    """

    def __init__(self, rows: int, period: float, patience: float | None = None) -> None:
        self.rows, self._patience = rows, patience
        self._all: Mask = np.ones(rows, dtype=bool)
        self._all.flags.writeable = False
        self.future_tolerance = future_tolerance(period)

    def assess(
        self, sources: Mapping[str, SourceBuffer], steady_now: float, ros_now: int
    ) -> tuple[Mask, dict[int, str]]:
        """Return (healthy mask (rows,), read-only, reasons: row → str for the others).

        steady_now: s on the clock of SourceBuffer.received. ros_now: ns on the clock of the stamps.
        """
        healthy = self._all
        reasons: dict[int, str] = {}
        for name, source in sources.items():
            if self._faultless(source, steady_now, ros_now) or self.reads_as_zero(source):
                continue
            found = self._judge(source, f"source '{name}' ({source.spec.topic})", steady_now, ros_now)
            if found:
                healthy = without(healthy, found)
                reasons = {**found, **reasons}
        return healthy, reasons

    def reads_as_zero(self, source: SourceBuffer) -> bool:
        """Return whether a source is a person's command, which reads as zero when it is stale."""
        return source.spec.stale == 'zero' and self._patience is None

    def zero_stale(self, name: str, source: SourceBuffer, steady_now: float, ros_now: int) -> dict[int, str]:
        """Set the stale rows of a command to zero, without a stamp; return row → a warning."""
        if self._faultless(source, steady_now, ros_now):
            return {}
        found = self._judge(source, f"source '{name}' ({source.spec.topic})", steady_now, ros_now)
        for array in (*source.values.values(), source.stamps):
            array[list(found)] = 0
        return {row: f'{reason}; it reads as zero' for row, reason in found.items()}

    def _faultless(self, source: SourceBuffer, steady_now: float, ros_now: int) -> bool:
        """Return True if the oldest and the newest row already show that `_judge` would find nothing."""
        spec, limit = source.spec, self._patience or source.spec.max_age
        if any_true(source.refused) or steady_now - least(source.received) > limit:
            return False
        if spec.frozen_after is not None and steady_now - least(source.changed) > spec.frozen_after:
            return False
        if self._patience is not None or not spec.use_header_stamp:
            return True
        oldest, newest = least(source.stamps), greatest(source.stamps)
        if oldest <= 0:
            return bool(oldest == newest == 0)
        tolerance = spec.future_tolerance or self.future_tolerance
        return bool((ros_now - oldest) * 1e-9 <= limit and (ros_now - newest) * 1e-9 >= -tolerance)

    def _judge(self, source: SourceBuffer, name: str, steady_now: float, ros_now: int) -> dict[int, str]:
        """Return row → what is wrong with a source; of several faults the gravest."""
        spec, limit = source.spec, self._patience or source.spec.max_age
        age = steady_now - source.received
        reasons = {
            **_reasons(
                age > limit,
                age,
                lambda s: (
                    f'{name} has not sent anything'
                    if np.isinf(s)
                    else f'{name} is stale: nothing for {s:.3f} s, max_age {limit:g} s'
                ),
            ),
            **_old_joints(
                source,
                None if source.parts is None else steady_now - source.parts.received,
                limit,
                lambda joints, s: (
                    f'{name} has not sent the joints {joints}'
                    if np.isinf(s)
                    else f'{name} is stale: nothing of the joints {joints} for {s:.3f} s, max_age {limit:g} s'
                ),
            ),
            **_refused(source, name),
        }
        if spec.frozen_after is not None:
            same = steady_now - source.changed
            reasons = {
                **_reasons(
                    same > spec.frozen_after,
                    same,
                    lambda s: f'{name} is frozen: the same payload for {s:.3f} s, frozen_after {spec.frozen_after:g} s',
                ),
                **reasons,
            }
        if self._patience is None and spec.use_header_stamp:
            stamped = _age(source.stamps, ros_now)
            tolerance = spec.future_tolerance or self.future_tolerance
            reasons = {
                **_reasons(
                    stamped > limit, stamped, lambda s: f'{name} is stale: stamped {s:.3f} s ago, max_age {limit:g} s'
                ),
                **_old_joints(
                    source,
                    None if source.parts is None else _age(source.parts.stamps, ros_now),
                    limit,
                    lambda joints, s: (
                        f'{name} is stale: the joints {joints} were stamped {s:.3f} s ago, max_age {limit:g} s'
                    ),
                ),
                **_reasons(stamped < -tolerance, stamped, lambda s: f'{name} is stamped {-s:.3f} s in the future'),
                **reasons,
            }
        return reasons


def future_tolerance(period: float) -> float:
    """Return the default time, s, by which a stamp may lie ahead of the clock. period: s, of the control."""
    # a simulated clock is a step behind the observations that are stamped with it
    return max(0.1, 2 * period)


def without(mask: Mask, rows: Iterable[int]) -> Mask:
    """Return a copy of a mask in which `rows` (ints) are False, too."""
    less: Mask = mask.copy()
    less[list(rows)] = False
    return less


def _reasons(rows: Mask, values: Floats, text: Callable[[float], str]) -> dict[int, str]:
    """Return row → text(value) for rows (mask); equal values of thousands of rows share one text."""
    if not rows.any():
        return {}
    different, which = np.unique(values[rows], return_inverse=True)
    texts = [text(value) for value in different]
    return dict(zip(np.nonzero(rows)[0].tolist(), map(texts.__getitem__, which.tolist())))


def _age(stamps: Stamps, ros_now: int) -> Floats:
    """Return the ages of stamps (ns), s; 0 without a stamp."""
    return np.asarray(np.where(stamps == 0, 0.0, (ros_now - stamps) * 1e-9))


def _old_joints(
    source: SourceBuffer, age: Floats | None, limit: float, text: Callable[[list[str], float], str]
) -> dict[int, str]:
    """Return row → text(its oldest joints, their age), where joints come in several messages.

    age: (rows, joints), s; None: they come in one.
    """
    reasons: dict[int, str] = {}
    if age is not None:
        for row in np.nonzero((age > limit).any(axis=1))[0].tolist():
            oldest = float(age[row].max())
            reasons[row] = text([source.joints[joint] for joint in np.nonzero(age[row] == oldest)[0].tolist()], oldest)
    return reasons


def _refused(source: SourceBuffer, name: str) -> dict[int, str]:
    if not source.refused.any():
        return {}
    faults = source.last_fault[source.refused].tolist()
    texts = {fault: f'{name} sent what was refused: {fault}' for fault in set(faults)}
    return dict(zip(np.nonzero(source.refused)[0].tolist(), map(texts.__getitem__, faults)))
