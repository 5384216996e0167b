# SPDX-License-Identifier: Apache-2.0
"""The joint targets that a task sets itself, and how they follow from the action."""

import functools

import numpy as np

from .actors import numbers
from .pieces import array
from .tasks import HELD, LAWS, of_class


class Targets:
    """`values` are the targets of the last step, NaN before the first; `terms` describe the actions of a task.

    gains: stiffness and damping of the drives, where the task states them. articulations: those of an environment; a
    law of the action is that of the first one.
    """

    def __init__(self, task, articulations, pieces):
        self._task, self._articulations, self._pieces = task, articulations, pieces
        self._law, self._actions = of_class(LAWS, task) if articulations else None, None
        self._held = self._named() or ([of_class(HELD, task)] if of_class(HELD, task) else [])
        kinds = [self._law.kind] if self._law else [kind for kind, _ in self._held]
        self.values = {
            'targets/{}/{}'.format(actor.name, kind): np.full((task.num_envs, len(actor.joints)), np.nan, np.float32)
            for kind in kinds
            for actor in articulations
        }
        self.gains = {}
        if self._law and self._law.gains:
            self.gains = dict(zip(('stiffness', 'damping'), (float(getattr(task, gain)) for gain in self._law.gains)))
        self.terms = [self._term()]

    def act(self, actions):
        """Take the actions of a step, as the task gets them: clipped, and with noise where training has it."""
        self._actions = array(actions).reshape(self._task.num_envs, -1)

    def keep(self):
        """Keep the targets that the task has set for this step."""
        if self._law:
            scale, offset = self._scale_and_offset()
            self._set(self._law.kind, scale * self._actions + offset)
        for kind, name in self._held:
            self._set(kind, array(getattr(self._task, name)))

    def _named(self):
        """Return (kind, attribute) of the targets that the user names."""
        named = ((kind, self._pieces.held(kind + '_targets')[0]) for kind in ('position', 'velocity', 'effort'))
        return [(kind, name) for kind, name in named if name]

    def _set(self, kind, targets):
        """Keep the targets (rows, n) of the first n joints, but those that nothing drives."""
        driven = getattr(self._task, 'actuated_dof_indices', None)
        if driven is not None:
            passive = np.setdiff1d(np.arange(targets.shape[1]), array(driven))
            targets[:, passive] = np.nan
        for actor in self._articulations:
            values = self.values['targets/{}/{}'.format(actor.name, kind)]
            part, targets = np.split(targets, [len(actor.joints)], axis=1)
            values[:, : part.shape[1]] = part

    def _scale_and_offset(self):
        """Return the law's numbers, (rows, n) each."""
        shape = self._task.num_envs, self._law.size or len(self._articulations[0].joints)
        factors = [array(getattr(self._task, name)) for name in self._law.scale]
        scale = functools.reduce(np.multiply, factors)
        offset = array(getattr(self._task, self._law.offset)) if self._law.offset else 0.0
        return np.broadcast_to(scale, shape).astype(np.float32), np.broadcast_to(offset, shape).astype(np.float32)

    def _term(self):
        """Return the description of the action, `other` unless every row has the same law."""
        other = {'name': 'actions', 'kind': 'other', 'size': int(self._task.num_actions)}
        if self._law is None:
            return other
        scale, offset = self._scale_and_offset()
        if (scale != scale[0]).any() or (offset != offset[0]).any() or scale.shape[1] != self._task.num_actions:
            return other
        clip = float(getattr(self._task, 'clip_actions', np.inf))
        ends = np.sort([offset[0] - clip * scale[0], offset[0] + clip * scale[0]], axis=0).T
        actor = self._articulations[0]
        return {
            'name': 'actions',
            'kind': 'joint_' + self._law.kind,
            'articulation': actor.name,
            'joints': actor.joints[: scale.shape[1]],
            'scale': numbers(scale[0]),
            'offset': numbers(offset[0]),
            'clip': ends.tolist() if np.isfinite(clip) else None,
        }
