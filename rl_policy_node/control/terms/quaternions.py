# SPDX-License-Identifier: Apache-2.0
"""Quaternion order and sign as trained. Sources carry x, y, z, w."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rl_policy_node.control.arrays import Array
from rl_policy_node.control.terms.term_options import TermOptions
from rl_policy_node.options import option

CONVENTIONS = {'xyzw': (0, 1, 2, 3), 'wxyz': (3, 0, 1, 2)}


@dataclass(frozen=True, kw_only=True)
class QuaternionOptions(TermOptions):
    """How training saw orientations."""

    convention: str = option('xyzw', 'order of quaternions in training: IsaacGymEnvs and Isaac Lab from 3.0 on xyzw, '
                             'older Isaac Lab wxyz; sources are xyzw', choices=tuple(CONVENTIONS))
    unique_sign: bool = option(False, 'quaternions with w ≥ 0 only (Isaac Lab: `quat_unique`)')

    @property
    def plain(self) -> bool:
        """Whether training saw them as sources carry them."""
        return self.convention == 'xyzw' and not self.unique_sign


class QuaternionForm:
    """Order and sign of quaternions (rows, 4).

    convention: xyzw as IsaacGymEnvs and Isaac Lab 3.0 order them, or wxyz as older Isaac Lab does. unique_sign: of q
    and −q, the same rotation, the one with w ≥ 0, as Isaac Lab's `quat_unique`.
    """

    def __init__(self, options: QuaternionOptions) -> None:
        order = CONVENTIONS[options.convention]
        self._order = None if options.convention == 'xyzw' else np.array(order)
        self._back = np.argsort(order)
        self._unique = options.unique_sign

    def __call__(self, quaternion: Array) -> Array:
        """Return the trained form of quaternions (rows, 4) xyzw."""
        if self._unique:
            quaternion = np.where(quaternion[:, 3:] < 0, -quaternion, quaternion)
        return quaternion if self._order is None else quaternion[:, self._order]

    def invert(self, value: Array) -> Array:
        """Return quaternions (rows, 4) xyzw of their trained form."""
        return value if self._order is None else value[:, self._back]
