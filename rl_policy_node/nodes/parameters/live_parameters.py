# SPDX-License-Identifier: Apache-2.0
"""Changes of parameters while a node is configured."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import cast

from rcl_interfaces.msg import SetParametersResult
from rclpy.parameter import Parameter

from rl_policy_node.core.frame import Change
from rl_policy_node.nodes.parameters import conversion, schema
from rl_policy_node.nodes.parameters.joint_lists import written_out


def apply_live(
    changes: Sequence[Parameter], current: Mapping[str, conversion.Value], apply: Callable[..., None]
) -> SetParametersResult:
    """Apply changes if all of them are live, else refuse all. Never raises: otherwise any peer could end the node.

    current: name → value of all parameters before the change; the number of one joint changes a list among them.
    apply(*changes): takes all changes or raises.
    """
    fixed = [change.name for change in changes if not conversion.is_live(change.name)]
    if fixed:
        reason = f'{", ".join(fixed)}: parameters take effect at configure; clean up first. '
        return SetParametersResult(successful=False, reason=f'{reason}What may change now: {conversion.LIVE}')
    try:
        values = written_out({**current, **{each.name: each.value for each in changes}})
        names = dict.fromkeys(schema.list_of(each.name) or each.name for each in changes)
        apply(*(cast(Change, (name, conversion.converted(name, values[name]))) for name in names))
    except Exception as error:  # noqa: BLE001 - see above
        return SetParametersResult(successful=False, reason=str(error))
    return SetParametersResult(successful=True)
