# SPDX-License-Identifier: Apache-2.0
"""Term kinds by name: the values of `terms.<name>.kind`."""

from typing import Any

from rl_policy_node.control.terms.computed import Constant, Difference, LastAction, Phase
from rl_policy_node.control.terms.field import Field
from rl_policy_node.control.terms.frames import (
    ProjectedGravity,
    RelativeOrientation,
    RelativePose,
    RelativePosition,
    Rotate,
)
from rl_policy_node.control.terms.function import Function
from rl_policy_node.control.terms.kind import Kind
from rl_policy_node.control.terms.rotations import HeadingError, Rotation6D, Yaw

KINDS: dict[str, type[Kind[Any]]] = {
    'field': Field,
    'last_action': LastAction,
    'projected_gravity': ProjectedGravity,
    'rotate': Rotate,
    'relative_position': RelativePosition,
    'relative_orientation': RelativeOrientation,
    'relative_pose': RelativePose,
    'rotation_6d': Rotation6D,
    'yaw': Yaw,
    'heading_error': HeadingError,
    'difference': Difference,
    'phase': Phase,
    'constant': Constant,
    'function': Function,
}
