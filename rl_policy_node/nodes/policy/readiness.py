# SPDX-License-Identifier: Apache-2.0
"""Finds out whether a node may activate, and describes what it waits for."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from rl_policy_node.control.arrays import Mask
from rl_policy_node.control.specs import ControlSpec
from rl_policy_node.nodes.topics.naming import spec_topic
from rl_policy_node.nodes.topics.row_names import listed
from rl_policy_node.nodes.topics.source import Source


def broken(sources: Mapping[str, Source], control: ControlSpec) -> str:
    """Return a text that names a topic with another layout than configured, a permanent fault; '' if there is none."""
    for name, source in sources.items():
        for row in np.nonzero(_silent(source) & source.buffer.refused)[0].tolist():
            fault = source.buffer.broken(row)
            if fault:
                return f"source '{name}' on {_topic(source, row, control)}: {fault}"
    return ''


def _silent(source: Source) -> Mask:
    """Return the rows without any accepted message."""
    return np.isinf(source.buffer.received)


def _topic(source: Source, row: int, control: ControlSpec) -> str:
    return spec_topic(source.spec, '' if source.spec.rows else control.robots[row])


def waiting(
    refusals: Mapping[int, str],
    sources: Mapping[str, Source],
    control: ControlSpec,
    why_silent: Callable[[Source, int], str],
) -> list[str]:
    """Return a line for everything that activation waits for.

    refusals: row → why it could not act now. why_silent(source, row): returns why no message has arrived, such as 'no
    publisher'. With `robots_required: any` one robot is enough.
    """
    if control.robots_required == 'any' and len(refusals) < control.rows:
        return []
    silent: dict[str, list[str]] = {}
    for source in sources.values():
        if source.spec.stale == 'zero' and not control.lockstep:
            continue
        rows = np.nonzero(_silent(source))[0].tolist()
        some = f'{listed(control, rows)}: ' if source.spec.rows and len(rows) < control.rows else ''
        for row in rows[:1] if source.spec.rows else rows:
            topic = _topic(source, row, control)
            silent.setdefault(some + _trouble(source, row, why_silent), []).append(topic)
    return [f'{what} on {", ".join(dict.fromkeys(topics))}' for what, topics in silent.items()] or list(
        dict.fromkeys(refusals.values())
    )


def _trouble(source: Source, row: int, why_silent: Callable[[Source, int], str]) -> str:
    fault = source.buffer.last_fault[row]
    if fault:
        return f'all messages refused ({fault})'
    parts = source.buffer.parts
    if parts is not None and np.isfinite(parts.received[row]).any():
        missing = np.nonzero(np.isinf(parts.received[row]))[0].tolist()
        return f'no message names the joints {[source.joints[joint] for joint in missing]}{_names_heard(source, row)}'
    if source.foreign[row]:
        return f'no message names the joints {list(source.joints)}{_names_heard(source, row)}'
    return why_silent(source, row)


def _names_heard(source: Source, row: int) -> str:
    """Return a text with the names in the messages of the topic: a joint may be misspelt."""
    names = dict.fromkeys(name for each in source.heard(row) for name in each)
    return f' (there are {list(names)})' if names else ''
