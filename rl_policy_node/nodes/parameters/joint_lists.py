# SPDX-License-Identifier: Apache-2.0
"""Writes out what a parameter file says of joints by name: groups of joints, and numbers by joint."""

from collections.abc import Mapping
from typing import cast, TypeAlias

from rl_policy_node.errors import ConfigurationError, shown, unfit, unknown
from rl_policy_node.nodes.parameters import schema
from rl_policy_node.nodes.parameters.conversion import converted, Scalar, Value
from rl_policy_node.nodes.parameters.joint_groups import JointGroups, SIGN

# joint → number
_Table: TypeAlias = Mapping[str, Scalar]


def written_out(values: Mapping[str, Value]) -> dict[str, Value]:
    """Return the parameters with lists alone: of joints, and of numbers in their order.

    `@group` in a list of joints becomes the joints of joint_groups.group. Numbers by joint (offset.hip: 0.1), and
    `@name` for those of joint_values.name, become lists in the order of the `joints` beside them. Nothing behind this
    function knows of either. Raises ConfigurationError.
    """
    groups = JointGroups(values)
    lists: dict[str, Value] = {}
    tables: dict[str, dict[str, Scalar]] = {}
    for name, value in values.items():
        whole = schema.list_of(name)
        if whole:
            tables.setdefault(whole, {})[name.removeprefix(f'{whole}.')] = cast(Scalar, converted(name, value))
        elif name.startswith(f'{schema.JOINT_VALUES}.'):
            raise unfit(f"parameter '{name}'", shown(value), 'a number of each joint by name: {hip: 0.1, knee: 0.2}')
        else:
            lists[name] = groups.expanded(name, value)
    for name in sorted(set(lists) & set(tables)):
        given = ', '.join(f'{name}.{joint}' for joint in tables[name])
        raise ConfigurationError(f'{name} is stated as a list, and by joint ({given}); expected one of the two')
    stated = dict.fromkeys(schema.list_of(name) or name for name in values)
    of_joints = (schema.JOINT_GROUPS, schema.JOINT_VALUES)
    return {name: _value(name, lists, tables) for name in stated if name.partition('.')[0] not in of_joints}


def _value(name: str, lists: Mapping[str, Value], tables: Mapping[str, _Table]) -> Value:
    """Return the value of a parameter: as it is stated, or a list of the numbers that its table has."""
    place = name
    if name in lists:
        value, declaration = lists[name], schema.find(name)
        word = value[0] if isinstance(value, (list, tuple)) and len(value) == 1 else value
        if not (declaration and declaration.by_joint and isinstance(word, str) and word.startswith(SIGN)):
            return value
        place = f'{schema.JOINT_VALUES}.{word.removeprefix(SIGN)}'
        if place not in tables:
            known = [each.partition('.')[2] for each in tables if each.startswith(f'{schema.JOINT_VALUES}.')]
            hint = '' if known else f'{schema.JOINT_VALUES} states none'
            raise unknown('joint values', word.removeprefix(SIGN), known, name, hint)
    owner = name.rpartition('.')[0]
    joints = lists.get(f'{owner}.joints')
    if not isinstance(joints, (list, tuple)):
        raise ConfigurationError(f'{name} is stated by joint, and {owner} has no joints; expected a list of numbers')
    return _in_order(tables[place], [str(joint) for joint in joints], place, f'{owner}.joints')


def _in_order(table: _Table, joints: list[str], place: str, order: str) -> Value:
    """Return the numbers of joints; raises ConfigurationError unless the table has them, and (in place) no others."""
    surplus = [] if place.startswith(f'{schema.JOINT_VALUES}.') else [joint for joint in table if joint not in joints]
    if surplus:
        raise unknown('joint', surplus[0], joints, place)
    missing = [joint for joint in joints if joint not in table]
    if missing:
        raise ConfigurationError(
            f'{place} has no number for {", ".join(missing)}; expected one for each of {order}: {", ".join(joints)}',
            where=place,
            got=', '.join(table),
            expected='a number for each joint',
            choices=tuple(joints),
        )
    return [table[joint] for joint in joints]
