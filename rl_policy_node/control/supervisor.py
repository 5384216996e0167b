"""Decides, per row and tick, whether the policy's action or the fallback goes out, and says why."""
import numpy as np


class Supervisor:
    """Judges every source of every row.

    A source does not count while what it sent last was refused. It is stale when nothing came for
    `max_age` seconds on the steady clock, or when what came was stamped longer ago than that.
    `patience` replaces every max_age where the simulator waits for the policy (lockstep) and silence
    means a slow simulator; stamps then do not count. `period` of the control, s.
    """

    def __init__(self, rows, period, patience=None):
        self.rows, self._patience = rows, patience
        # a simulated clock is a step behind the observations that are stamped with it
        self.future_tolerance = max(0.1, 2 * period)

    def assess(self, sources, steady_now, ros_now):
        """Return (fit mask (rows,), reasons: row → str for the others).

        steady_now: s on the clock of SourceBuffer.received. ros_now: ns on the clock of the stamps.
        """
        fit = np.ones(self.rows, dtype=bool)
        reasons = {}
        for name, source in sources.items():
            for row, reason in self._judge(source, steady_now, ros_now).items():
                fit[row] = False
                reasons.setdefault(row, f"source '{name}' ({source.spec.topic}) {reason}")
        return fit, reasons

    def _judge(self, source, steady_now, ros_now):
        limit = self._patience or source.spec.max_age
        age = steady_now - source.received
        reasons = {row: f'sent what was refused: {source.last_fault[row]}' for row in np.nonzero(source.refused)[0]}
        old = {row: 'has not sent anything' if np.isinf(age[row]) else
               f'is stale: nothing for {age[row]:.3f} s, max_age {limit:g} s' for row in np.nonzero(age > limit)[0]}
        reasons = {**old, **reasons}
        frozen = steady_now - source.changed
        for row in np.nonzero((source.spec.frozen_after > 0) & (frozen > source.spec.frozen_after))[0]:
            reasons.setdefault(row, f'is frozen: the same payload for {frozen[row]:.3f} s, '
                                    f'frozen_after {source.spec.frozen_after:g} s')
        if self._patience is None and source.spec.use_header_stamp:
            stamped = np.where(source.stamps == 0, 0.0, (ros_now - source.stamps) * 1e-9)
            for row in np.nonzero(stamped > limit)[0]:
                reasons.setdefault(row, f'is stale: stamped {stamped[row]:.3f} s ago, max_age {limit:g} s')
            tolerance = source.spec.future_tolerance or self.future_tolerance
            for row in np.nonzero(stamped < -tolerance)[0]:
                reasons.setdefault(row, f'is stamped {-stamped[row]:.3f} s in the future')
        return reasons
