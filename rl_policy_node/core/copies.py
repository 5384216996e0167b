# SPDX-License-Identifier: Apache-2.0
"""Copies of the buffers of the sources, aligned to one another: the sources of a frame."""

from __future__ import annotations

from collections.abc import Mapping
import threading

import numpy as np

from rl_policy_node.control.source_buffer import SourceBuffer
from rl_policy_node.control.specs import ControlSpec
from rl_policy_node.core.trigger import Trigger


class AlignedCopies:
    """Copies buffers, into arrays that belong to the thread that asks: none overwrites another's."""

    def __init__(self, control: ControlSpec, buffers: Mapping[str, SourceBuffer], trigger: Trigger) -> None:
        self._buffers, self._trigger = buffers, trigger
        # the source to align to ('': the reference of the trigger), and the sources aligned to it
        aligned = tuple(name for name, source in control.sources.items() if source.alignment == 'asof')
        self._alignment = control.timing.alignment_reference, aligned
        self._kept = threading.local()

    def take(self, ros: int) -> dict[str, SourceBuffer]:
        """Return copies that this thread's next call overwrites; the caller has locked the buffers. ros: ns, now."""
        try:
            taken: dict[str, SourceBuffer] = self._kept.taken
        except AttributeError:
            taken = self._kept.taken = {name: buffer.empty() for name, buffer in self._buffers.items()}
        for name, buffer in self._buffers.items():
            buffer.copy_to(taken[name])
        reference, aligned = self._alignment
        if aligned:
            # (rows,), ns, the newest stamps that aligned sources may have; 0: any
            if reference:
                stamps = self._buffers[reference].stamps
            else:
                stamps = self._trigger.reference(np.stack([each.stamps for each in self._buffers.values()]), ros)
            for name in aligned:
                self._buffers[name].copy_asof(taken[name], stamps)
        return taken
