# SPDX-License-Identifier: Apache-2.0
"""What was found of a robot beside its simulator."""

from __future__ import annotations

from dataclasses import dataclass

HEALTHY, EXPLAINED, UNEXPLAINED = 'healthy', 'explained', 'unexplained'


@dataclass(frozen=True)
class Finding:
    """A fault that would explain the difference.

    kind: of KINDS. where: its terms, () for the whole node. share: of the difference that it explains, 0 to 1, NaN for
    what is seen directly. sentence: the evidence. remedy: what to change in the parameter file, or elsewhere. rivals:
    other faults that the data do not tell from it.
    """

    kind: str
    where: tuple[str, ...]
    share: float
    sentence: str
    remedy: str
    rivals: tuple[str, ...] = ()


@dataclass(frozen=True)
class Spread:
    """Quantiles of all numbers of a term together, in spreads of training where that is known, else of simulation."""

    low: float
    middle: float
    high: float


@dataclass(frozen=True)
class Figures:
    """A term on a side. outside: share of its numbers farther than 5 deviations from training's mean, NaN: not known.

    bounded: share at the least or the greatest value. still: share of steps in which nothing of it changes while
    something else does. gap: the longest time without a message, in usual ones, NaN: not known.
    """

    spread: Spread
    outside: float
    bounded: float
    still: float
    gap: float


@dataclass(frozen=True)
class TermAccount:
    """A term on both sides. odd: how many usual differences between simulated robots the robot is away."""

    name: str
    source: str
    robot: Figures
    simulation: Figures
    odd: float


@dataclass(frozen=True)
class Following:
    """How a side follows a command.

    error: RMS of command − measured. lag: s. gain: share of that error which a step takes away. chatter: share of
    commands that turn back in the next step. at_bound: share of commands at their least or greatest.
    """

    error: float
    lag: float
    gain: float
    chatter: float
    at_bound: float


@dataclass(frozen=True)
class CommandAccount:
    """A command on both sides; None where nothing measured corresponds to it."""

    name: str
    robot: Following
    simulation: Following


@dataclass(frozen=True)
class Account:
    """What was found.

    verdict: healthy, explained, or unexplained. findings: best first. difference: nats; usual: the same of simulated
    robots among themselves.
    """

    verdict: str
    findings: tuple[Finding, ...]
    terms: tuple[TermAccount, ...]
    commands: tuple[CommandAccount, ...]
    difference: float
    usual: float
