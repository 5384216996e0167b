# SPDX-License-Identifier: Apache-2.0
"""The tensors of a task as arrays, each by the attribute that holds it."""

import functools

import numpy as np

from .tasks import NAMES, REFRESHED


class Pieces:
    """Finds the tensors of a task. named: piece -> attribute, as the user states it."""

    def __init__(self, task, named):
        self._task, self._said = task, set()
        self._names = {piece: (named[piece],) if piece in named else names for piece, names in NAMES.items()}

    def held(self, piece):
        """Return the attribute that holds a piece and its value; '' and None without one."""
        for name in self._names[piece]:
            if getattr(self._task, name, None) is not None:
                return name, getattr(self._task, name)
        return '', None

    def shaped(self, piece, *shape):
        """Return the piece as an array (rows, *shape), one side of which may be -1.

        None if the task has none, or one with another number of values, which is said once.
        """
        name, value = self.held(piece)
        if not name:
            return None
        if name in REFRESHED:
            getattr(self._task.gym, REFRESHED[name])(self._task.sim)
        shape = (self._task.num_envs,) + shape
        try:
            return array(value).reshape(shape)
        except ValueError:
            if name not in self._said:
                self._said.add(name)
                text = 'raw state: task.{} has the shape {}; expected as many values as {}; it is left out'
                print(text.format(name, tuple(np.shape(value)), shape), flush=True)
            return None


def array(value):
    """Return a tensor, list or number as an array that nobody else writes into."""
    return np.array(value.detach().cpu().numpy() if hasattr(value, 'detach') else value)


def before(task, name, call):
    """Let a method of a task call call(*arguments) first."""
    method = getattr(task, name)

    @functools.wraps(method)
    def wrapped(*arguments):
        call(*arguments)
        return method(*arguments)

    setattr(task, name, wrapped)


def remembering(task, name):
    """Let a method of a task, which returns a dict, keep the last one; return a function that gives it."""
    method, kept = getattr(task, name), {}

    @functools.wraps(method)
    def wrapped(*arguments):
        result = method(*arguments)
        kept['last'] = dict(result)  # TacSL puts smaller images into the dict that it got
        return result

    setattr(task, name, wrapped)
    return lambda: kept['last']
