# SPDX-License-Identifier: Apache-2.0
"""The term as the parameter file should have it: corrections change it, and what changed is the remedy."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rl_policy_node.mismatch.phrases import numbers
from rl_policy_node.mismatch.series import Floats, Series


@dataclass(frozen=True, eq=False)
class Draft:
    """Options of a term, number by number of what is expected; the file's law stands in docs/reference/terms.md.

    order: which number of the file's takes each place. scale, offset: (n,). options: more options of the file, by name.
    advice: what no option does.
    """

    series: Series
    order: NDArray[np.intp]
    scale: Floats
    offset: Floats
    options: tuple[tuple[str, str], ...] = ()
    advice: tuple[str, ...] = ()

    @classmethod
    def of(cls, series: Series) -> Draft:
        """Return the term as the file has it."""
        written, zeros = series.written, np.zeros(series.size)
        return cls(series, np.arange(series.size), zeros + (written.scale or 1.0), zeros + (written.offset or 0.0))

    @property
    def _observed(self) -> bool:
        return self.series.side == 'observation'

    def raw(self, value: Floats) -> Floats:
        """Return what the value (…, n) of an observation was before offset and scale; commands as they are."""
        return value / self.scale + self.offset if self._observed and self.scale.all() else value

    def cooked(self, raw: Floats) -> Floats:
        """Return the value (…, n) of an observation that is `raw` before offset and scale; commands as they are."""
        return (raw - self.offset) * self.scale if self._observed and self.scale.all() else raw

    def permuted(self, order: NDArray[np.intp]) -> Draft:
        """Return the draft for expected[i] = got[order[i]]."""
        return replace(self, order=self.order[order], scale=self.scale[order], offset=self.offset[order])

    def scaled(self, factor: Floats) -> Draft:
        """Return the draft for expected = factor · got; of commands, action · scale + offset, the offset turns, too."""
        return replace(self, scale=self.scale * factor, offset=self.offset * (1.0 if self._observed else factor))

    def shifted(self, change: Floats) -> Draft:
        """Return the draft for expected = got + change; of observations, (value − offset) · scale."""
        if not self._observed:
            return replace(self, offset=self.offset + change)
        factor = np.where(self.scale == 0, 1.0, self.scale)
        return replace(self, offset=self.offset - change / factor)

    def advised(self, *advice: str, **options: str) -> Draft:
        """Return the draft with more advice and options."""
        return replace(self, options=(*self.options, *options.items()), advice=(*self.advice, *advice))

    def remedy(self) -> str:
        """Return what changes in the file, in one line."""
        before, after = Draft.of(self.series)._lists(), self._lists()
        changed = [(name, value) for name, value in after.items() if value != before[name]]
        return ', '.join([*(f'{name}: {value}' for name, value in (*changed, *self.options)), *self.advice])

    def _lists(self) -> dict[str, str]:
        """Return joints (or elements), scale and offset in the order in which the file lists them."""
        # a command's numbers stay with their joints, and the joints move in the action; an observation's move
        place = np.arange(len(self.order)) if self._observed else np.argsort(self.order)
        joints = self.series.written.joints
        listed = self.order if self._observed else place
        names = [joints[element] for element in listed] if joints else [str(element) for element in listed]
        return {
            'joints' if joints else 'elements': f'[{", ".join(names)}]',
            'scale': numbers(self.scale[place]),
            # what float32 leaves of a sum is no offset
            'offset': numbers(np.round(self.offset[place], 6)),
        }
