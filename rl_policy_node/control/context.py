# SPDX-License-Identifier: Apache-2.0
"""The inputs of observation terms besides the sources."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rl_policy_node.control.arrays import Array, Floats, Mask


@dataclass(frozen=True)
class Context:
    """The policy's own past and the clock of a step; the arrays belong to the stepper.

    last_action (rows, actions), float32: the output of the policy at the last step, clipped as its
    environment clipped it; zeros after a reset. elapsed (rows,), s: time since the row's reset.
    acting (rows,), bool: rows whose command the policy decides in this step; histories of the others do not advance.
    """

    last_action: Array
    elapsed: Floats
    acting: Mask

    @classmethod
    def at_reset(cls, rows: int, num_actions: int) -> Context:
        """Return the context of a first step in which every row acts."""
        return cls(np.zeros((rows, num_actions), np.float32), np.zeros(rows), np.ones(rows, dtype=bool))
