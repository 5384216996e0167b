# SPDX-License-Identifier: Apache-2.0
"""Two robots on a bench: which of them act, and whether a run replays."""

from core.core_bench import Bench, control_of, policy_of
import numpy as np

ALL, LEFT, RIGHT = slice(0, 2), slice(0, 1), slice(1, 2)


def measured(bench, row):
    """Where a row is measured."""
    return bench.sources['joints'].buffer.values['position'][row]


def acts(bench, seed=0, rows=None):
    """Step; return which rows act, after a look at what the others command."""
    before = bench.positions.copy() if bench.sent else np.full((2, 3), np.nan)
    bench.step(seed, rows)
    healthy = bench.rows.healthy.copy()
    for row in np.nonzero(~healthy)[0]:
        assert (bench.positions[row] == before[row]).all() or (bench.positions[row] == measured(bench, row)).all()
    return healthy.tolist()


def assert_replays(first, again, state, later):
    """Compare what another bench makes of the frames from the place `later` on, beginning from a state."""
    again.cycle.stepper.restore(state)
    for frame, outcome in list(zip(first.keeper.frames, first.keeper.outcomes))[later:]:
        made = again.cycle.stepper.step(frame)
        np.testing.assert_array_equal(made.commands['arm']['position'], outcome.commands['arm']['position'])
        assert made.reasons == outcome.reasons


def started(folder, **options):
    """A bench whose rows act."""
    bench = Bench(policy_of(folder), control_of(**options))
    bench.measure()
    bench.cycle.start()
    assert acts(bench) == [True, True]
    return bench
