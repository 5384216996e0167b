# SPDX-License-Identifier: Apache-2.0
"""Where each term of a file lies in the simulator's input: by sizes, and by the simulator's own terms where known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

# name → how many numbers, in order
Sizes: TypeAlias = Mapping[str, int]
_SAME_SIZE, _SAME_NAME = 2, 3
# score, pairs of names
_Way: TypeAlias = tuple[int, tuple[tuple[str, str], ...]]


@dataclass(frozen=True)
class Place:
    """The numbers of a term. columns: None where there are none, for the reason `fault`. called: by the simulator."""

    columns: slice | None
    called: str = ''
    fault: str = ''


def places(file: Sizes, simulator: Sizes, total: int) -> tuple[dict[str, Place], dict[str, str]]:
    """Return term → Place, and the simulator's terms that the file lacks → what is said of them.

    simulator: its own terms, empty where they are not known. total: numbers of its input.
    """
    starts = _starts(simulator)
    if sum(file.values()) == total:
        own = {(start, start + simulator[name]): name for name, start in starts.items()}
        return {
            name: Place(slice(start, start + file[name]), own.get((start, start + file[name]), ''))
            for name, start in _starts(file).items()
        }, {}
    sums = f'the terms of the file have {_summed(file)}; the simulator has {_summed(simulator) if simulator else total}'
    if sum(simulator.values()) != total:
        return {name: Place(None, fault=sums) for name in file}, {}
    pairs = _paired(file, simulator)
    found = {name: Place(None, fault=f'the simulator has no such term; {sums}') for name in file}
    for name, called in pairs.items():
        if file[name] == simulator[called]:
            found[name] = Place(slice(starts[called], starts[called] + file[name]), called)
        else:
            found[name] = Place(
                None, called, f"{file[name]} numbers; the simulator's {called} has {simulator[called]}; {sums}"
            )
    lacking = {called: f'the file has no term for these {size} numbers; {sums}' for called, size in simulator.items()}
    return found, {called: text for called, text in lacking.items() if called not in pairs.values()}


def _starts(sizes: Sizes) -> dict[str, int]:
    starts, start = {}, 0
    for name, size in sizes.items():
        starts[name] = start
        start += size
    return starts


def _summed(sizes: Sizes) -> str:
    listed = ', '.join(f'{name} {size}' for name, size in sizes.items())
    return f'{sum(sizes.values())} numbers ({listed})'


def _paired(file: Sizes, simulator: Sizes) -> dict[str, str]:
    """Return the pairs, in order, that agree best in names and sizes: the longest common sequence, weighted."""
    nothing: _Way = (0, ())
    best: list[list[_Way]] = [[nothing] * (len(simulator) + 1)]
    for name, size in file.items():
        above, row = best[-1], [nothing]
        for place, (called, other) in enumerate(simulator.items()):
            score = _SAME_SIZE * (size == other) + _SAME_NAME * (name == called)
            before, pairs = above[place]
            together: list[_Way] = [(before + score, (*pairs, (name, called)))] if score else []
            row.append(max([above[place + 1], row[-1], *together], key=lambda way: way[0]))
        best.append(row)
    return dict(best[-1][-1][1])


def flat_sizes(terms: Iterable[Mapping[str, Any]], total: int) -> dict[str, int]:
    """Return name → numbers of a simulator's described terms. total: of its input; histories may be in the shapes."""
    listed = list(terms)
    samples = {str(term['name']): int(np.prod(term.get('shape', ()))) for term in listed}
    whole = {str(term['name']): samples[str(term['name'])] * int(term.get('history') or 1) for term in listed}
    return samples if sum(samples.values()) == total else whole
