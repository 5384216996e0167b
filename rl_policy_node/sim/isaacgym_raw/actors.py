# SPDX-License-Identifier: Apache-2.0
"""The actors of an environment, their joints and bodies, in the order of Isaac Gym's tensors."""

import numpy as np


class Actor:
    """An actor: its name, joints and bodies; `bodies` begins with its root."""

    def __init__(self, gym, env, handle, name):
        self.name, self.joints = name, list(gym.get_actor_dof_names(env, handle))
        links = list(gym.get_actor_rigid_body_names(env, handle))
        single = not self.joints and len(links) == 1
        self.bodies = [name] if single else ['{}/{}'.format(name, link) for link in links]
        self._properties = gym.get_actor_dof_properties(env, handle) if self.joints else None

    def described(self):
        """Return what Isaac Gym knows of an articulation: limits, and the gains of joints that it drives itself."""
        limited, driven = self._column('hasLimits') != 0, np.isin(self._column('driveMode'), (1, 2))
        return {
            'joints': self.joints,
            'root': self.bodies[0],
            'lower': numbers(self._column('lower'), limited),
            'upper': numbers(self._column('upper'), limited),
            'max_velocity': numbers(self._column('velocity')),
            'max_effort': numbers(self._column('effort')),
            'stiffness': numbers(self._column('stiffness'), driven),
            'damping': numbers(self._column('damping'), driven),
        }

    def _column(self, name):
        return np.array(self._properties[name], dtype=float)


def actors_of(gym, env):
    """Return the Actors of an environment; a name that comes again is numbered."""
    found, names = [], []
    for index in range(gym.get_actor_count(env)):
        handle = gym.get_actor_handle(env, index)
        names.append(gym.get_actor_name(env, handle))
        again = names.count(names[-1])
        found.append(Actor(gym, env, handle, names[-1] if again == 1 else '{}_{}'.format(names[-1], again)))
    return found


def centres_of_mass(gym, envs):
    """Return (rows, bodies, 3): each body's centre of mass in its own frame, m."""
    return np.array(
        [
            [
                (each.com.x, each.com.y, each.com.z)
                for index in range(gym.get_actor_count(env))
                for each in gym.get_actor_rigid_body_properties(env, gym.get_actor_handle(env, index))
            ]
            for env in envs
        ],
        np.float32,
    )


def numbers(values, known=True):
    """Return numbers as plain data; None for what is not known or means that there is no bound."""
    known = np.logical_and(known, np.abs(values) < 1e30)
    return [float(value) if each else None for value, each in zip(values, known)]
