"""What a step takes in: a copy of every source, aligned, and what is new in it."""
import numpy as np

from rl_policy_node.control.numbers import every, highest, lowest, some
from rl_policy_node.nodes.episode_messages import read_start


class Intake:
    """Copies the sources for a step; `take` and `ready` are called while callbacks are kept out.

    taken: name → SourceBuffer, the copies. episode (rows,), ns: start of each row's episode as a simulator
    says it, episode_fresh (rows,): said since the last step.
    """

    def __init__(self, control, sources, ros_now):
        self._control, self._sources, self._ros_now = control, sources, ros_now
        self.taken = {name: source.buffer.empty() for name, source in sources.items()}
        self._pairs = [(source.buffer, self.taken[name], source.spec.alignment) for name, source in sources.items()]
        self._aligned = any(alignment == 'asof' for *_, alignment in self._pairs)
        self._commanded = [self.taken[action.source] for action in control.actions if action.source]
        self.episode = np.zeros(control.rows, dtype=np.int64)
        self.episode_fresh = np.zeros(control.rows, dtype=bool)
        self._begun, self._last_begun = np.zeros(control.rows, dtype=np.int64), 0

    def ready(self, fit):
        """Whether every row in the mask `fit` has a new observation."""
        new = [buffer.fresh for buffer, *_ in self._pairs]
        if self._control.trigger == 'lockstep':
            return all(map(every, new)) and (not self._control.episode_topic or every(self.episode_fresh))
        if every(fit):
            return all(map(every, new))
        complete = np.logical_and.reduce(new)
        return some(complete) and every(complete[fit])

    def take(self, keep_fresh=False):
        """Copy every source as it is, or as it was at its reference; what is taken is no longer new."""
        reference = self._reference() if self._aligned else None
        for buffer, taken, alignment in self._pairs:
            if alignment == 'asof':
                buffer.copy_asof(taken, reference)
            else:
                buffer.copy_to(taken)
            if not keep_fresh:
                buffer.fresh[:] = False
        if not keep_fresh:
            self.episode_fresh[:] = False

    def arrived(self):
        """Return when the last message came of what was taken, s."""
        return max(highest(buffer.received) for buffer in self.taken.values())

    def _reference(self):
        """Return the stamp (rows,), ns, that aligned sources must not be newer than; 0: any."""
        if self._control.alignment_reference:
            return self._sources[self._control.alignment_reference].buffer.stamps
        if self._control.trigger == 'timer':
            return np.full(self._control.rows, self._ros_now())
        stamps = np.stack([source.buffer.stamps for source in self._sources.values()])
        return np.where(stamps == 0, np.iinfo(np.int64).max, stamps).min(axis=0) * (stamps != 0).any(axis=0)

    def note_episode(self, row, message):
        """Take in when the episode of a row, or of all rows (None), began; raises ContractError."""
        read_start(message, row, self.episode)
        self.episode_fresh[slice(None) if row is None else row] = True

    def episode_begins(self):
        """Return the rows (mask) whose episode is another than at the last call."""
        begins = self.episode != self._begun
        if some(begins):
            self._begun[:] = self.episode
            self._last_begun = highest(self._begun)
        return begins

    def complete(self, rows):
        """Return those of the rows (mask) whose sources belong together and are new where they have to be."""
        for _, buffer, alignment in self._pairs:
            # the episode has begun, and this source still shows the one before
            if lowest(buffer.stamps) < self._last_begun:
                rows = rows & ((buffer.stamps == 0) | (buffer.stamps >= self._begun))
            if alignment == 'drop':
                rows = rows & buffer.fresh
        return rows

    def there(self, rows):
        """Return those of the rows (mask) whose commanded state was measured at least once."""
        for buffer in self._commanded:
            if lowest(buffer.received) == -np.inf:
                rows = rows & np.isfinite(buffer.received)
        return rows

    def stamps(self, source, answers):
        """Return the stamps (rows,), ns, of commands; they hold until the next `take`.

        Rows in the mask `answers` bear the stamp of what was taken of a source ('': the newest of any), where there is
        one, and the others the time.
        """
        stamps = self.taken[source].stamps if source else np.max([b.stamps for b in self.taken.values()], axis=0)
        if every(answers) and lowest(stamps) > 0:
            return stamps
        return np.where(answers & (stamps != 0), stamps, self._ros_now())
