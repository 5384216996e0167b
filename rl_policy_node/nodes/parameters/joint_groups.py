# SPDX-License-Identifier: Apache-2.0
"""Groups of joints: lists of names that a parameter file states once."""

from collections.abc import Mapping

from rl_policy_node.errors import ConfigurationError, unknown
from rl_policy_node.nodes.parameters import schema
from rl_policy_node.nodes.parameters.conversion import converted, Scalar, Value
from rl_policy_node.options import TO_JOINTS

SIGN = '@'  # before the name of a group, or of joint_values


class JointGroups:
    """The groups of a file's parameters (name → value), and the lists that name them.

    Raises ConfigurationError for a group that names a group, that names a joint twice, or that names none.
    """

    def __init__(self, values: Mapping[str, Value]) -> None:
        self._joints: dict[str, list[Scalar]] = {}
        for name, value in values.items():
            top, _, group = name.partition('.')
            if top != schema.JOINT_GROUPS:
                continue
            if not group or '.' in group:
                raise ConfigurationError(f"'{name}': a joint group is a list of joints; there are no groups of groups")
            joints = self._joints[group] = list(_listed(converted(name, value)))
            inner = [joint for joint in joints if str(joint).startswith(SIGN)]
            if inner:
                raise ConfigurationError(
                    f'{name} names {inner}; a group names joints, none of which begins with {SIGN}'
                )
            if not joints or len(set(joints)) != len(joints):
                raise ConfigurationError(f'{name} {"names a joint twice" if joints else "names no joint"}: {joints}')

    def expanded(self, name: str, value: Value) -> Value:
        """Return the value of a parameter; in a list of joints, the joints of `@group` in its place."""
        declaration = schema.find(name)
        if declaration is None or declaration.refers_to != TO_JOINTS or not isinstance(value, (str, list, tuple)):
            return value
        joints: list[Scalar] = []
        for each in _listed(value):
            if not (isinstance(each, str) and each.startswith(SIGN)):
                joints.append(each)
                continue
            group = each.removeprefix(SIGN)
            if group not in self._joints:
                hint = '' if self._joints else f'{schema.JOINT_GROUPS} states none'
                raise unknown('joint group', group, self._joints, name, hint)
            joints += self._joints[group]
        return joints


def _listed(value: Scalar | list[Scalar] | tuple[Scalar, ...]) -> list[Scalar] | tuple[Scalar, ...]:
    return value if isinstance(value, (list, tuple)) else (value,)
