# SPDX-License-Identifier: Apache-2.0
"""Quaternion order and sign as trained. Sources carry x, y, z, w."""
from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rl_policy_node.control.arrays import Array, Shape
from rl_policy_node.errors import ConfigurationError

if TYPE_CHECKING:
    from rl_policy_node.control.terms.term_spec import TermSpec

OPTIONS = ('convention', 'unique_sign')
CONVENTIONS = {'xyzw': (0, 1, 2, 3), 'wxyz': (3, 0, 1, 2)}


class QuaternionForm:
    """Order and sign of quaternions (rows, 4).

    convention: xyzw as IsaacGymEnvs and Isaac Lab 3.0 order them, or wxyz as older Isaac Lab does. unique_sign: of q
    and −q, the same rotation, the one with w ≥ 0, as Isaac Lab's `quat_unique`.
    """

    def __init__(self, spec: TermSpec) -> None:
        order = CONVENTIONS[spec.convention]
        self._order = None if spec.convention == 'xyzw' else np.array(order)
        self._back = np.argsort(order)
        self._unique = spec.unique_sign

    def __call__(self, quaternion: Array) -> Array:
        """Return the trained form of quaternions (rows, 4) xyzw."""
        if self._unique:
            quaternion = np.where(quaternion[:, 3:] < 0, -quaternion, quaternion)
        return quaternion if self._order is None else quaternion[:, self._order]

    def invert(self, value: Array) -> Array:
        """Return quaternions (rows, 4) xyzw of their trained form."""
        return value if self._order is None else value[:, self._back]


def quaternion_form(spec: TermSpec, shape: Shape, where: str) -> QuaternionForm | None:
    """Return the QuaternionForm of a TermSpec, or None; only four numbers can be a quaternion."""
    if spec.convention == 'xyzw' and not spec.unique_sign:
        return None
    if tuple(shape) != (4,) or spec.joints:
        raise ConfigurationError(f'{where}: convention and unique_sign are for quaternions, four numbers x, y, z, w; '
                                 f'the field {spec.source}.{spec.field} has the shape {tuple(shape)}')
    return QuaternionForm(spec)
