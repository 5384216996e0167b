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
    """Order and sign of quaternions in training."""

    convention: str = option(
        'xyzw',
        'order of quaternions in training: IsaacGymEnvs and Isaac Lab from 3.0 on xyzw, '
        'older Isaac Lab wxyz; sources are xyzw',
        choices=tuple(CONVENTIONS),
    )
    unique_sign: bool = option(False, 'quaternions with w ≥ 0 only (Isaac Lab: `quat_unique`)')

    @property
    def plain(self) -> bool:
        """Whether training used the form of the sources."""
        return self.convention == 'xyzw' and not self.unique_sign


class QuaternionForm:
    """Converts quaternions (rows, 4) to the order and sign of training.

    convention: xyzw as in IsaacGymEnvs and Isaac Lab 3.0, or wxyz as in older Isaac Lab. unique_sign: q and −q are the
    same rotation; take the one with w ≥ 0, as Isaac Lab's `quat_unique` does.
    """

    def __init__(self, options: QuaternionOptions) -> None:
        order = CONVENTIONS[options.convention]
        self._order = None if options.convention == 'xyzw' else np.array(order)
        self._back = np.argsort(order)
        self._unique = options.unique_sign

    def __call__(self, quaternion: Array) -> Array:
        """Return quaternions (rows, 4) xyzw in the form of training."""
        if self._unique:
            quaternion = np.where(quaternion[:, 3:] < 0, -quaternion, quaternion)
        return quaternion if self._order is None else quaternion[:, self._order]

    def invert(self, value: Array) -> Array:
        """Return quaternions (rows, 4) in the form of training as xyzw."""
        return value if self._order is None else value[:, self._back]
