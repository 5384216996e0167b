# SPDX-License-Identifier: Apache-2.0
"""State joints and their offsets once where a draft has them several times, and offsets by the names of joints."""

from collections.abc import Callable, Iterable, Mapping
import textwrap

from rl_policy_node.nodes.parameters.schema import BLANK
from rl_policy_node.tools.init.draft_sources import Entry

# above the names of joints in a draft
NAMES = "# Joints have the names of the simulation, in its order: write the robot's where they differ."
_WIDTH = 118


def name_offsets(entries: Iterable[Entry]) -> dict[str, dict[str, float]]:
    """Write the offsets of entries by joint, in their values; return name → joint → offset of what several share.

    These have `@name` in place of numbers. Offsets that are open, or alike for all joints, stay lists.
    """
    tables: list[tuple[dict[str, float], list[Entry]]] = []
    for entry in entries:
        joints, offset = entry.values.get('joints', []), entry.values.get('offset', [])
        if len(joints) != len(offset) or len(set(offset)) < 2 or BLANK in (*joints, *offset):
            continue
        numbers = entry.values['offset'] = dict(zip(joints, offset))
        for table, users in tables:
            common = set(table) & set(numbers)
            if common and all(table[joint] == numbers[joint] for joint in common):
                table.update(numbers)
                users.append(entry)
                break
        else:
            tables.append((dict(numbers), [entry]))
    shared = [(table, users) for table, users in tables if len(users) > 1]
    found: dict[str, dict[str, float]] = {}
    for table, users in shared:
        name = _unused('offsets', found)
        found[name] = table
        for entry in users:
            entry.values['offset'] = f'@{name}'
    return found


def group_joints(terms: Mapping[str, Entry], actions: Mapping[str, Entry]) -> dict[str, list[str]]:
    """Write `@group` in place of each list of joints that several entries have; return group → joints.

    A group has the name of its action (legs, hand), unless that is the name of a quantity (joint_pos).
    """
    users: dict[tuple[str, ...], list[tuple[str, Entry]]] = {}
    for name, entry in (*actions.items(), *terms.items()):
        joints = tuple(entry.values.get('joints', ()))
        if len(joints) > 1 and BLANK not in joints:
            users.setdefault(joints, []).append((name, entry))
    groups: dict[str, list[str]] = {}
    for joints, named in users.items():
        if len(named) < 2:
            continue
        stem = named[0][0]
        group = _unused('joints' if stem not in actions or 'joint' in stem else stem, groups)
        groups[group] = list(joints)
        for _, entry in named:
            entry.values['joints'] = [f'@{group}']
    return groups


def joint_lines(
    groups: Mapping[str, list[str]], values: Mapping[str, dict[str, float]], flow: Callable[[object], str]
) -> list[str]:
    """Return the lines of joint_groups and joint_values; none where nothing is shared."""
    lines: list[str] = []
    for title, meaning, shared in (
        ('joint_groups:', "'@name' in `joints` stands for these", groups),
        ('joint_values:', "'@name' stands for these, joint by joint", values),
    ):
        lines += [f'    {title:32}# {meaning}'] if shared else []
        for name, value in shared.items():
            text = f'      {flow(name)}: {flow(value)}'
            lines += textwrap.wrap(
                text, _WIDTH, subsequent_indent=' ' * 8, break_long_words=False, break_on_hyphens=False
            )
    return [f'    {NAMES}', *lines, ''] if lines else []


def _unused(stem: str, names: Mapping[str, object]) -> str:
    """Return a name that is none of `names`: the stem, or the stem and a number."""
    return next(name for name in (stem, *(f'{stem}_{n}' for n in range(2, len(names) + 3))) if name not in names)
