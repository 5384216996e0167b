# SPDX-License-Identifier: Apache-2.0
"""A verdict of the doctor."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

FAULT: Final = 'fault'
WARNING: Final = 'warning'
LEVELS: Final = (FAULT, WARNING)


@dataclass(frozen=True)
class Diagnosis:
    """Something that is not as it should be.

    level: fault, the policy would not act or act wrongly; warning, it may. check: a word for what is wrong, such as
    rate. about: the thing, as the file names it. seen, expected: in words. remedy: what mends it. parameter: the one to
    change, for its line in the file; '' if none is.
    """

    level: str
    check: str
    about: str
    seen: str
    expected: str
    remedy: str
    parameter: str = ''


def in_seconds(seconds: float) -> str:
    """Return a time as text: milliseconds below one second."""
    return f'{seconds * 1e3:.1f} ms' if abs(seconds) < 1.0 else f'{seconds:.1f} s'


def of_a_fleet(diagnoses: Iterable[Diagnosis]) -> list[Diagnosis]:
    """Return one diagnosis for all robots that have the same trouble: the first, which says how many more there are."""
    groups: dict[tuple[str, str, str], list[Diagnosis]] = {}
    for each in diagnoses:
        groups.setdefault((each.level, each.check, each.parameter), []).append(each)
    return [
        replace(first, about=f'{first.about} and {len(more)} more like it') if more else first
        for first, *more in groups.values()
    ]


def worst_first(diagnoses: Iterable[Diagnosis]) -> list[Diagnosis]:
    """Return diagnoses with faults first, otherwise in their order."""
    return sorted(diagnoses, key=lambda each: LEVELS.index(each.level))
