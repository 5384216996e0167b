# SPDX-License-Identifier: Apache-2.0
"""What the values of the terms tell while the robot is at rest: units, range, frozen, coarse and clipped numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from rl_policy_node.control.arrays import Floats, Mask
from rl_policy_node.control.distribution import CLAMP
from rl_policy_node.control.specs import ControlSpec
from rl_policy_node.nodes.doctor.heard import Heard
from rl_policy_node.options import value_of
from rl_policy_node.tools.doctor.diagnosis import Diagnosis, FAULT, WARNING
from rl_policy_node.tools.doctor.term_samples import term_samples, TermSamples

NEAR: Final = 3.0  # standard deviations within which other units count as an explanation
FEW: Final = 10  # samples below which nothing is said of their changes
COARSE: Final = 0.25  # of the standard deviation of training: steps of this size are coarse
TURN: Final = 6.5  # rad: no joint with ends stands further from zero
TILT: Final = 45.0  # degrees between gravity and that of training
# types whose values change with each message of a sensor that works
NOISY: Final = (
    'sensor_msgs/msg/Imu',
    'sensor_msgs/msg/JointState',
    'nav_msgs/msg/Odometry',
    'geometry_msgs/msg/Wrench',
    'geometry_msgs/msg/WrenchStamped',
    'sensor_msgs/msg/Image',
)
# what a value would have to be multiplied with, if the driver measures in other units than the file expects
UNITS: Final = {
    'angle': {'degrees where rad are expected': np.pi / 180.0, 'rad where degrees are expected': 180.0 / np.pi},
    'length': {'mm where m are expected': 1e-3, 'cm where m are expected': 1e-2, 'm where mm are expected': 1e3},
}


def term_rules(heard: Heard) -> Iterator[Diagnosis]:
    """Yield what is wrong with the values of the terms."""
    everything = list(term_samples(heard))
    yield from _frozen(everything, heard.control)
    for samples in everything:
        units = list(_units(samples, heard.control))
        yield from units
        yield from _gravity(samples)
        if not units:
            yield from _outside(samples)
        yield from _saturated(samples)
        yield from _stuck(samples, heard.control)
        yield from _coarse(samples)


def _units(samples: TermSamples, control: ControlSpec) -> Iterator[Diagnosis]:
    """Yield units that explain positions which are far outside; at rest, velocities tell nothing of theirs."""
    options = samples.spec.options
    if samples.spec.kind != 'field' or samples.spec.clip_range or value_of(options, 'field', '') != 'position':
        return
    joints = value_of(options, 'joints', tuple[str, ...]())
    raw, wrong = samples.raw(samples.median), samples.distances(samples.median) > CLAMP
    if samples.mean is None and joints and not _endless(control, joints):
        wrong = np.abs(raw) > TURN
    for words, factor in _factors(bool(joints), samples.mean is not None):
        # one number of many is another fault
        if wrong.mean() >= 0.5 and (samples.distances(samples.made(raw * factor)) < NEAR).all():
            yield Diagnosis(
                FAULT,
                'units',
                samples.name,
                f'{samples.listed(np.nonzero(wrong)[0])}: {_numbers(raw[wrong])} looks like {words}',
                'SI units: rad, m, s',
                f'let the driver publish SI units; else terms.{samples.spec.name}.scale and offset',
                f'terms.{samples.spec.name}',
            )
            return


def _factors(of_joints: bool, trained: bool) -> Iterator[tuple[str, float]]:
    """Yield units and their factors; without the statistics of training only degrees can be told."""
    kinds = ('angle', 'length') if of_joints else ('length',)
    every = [each for kind in kinds for each in UNITS[kind].items()]
    yield from every if trained else every[: int(of_joints)]


def _endless(control: ControlSpec, joints: tuple[str, ...]) -> bool:
    return any(set(joints) & set(value_of(action.options, 'continuous', ())) for action in control.actions)


def _gravity(samples: TermSamples) -> Iterator[Diagnosis]:
    """Yield a direction of gravity that training did not show."""
    if samples.spec.kind != 'projected_gravity' or samples.values.shape[1] != 3:
        return
    down = np.array([0.0, 0.0, -1.0]) if samples.mean is None else samples.raw(samples.mean)
    seen = samples.raw(samples.median)
    length = float(np.linalg.norm(seen) * np.linalg.norm(down))
    if length < 1e-6:
        return
    angle = float(np.degrees(np.arccos(np.clip(seen @ down / length, -1.0, 1.0))))
    if angle > TILT:
        yield Diagnosis(
            FAULT,
            'gravity',
            samples.name,
            f'gravity points along {_numbers(seen)}, {angle:.0f}° from that of training, {_numbers(down)}',
            'the direction in the frame of the base, as in training',
            'is the robot upright? Turn the IMU back in its driver, or send orientations of the base (x, y, z, w)',
            f'terms.{samples.spec.name}',
        )


def _outside(samples: TermSamples) -> Iterator[Diagnosis]:
    distances = samples.distances(samples.median)
    far = np.nonzero(distances > CLAMP)[0]
    if far.size and samples.mean is not None and samples.spec.kind != 'projected_gravity':
        worst = int(distances.argmax())
        yield Diagnosis(
            FAULT,
            'outside',
            samples.name,
            f'{samples.listed(far)}: {samples.label(worst)} is {samples.median[worst]:.3g}, {distances[worst]:.1f} '
            f'standard deviations from the mean of training, {samples.mean[worst]:.3g}',
            f'within {CLAMP:g}, where the normaliser clamps',
            'offset, scale, order, sign and frame of this term; or a pose that training never showed',
            f'terms.{samples.spec.name}',
        )


def _saturated(samples: TermSamples) -> Iterator[Diagnosis]:
    """Yield numbers that stay at a clip which training did not reach."""
    scale = np.abs(np.asarray(samples.spec.scale or (1.0,)))
    bound = np.minimum(np.full(samples.values.shape[1], samples.clip), samples.spec.clip * scale)
    at = (np.abs(samples.values) >= bound * (1 - 1e-6)).mean(axis=0) > 0.5
    if samples.mean is not None and samples.std is not None:
        reached = np.abs(samples.mean) + 2 * samples.std >= bound
        at &= ~(reached & (np.abs(samples.mean) <= bound))
    if at.any():
        yield Diagnosis(
            WARNING,
            'saturated',
            samples.name,
            f'{samples.listed(np.nonzero(at)[0])}: at the clip of ±{bound[at][0]:.3g} in most steps',
            'values within the clip',
            'units and scale of this term, or its clip',
            f'terms.{samples.spec.name}.clip',
        )


def _constant(samples: TermSamples) -> Mask:
    """Return which numbers (n,) were the same in every sample, and not because they are clipped."""
    first = samples.values[0]
    return np.asarray((samples.values == first).all(axis=0) & (np.abs(first) < samples.clip))


def _frozen(everything: Sequence[TermSamples], control: ControlSpec) -> Iterator[Diagnosis]:
    """Yield sensors of which no term sees any change."""
    readers: dict[tuple[str, int], list[TermSamples]] = {}
    for samples in everything:
        for source in {read.source for read in samples.spec.reads}:
            readers.setdefault((source, samples.row), []).append(samples)
    for (source, _), group in readers.items():
        count = min(len(samples.values) for samples in group)
        if control.sources[source].type not in NOISY or count < FEW or not all(_constant(each).all() for each in group):
            continue
        yield Diagnosis(
            FAULT,
            'frozen',
            f'sources.{source}' + (f' ({group[0].robot})' if group[0].robot else ''),
            f'the same numbers in all of {count} steps, though messages come',
            'a sensor at rest has noise',
            f'restart the driver; sources.{source}.frozen_after lets the node stop for it',
            f'sources.{source}',
        )


def _stuck(samples: TermSamples, control: ControlSpec) -> Iterator[Diagnosis]:
    """Yield single joints that never change while others do."""
    joints, still = value_of(samples.spec.options, 'joints', tuple[str, ...]()), _constant(samples)
    noisy = all(control.sources[read.source].type in NOISY for read in samples.spec.reads)
    if joints and noisy and len(samples.values) >= FEW and still.any() and still.mean() <= 0.5:
        yield Diagnosis(
            WARNING,
            'frozen',
            samples.name,
            f'{samples.listed(np.nonzero(still)[0])} never changes, while the others do',
            'noise on every joint',
            'the encoder or its bus; move that joint by hand (--joints)',
            f'terms.{samples.spec.name}',
        )


def _coarse(samples: TermSamples) -> Iterator[Diagnosis]:
    """Yield numbers that move in steps which are large beside the range of training."""
    if samples.std is None or len(samples.values) < FEW:
        return
    found = []
    for number, column in enumerate(samples.values.T[:64]):
        levels = np.unique(column)
        step = float(np.diff(levels).min()) if len(levels) > 1 else 0.0
        if 1 < len(levels) <= len(column) / 3 and step > COARSE * samples.std[number]:
            found.append((step / samples.std[number], number, step))
    if found:
        _, worst, step = max(found)
        yield Diagnosis(
            WARNING,
            'quantised',
            samples.name,
            f'{samples.label(worst)} moves in steps of {step:.3g}; its standard deviation in training is '
            f'{samples.std[worst]:.3g}',
            f'steps below {COARSE:g} of that',
            "a finer resolution of the driver; a velocity by the driver's own filter instead of differences",
            f'terms.{samples.spec.name}',
        )


def _numbers(values: Floats) -> str:
    shown = ', '.join(f'{value:.3g}' for value in values[:4])
    return f'[{shown}{", …" if len(values) > 4 else ""}]'
