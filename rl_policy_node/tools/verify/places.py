# SPDX-License-Identifier: Apache-2.0
"""Where each term of a file lies in the simulator's input: by sizes, and by the simulator's own terms where known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

import numpy as np

from rl_policy_node.core.raw_scene import Described

# name → how many numbers, in order
Sizes: TypeAlias = Mapping[str, int]
# terms of the file, and those of the simulator that have the same numbers: first, and how many
_Pair: TypeAlias = tuple[tuple[int, int], tuple[int, int]]
_SAME_NAME = 0.5  # of a number that is in its place


@dataclass(frozen=True)
class Place:
    """The numbers of a term. columns: None where there are none, for the reason `fault`."""

    columns: slice | None
    fault: str = ''


def places(file: Sizes, simulator: Sizes, total: int) -> tuple[dict[str, Place], dict[str, str]]:
    """Return term → Place, and the simulator's terms that the file lacks → what is said of them.

    simulator: its own terms, empty where they are not known. total: numbers of its input.
    """
    if sum(file.values()) == total:
        return {name: Place(columns) for name, columns in _columns(file, 0)}, {}
    known = sum(simulator.values()) == total
    sums = f'the terms of the file have {_summed(file)}; the simulator has {_summed(simulator) if known else total}'
    found = {name: Place(None, f'it has no place: {sums}') for name in file}
    if not known:
        return found, {}
    lacking = {name: f'the file has no term for these {size} numbers: {sums}' for name, size in simulator.items()}
    starts = {name: columns.start for name, columns in _columns(simulator, 0)}
    for (first, count), (start, length) in _paired(list(file.items()), list(simulator.items())):
        terms = dict(list(file.items())[first : first + count])
        called = list(simulator)[start : start + length]
        if sum(terms.values()) == sum(simulator[name] for name in called):
            found |= {name: Place(columns) for name, columns in _columns(terms, starts[called[0]])}
        else:
            (name,) = terms
            text = f'it has {terms[name]} numbers, and {simulator[called[0]]} in the simulator: {sums}'
            found[name] = Place(None, text)
        lacking = {name: text for name, text in lacking.items() if name not in called}
    return found, lacking


def flat_sizes(terms: Iterable[Described], total: int) -> dict[str, int]:
    """Return name → numbers of a simulator's described terms. total: of its input; histories may be in the shapes."""
    listed = list(terms)
    samples = {str(term['name']): int(np.prod(term.get('shape', ()))) for term in listed}
    whole = {str(term['name']): samples[str(term['name'])] * int(term.get('history') or 1) for term in listed}
    return samples if sum(samples.values()) == total else whole


def _columns(sizes: Sizes, start: int) -> Iterator[tuple[str, slice]]:
    for name, size in sizes.items():
        yield name, slice(start, start + size)
        start += size


def _summed(sizes: Sizes) -> str:
    listed = ', '.join(f'{name} {size}' for name, size in sizes.items())
    return f'{sum(sizes.values())} numbers ({listed})'


def _paired(file: list[tuple[str, int]], simulator: list[tuple[str, int]]) -> tuple[_Pair, ...]:
    """Return the pairs, in order, that put most numbers into their places; either side may have divided a term."""

    @cache
    def best(i: int, j: int) -> tuple[float, tuple[_Pair, ...]]:
        if i == len(file) or j == len(simulator):
            return 0.0, ()
        ways = [best(i + 1, j), best(i, j + 1)]
        divided = [(count, 1) for count in range(1, len(file) - i + 1)]
        joined = [(1, length) for length in range(2, len(simulator) - j + 1)]
        for count, length in divided + joined:
            ours = sum(size for _, size in file[i : i + count])
            theirs = sum(size for _, size in simulator[j : j + length])
            named = count == length == 1 and file[i][0] == simulator[j][0]
            score = ours * (ours == theirs) + _SAME_NAME * named
            if score:
                after, pairs = best(i + count, j + length)
                ways.append((score + after, (((i, count), (j, length)), *pairs)))
        return max(ways, key=lambda way: way[0])

    return best(0, 0)[1]
