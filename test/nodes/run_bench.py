# SPDX-License-Identifier: Apache-2.0
"""Bags of the simulator bridge, of runs whose arrays are given."""

import contextlib
import signal

from core.core_bench import Log
import numpy as np

from rl_policy_node.nodes.policy.record.record_options import RecordSpec
from rl_policy_node.nodes.simulator.run_recording import Run, RunRecording

PERIOD = 0.02  # s
RUN = Run('/sim_bridge_node', {'environment': 'test', 'rows': 2, 'bound': float('inf')}, PERIOD, True)


class Recording(RunRecording):
    """A recording whose recorder a test may kill, stop and let go on."""

    def signal(self, number):
        self._link._process.send_signal(number)

    def kill(self):
        self.signal(signal.SIGKILL)
        self._link._process.wait()

    @property
    def path(self):
        """The bag, once the recorder has said where it is."""
        self.report()
        return self._link.path

    @property
    def ended(self):
        return not self._link.running


@contextlib.contextmanager
def recording(folder, run=RUN, **changes):
    """A recording into a folder, and its log; at the end its process is over."""
    log = Log()
    made = Recording(run, RecordSpec(directory=str(folder), **changes), log)
    try:
        yield made, log
    finally:
        made.close()
        assert made.ended


def play(made, arrays, steps=None, start=0):
    """Bring the steps of arrays, name → (steps, rows, …), and their latencies to a recording."""
    arrays = dict(arrays)
    latency = arrays.pop('latency', ())
    for step in range(start, len(latency) if steps is None else steps):
        made.show(10**9 + round(step * PERIOD * 1e9))
        if step < len(latency) and np.isfinite(latency[step]):
            made.latency(step, latency[step])
        if arrays:
            made.step(step, {name: values[step] for name, values in arrays.items()})


def run_bag(folder, arrays):
    """Write the bag of a run; arrays: name → (steps, rows, …), with `latency` (steps,)."""
    with recording(folder) as (made, _):
        play(made, arrays)
