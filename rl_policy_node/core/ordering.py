# SPDX-License-Identifier: Apache-2.0
"""Puts the events of a recording in the order in which they took effect."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
import heapq

from rl_policy_node.core.recording import Begun, Command, Ended, Event, Gap

MOST = 20_000  # events that wait for one that is missing


def in_order(events: Iterable[Event]) -> Iterator[Event]:
    """Yield events by their numbers; commands, which have none, at once, and a Gap where numbers are missing.

    A number is missing if a step failed, or if the recording was cut off. Another activation, a Gap, the end, or MOST
    events that wait for it show that it does not come any more.
    """
    waiting: list[tuple[int, int, Event]] = []
    expected: int | None = None
    for count, event in enumerate(events):
        if isinstance(event, Command):
            yield event
            continue
        if isinstance(event, (Gap, Ended, Begun)) or len(waiting) > MOST:
            yield from _flushed(waiting, expected)
            expected = None
        if isinstance(event, (Gap, Ended)):
            yield event
            continue
        heapq.heappush(waiting, (event.number, count, event))
        expected = event.number if expected is None else expected
        while waiting and waiting[0][0] <= expected:
            number, _, due = heapq.heappop(waiting)
            expected = max(expected, number + 1)
            yield due
    yield from _flushed(waiting, expected)


def _flushed(waiting: list[tuple[int, int, Event]], expected: int | None) -> Iterator[Event]:
    """Yield what waits, with a Gap for the numbers that are missing."""
    while waiting:
        number, _, event = heapq.heappop(waiting)
        if expected is not None and number > expected:
            yield Gap(number - expected)
        expected = number + 1
        yield event
