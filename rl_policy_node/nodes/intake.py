"""What a step takes in: a copy of every source, aligned, and what is new in it."""
import copy

import numpy as np

from rl_policy_node.nodes.episode_messages import read_start


class Intake:
    """Copies the sources for a step; `take` and `ready` are called while callbacks are kept out.

    taken: name → SourceBuffer, the copies. episode (rows,), ns: start of each row's episode as a simulator
    says it, episode_fresh (rows,): said since the last step.
    """

    def __init__(self, control, sources, ros_now):
        self._control, self._sources, self._ros_now = control, sources, ros_now
        self.taken = {name: copy.deepcopy(source.buffer) for name, source in sources.items()}
        self.episode = np.zeros(control.rows, dtype=np.int64)
        self.episode_fresh = np.zeros(control.rows, dtype=bool)
        self._begun = np.zeros(control.rows, dtype=np.int64)

    def ready(self, fit):
        """Whether every row in the mask `fit` has a new observation."""
        complete = np.logical_and.reduce([source.buffer.fresh for source in self._sources.values()])
        if self._control.trigger == 'lockstep':
            if self._control.episode_topic:
                complete &= self.episode_fresh
            return bool(complete.all())
        return bool(complete.any() and complete[fit].all())

    def take(self, keep_fresh=False):
        """Copy every source as it is, or as it was at its reference; what is taken is no longer new."""
        reference = self._reference()
        for name, source in self._sources.items():
            if source.spec.alignment == 'asof':
                source.buffer.copy_asof(self.taken[name], reference)
            else:
                source.buffer.copy_to(self.taken[name])
            np.copyto(self.taken[name].fresh, source.buffer.fresh)
            if not keep_fresh:
                source.buffer.fresh[:] = False
        if not keep_fresh:
            self.episode_fresh[:] = False

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
        self._begun[:] = self.episode
        return begins

    def complete(self):
        """Return the rows (mask) whose sources belong together and are new where they have to be."""
        complete = np.ones(self._control.rows, dtype=bool)
        for name, buffer in self.taken.items():
            # the episode has begun, and this source still shows the one before
            complete &= (buffer.stamps == 0) | (buffer.stamps >= self._begun)
            if self._sources[name].spec.alignment == 'drop':
                complete &= buffer.fresh
        return complete

    def there(self):
        """Return the rows (mask) whose commanded state was measured at least once."""
        there = np.ones(self._control.rows, dtype=bool)
        for action in self._control.actions:
            if action.source:
                there &= np.isfinite(self.taken[action.source].received)
        return there
