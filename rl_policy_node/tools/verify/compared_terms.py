# SPDX-License-Identifier: Apache-2.0
"""Each observation term of a file, beside the numbers that the simulator itself gives the policy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from rl_policy_node.control.arrays import Array, Mask, Values
from rl_policy_node.control.terms.term_spec import TermSpec
from rl_policy_node.mismatch import compare, Scene, Series, Written
from rl_policy_node.options import value_of
from rl_policy_node.tools.verify.finding import Finding
from rl_policy_node.tools.verify.places import flat_sizes, Place, places
from rl_policy_node.tools.verify.played_steps import Recording
from rl_policy_node.tools.verify.robot_side import RobotSide

SIDE = 'observation'
_PROBES = 50
_SELDOM = 0.1  # share
_UNIT = 1e-3


@dataclass(frozen=True, eq=False)
class Observed:
    """A term on both sides, or why there is nothing to compare. whole: the simulator's input, (steps, rows, n)."""

    input: str
    spec: TermSpec
    place: Place
    unmeasured: str
    series: Series | None
    whole: Array

    def finding(self, scene: Scene, tolerance: float, signs: bool) -> Finding:
        """Return the Finding of comparing both sides. signs: whether those of quaternions were drawn at random."""
        if self.series is None:
            fault = bool(self.place.fault)
            return Finding(SIDE, self.input, self.spec.name, reason=self.place.fault or self.unmeasured, fault=fault)
        verdict = compare(self.series, scene, tolerance)
        remarks = [] if verdict.agrees or verdict.explanations else list(self._remarks(tolerance))
        if signs and any('quaternion sign' in each.hypothesis for each in verdict.explanations):
            remarks.append(
                'messages had either sign, at random; --keep-signs is for a driver that keeps that of training'
            )
        label = self.series.label(verdict.where[2] % self.series.size)
        return Finding(SIDE, self.input, self.spec.name, verdict, label=label, remarks=tuple(remarks))

    def _remarks(self, tolerance: float) -> Iterator[str]:
        """Yield what is seen of a difference that no hypothesis explains."""
        assert self.series is not None
        start = _elsewhere(self.series.got, self.whole, tolerance)
        if start is not None:
            end = start + self.series.got.shape[2] - 1
            yield f"the simulator's input has these numbers at {start} to {end}: terms are in another order there"
        if self.series.size == 4 and (_short(self.series.expected) & ~_short(self.series.got)).any():
            count = int(_short(self.series.expected).sum())
            yield f"the simulator's quaternion is not of length 1 in {count} samples; those of messages always are"
        noise = _noise(self.series)
        if noise:
            yield (
                f'the difference looks like noise of standard deviation {noise:.2g}: noise of the simulator '
                'is no fault of the file; sim.options switch it off (Isaac Lab: '
                'env.observations.policy.enable_corruption=false; IsaacGymEnvs: task.env.learn.addNoise=false)'
            )


def observed_terms(
    side: RobotSide, recording: Recording, inputs: Values, unmeasured: Mapping[str, str], first_steps: int = 0
) -> Iterator[Observed | Finding]:
    """Yield each term of the file in order, and a Finding for each of the simulator's that the file lacks.

    inputs: input → (steps, rows, n), as the file computes them. unmeasured: source, or source.field → why raw state
    does not have it. first_steps: of an episode that are left out, and as long as a history still shows them.
    """
    for name, sizes in side.sizes.items():
        lacking: Mapping[str, str] = {}
        if name not in recording.observations:
            has = ', '.join(recording.observations)
            missing = Place(None, fault=f"the simulator has no input '{name}'; it has {has}")
            found, whole = dict.fromkeys(sizes, missing), np.zeros((*recording.begins.shape, 0))
        else:
            whole = recording.observations[name].reshape(*recording.begins.shape, -1)
            known = recording.scene.get('terms', {}).get(name, ())
            found, lacking = places(sizes, flat_sizes(known, whole.shape[2]), whole.shape[2])
        starts = dict(zip(sizes, np.cumsum([0, *sizes.values()]).tolist()))
        for term, size in sizes.items():
            spec = side.control.terms[term]
            got = inputs[name][:, :, starts[term] : starts[term] + size]
            reason = _unmeasured(side, spec, unmeasured)
            shown = first_steps + (spec.history - 1) * spec.history_stride if first_steps else 0
            left_out = recording.first(shown)
            if left_out.all():
                reason = reason or f'every step is among the first {shown} of an episode, which are left out'
            yield _observed(name, spec, found[term], reason, (whole, got), (recording.begins, left_out))
        for called, text in lacking.items():
            yield Finding(SIDE, name, called, reason=text, fault=True)


def _observed(
    name: str, spec: TermSpec, place: Place, unmeasured: str, sides: tuple[Array, Array], marks: tuple[Mask, Mask]
) -> Observed:
    whole, got = sides
    begins, left_out = marks
    series = None
    if place.columns is not None and not unmeasured:
        expected = whole[:, :, place.columns]
        floats = expected if expected.dtype.kind == 'f' else expected.astype(np.float32)
        series = Series(spec.name, floats, got, begins, SIDE, written(spec, got.shape[2]), left_out)
    return Observed(name, spec, place, unmeasured, series, whole)


def _unmeasured(side: RobotSide, spec: TermSpec, unmeasured: Mapping[str, str]) -> str:
    """Return why the simulator's raw state does not give a term; '' where it does."""
    if value_of(spec.options, 'difference_to_tare', False):
        return 'it is the difference to a tare, which is taken on the robot'
    for read in spec.reads:
        for key in (read.source, str(read)):
            if key in unmeasured:
                return unmeasured[key]
        if read.source in side.refused:
            return f'sources.{read.source}: a message was refused: {side.refused[read.source]}'
    return ''


def written(spec: TermSpec, size: int) -> Written:
    """Return what the file says of a term of `size` numbers."""
    joints = value_of(spec.options, 'joints', tuple[str, ...]())
    return Written(
        kind=spec.kind,
        joints=joints if len(joints) == size // spec.history else (),
        scale=spec.scale,
        offset=spec.offset,
        convention=value_of(spec.options, 'convention', 'xyzw'),
        history=spec.history,
        history_stride=spec.history_stride,
    )


def _elsewhere(got: Array, whole: Array, tolerance: float) -> int | None:
    """Return where the numbers of a term stand in the simulator's input instead, None: nowhere."""
    size = got.shape[2]
    lines, found = got.reshape(-1, size), whole.reshape(-1, whole.shape[2])
    if (np.ptp(lines, axis=0) <= tolerance).all():
        return None
    few = np.linspace(0, len(lines) - 1, _PROBES).astype(int)
    for start in range(whole.shape[2] - size + 1):
        columns = slice(start, start + size)
        if all(
            np.allclose(lines[some], found[some, columns], rtol=tolerance, atol=tolerance)
            for some in (few, slice(None))
        ):
            return start
    return None


def _short(quaternion: Array) -> Mask:
    """Return where quaternions (…, 4) are not of length 1."""
    return np.asarray(abs(np.linalg.norm(quaternion, axis=-1) - 1.0) > _UNIT)


def _noise(series: Series) -> float:
    """Return the standard deviation of a difference that is there in every step, independent and small; else 0."""
    apart = (series.expected - series.got).astype(np.float64)
    if len(apart) < _PROBES or not np.isfinite(apart).all() or (apart == 0).mean() > _SELDOM:
        return 0.0
    apart -= apart.mean(axis=0)
    spread = apart.std()
    follows = abs(np.mean(apart[1:] * apart[:-1])) / max(spread**2, 1e-300)
    alike = follows < 4 / np.sqrt(apart.size) + 0.02
    return float(spread) if alike and spread < 0.5 * series.expected.std() else 0.0
