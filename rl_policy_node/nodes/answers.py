"""How long observations wait for their commands, those that come too late included."""
from collections import OrderedDict, deque

import numpy as np


class Answers:
    """Times each observation from being shown to the last of the commands that answer it.

    shape: (commands, rows) that make an answer complete. latencies: s, in the order of completion;
    by_step: step → s, where `keep_all`. An observation that is never answered has no latency.
    """

    def __init__(self, shape, keep_all=False):
        self._shape, self._open = shape, OrderedDict()
        self.latencies = deque(maxlen=100_000)
        self.by_step = {} if keep_all else None

    def shown(self, stamp, step, now):
        """Note that the observation of a step went out."""
        self._open[stamp] = (step, now, np.zeros(self._shape, dtype=bool))
        while len(self._open) > 64:
            self._open.popitem(last=False)

    def answer(self, stamp, command, row, now):
        """Note a command that answers the observation of `stamp`; one that is not known is none."""
        if stamp not in self._open:
            return
        step, shown, answered = self._open[stamp]
        answered[command, row] = True
        if answered.all():
            del self._open[stamp]
            self._time(step, now - shown)

    def _time(self, step, latency):
        if step == 0:
            return      # it came when the policy was up, which says nothing of latency
        self.latencies.append(latency)
        if self.by_step is not None:
            self.by_step[step] = latency
