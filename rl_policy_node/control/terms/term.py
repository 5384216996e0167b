# SPDX-License-Identifier: Apache-2.0
"""An observation term: the value of its kind, then offset, clip, scale and history."""

from collections.abc import Sequence
import math
from typing import cast

import numpy as np

from rl_policy_node.control.arrays import Array, Floats, Rows, Shape, Sources
from rl_policy_node.control.context import Context
from rl_policy_node.control.history import History
from rl_policy_node.control.state import State, Stateful
from rl_policy_node.control.terms.kind import Setting
from rl_policy_node.control.terms.kinds import KINDS
from rl_policy_node.control.terms.term_spec import TermSpec
from rl_policy_node.errors import miscounted


class Term:
    """value − offset → clip → × scale → history, float32; Isaac Lab's order.

    shape: of one robot, (N, *value) with a history of N, oldest first. `compute` writes into a slice (rows, size) of
    the term's input.
    """

    def __init__(self, spec: TermSpec, setting: Setting) -> None:
        where = f'terms.{spec.name}'
        self.spec, self.kind = spec, KINDS[spec.kind](spec.options, setting, where)
        shape = tuple(self.kind.shape)
        self._sample: Floats = np.zeros((setting.rows, *shape), dtype=np.float32)
        self._offset = _axes(spec.offset, shape, f'{where}.offset')
        self._scale = _axes(spec.scale, shape, f'{where}.scale')
        self._bounds = _bounds(spec)
        self._history = None
        if spec.history > 1:
            self._history = History(setting.rows, spec.history, spec.history_stride, shape)
        self.shape = shape if self._history is None else (spec.history, *shape)
        self.size = int(np.prod(self.shape))
        self._out: Floats = self._sample

    def write_into(self, out: Floats) -> None:
        """Let `compute` write into `out` (rows, size)."""
        self._out = out.reshape(len(out), *self.shape)
        assert np.shares_memory(self._out, out)
        if self._history is None:
            self._sample = self._out

    def compute(self, sources: Sources, context: Context) -> None:
        """Write this step's value."""
        sample = self._sample
        sample[...] = self.kind.compute(sources, context)
        if self._offset is not None:
            sample -= self._offset
        if self._bounds is not None:
            # np.clip's result at a third of its cost for few numbers
            np.minimum(np.maximum(sample, self._bounds[0], out=sample), self._bounds[1], out=sample)
        if self._scale is not None:
            sample *= self._scale
        if self._history is not None:
            self._history.push(sample, context.acting)
            self._out[:] = self._history.samples

    def reset(self, rows: Rows) -> None:
        """Forget the samples of rows (mask)."""
        for part in (self._history, self.kind.memory):
            if part is not None:
                part.reset(rows)

    def state(self) -> State:
        """Return the samples of the history, the zero of the tare and the memory of the kind, if the term has them."""
        return {name: part.state() for name, part in self._parts().items()}

    def restore(self, state: State) -> None:
        """Continue from a state of the same term."""
        for name, part in self._parts().items():
            part.restore(cast(State, state[name]))

    def _parts(self) -> dict[str, Stateful]:
        parts: dict[str, Stateful | None] = {
            'history': self._history,
            'tare': self.kind.tare,
            'memory': self.kind.memory,
        }
        return {name: part for name, part in parts.items() if part is not None}

    def scatter(self, value: Array, sources: Sources) -> None:
        """Write the fields that lead to `value` (rows, *shape); of a history only the newest sample counts."""
        value = value if self._history is None else value[:, -1]
        value = value if self._scale is None else value / self._scale
        self.kind.invert(value if self._offset is None else value + self._offset, sources)


def _bounds(spec: TermSpec) -> tuple[float, float] | None:
    if spec.clip_range:
        least, greatest = spec.clip_range
        return least, greatest
    return (-spec.clip, spec.clip) if math.isfinite(spec.clip) else None


def _axes(values: Sequence[float], shape: Shape, where: str) -> Floats | None:
    if not len(values):
        return None
    numbers = np.asarray(values, dtype=np.float32)
    if numbers.size == 1:
        return numbers.reshape(())
    if numbers.size != int(np.prod(shape)):
        raise miscounted(where, numbers.size, f'1 or {int(np.prod(shape))}')
    return numbers.reshape(shape)
