# SPDX-License-Identifier: Apache-2.0
"""The raw state of a task: what it consists of, and its values."""

import numpy as np

from .actors import actors_of, centres_of_mass
from .pieces import array, before, Pieces, remembering
from .targets import Targets
from .tasks import BASE_VELOCITY, MEASURED, of_class, SITES


class RawState:
    """Describes (`scene`) and measures (`read()`) the raw state of a task whose rows are its environments.

    named: piece -> attribute of the task, where it differs from published tasks. rate: Hz, or None. What a task lacks
    is left out, with a word about what does not fit.
    """

    def __init__(self, task, named, rate):
        self._task, self._pieces = task, Pieces(task, named)
        envs = self._pieces.held('envs')[1]
        self._actors = actors_of(task.gym, envs[0])
        self._articulations = [actor for actor in self._actors if actor.joints]
        self._centres = centres_of_mass(task.gym, envs)
        measured = [name for name, setting in MEASURED.items() if task.cfg['env'].get(setting) and hasattr(task, name)]
        self._measured = [remembering(task, name) for name in measured]
        for name in measured:
            getattr(task, name)()  # the first reset() of a task observes nothing
        self._targets = Targets(task, self._articulations, self._pieces)
        before(task, 'pre_physics_step', self._targets.act)
        before(task, 'post_physics_step', self._targets.keep)  # in it tasks reset rows that ended, and their targets
        self.scene = {
            'articulations': {actor.name: self._articulation(actor) for actor in self._articulations},
            'bodies': self._bodies()[0],
            'sensors': {name: _sensor(value) for name, value in self._sensors().items()},
            'commands': {name: {'size': value.shape[1], 'ranges': ranges} for name, value, ranges in self._commands()},
            'actions': self._targets.terms,
            'rate': rate,
        }

    def read(self):
        """Return name -> array (rows, ...): joints, targets, bodies, com, sensors and commands."""
        found = dict(self._joints(), **self._targets.values)
        bodies, states, velocities = self._bodies()
        if bodies:
            found.update({'bodies': states, 'com': velocities})
        found.update({'sensors/' + name: value for name, value in self._sensors().items()})
        found.update({'commands/' + name: value for name, value, _ in self._commands()})
        return found

    def _articulation(self, actor):
        described = actor.described()
        gains = self._targets.gains
        if gains and actor is self._articulations[0]:
            described.update({name: [gain] * len(actor.joints) for name, gain in gains.items()})
        default = self._split(self._pieces.shaped('default_dof_pos', self._size())).get(actor.name)
        if default is not None:
            described['default'] = default[0].tolist()
        return described

    def _size(self):
        """Return how many joints an environment has."""
        return sum(len(actor.joints) for actor in self._articulations)

    def _split(self, values):
        """Return articulation -> (rows, its joints) of the values of all joints, nothing for None."""
        if values is None:
            return {}
        ends = np.cumsum([len(actor.joints) for actor in self._articulations])
        parts = np.split(values, ends[:-1], axis=1)
        return {actor.name: part for actor, part in zip(self._articulations, parts)}

    def _joints(self):
        """Return name -> (rows, n): position, rad or m, velocity, and effort as measured, N m or N."""
        if not self._articulations:
            return {}
        state = self._pieces.shaped('dof_state', self._size(), 2)
        kinds = {'effort': self._pieces.shaped('dof_force', self._size())}
        if state is not None:
            kinds.update(position=state[..., 0], velocity=state[..., 1])
        return {
            'joints/{}/{}'.format(name, kind): part
            for kind, values in kinds.items()
            for name, part in self._split(values).items()
        }

    def _bodies(self):
        """Return the names of the bodies, their states (rows, m, 13), and the velocities of their centres of mass.

        Those of all bodies if the task holds them, else those of each actor's root. A reset writes into the states of
        roots at once, and into those of bodies only with the next physics.
        """
        names = [body for actor in self._actors for body in actor.bodies]
        roots = [names.index(actor.bodies[0]) for actor in self._actors]
        states = self._pieces.shaped('body_states', len(names), 13)
        centres, of_roots = self._centres, self._pieces.shaped('root_states', len(self._actors), 13)
        if states is not None and of_roots is not None:
            states[:, roots] = of_roots
        elif of_roots is not None:
            names, states, centres = [names[root] for root in roots], of_roots, centres[:, roots]
        if states is None:
            return [], None, None
        velocities = states[..., 7:10].copy()
        states[..., 7:10] -= np.cross(states[..., 10:13], _rotated(states[..., 3:7], centres))
        sites = self._sites()
        states = np.concatenate([states] + list(sites.values()), axis=1)
        velocities = np.concatenate([velocities] + [site[..., 7:10] for site in sites.values()], axis=1)
        if getattr(self._task, 'custom_origins', False):  # anymal_terrain.py puts rows onto one terrain
            states[..., :3] -= array(self._task.env_origins)[:, None]
        return names + list(sites), states, velocities

    def _sites(self):
        """Return name -> (rows, 1, 13) of the poses that tasks compute from those of bodies."""
        found = {}
        for site in SITES:
            parts = [getattr(self._task, site + part, None) for part in ('_pos', '_quat', '_linvel', '_angvel')]
            if all(part is not None for part in parts):
                found[site] = np.concatenate([array(part) for part in parts], axis=1)[:, None]
        return found

    def _sensors(self):
        """Return name -> (rows, ...): images and force fields that the policy sees; net forces and height scans."""
        found = {
            name: array(value)
            for last in self._measured
            for name, value in last().items()
            if name in self._task.obs_dims
        }
        more = {
            'contact_forces': self._pieces.shaped(
                'contact_forces', sum(len(actor.bodies) for actor in self._actors), 3
            ),
            'force_sensors': self._pieces.shaped('force_sensors', -1, 6),
            'height_scan': self._height_scan(),
        }
        return dict(found, **{name: value for name, value in more.items() if value is not None})

    def _height_scan(self):
        """Return (rows, points): height of the base above the ground, m, as AnymalTerrain measures it, or None."""
        task = self._task
        if not hasattr(task, 'measured_heights'):
            return None
        if task.measured_heights is None:  # until its first step
            task.base_quat = task.root_states[:, 3:7]
            task.measured_heights = task.get_heights()
        return array(task.root_states[:, 2:3] - task.measured_heights)

    def _commands(self):
        """Return (name, (rows, k), ranges) of what people ask of the policy."""
        commands = self._pieces.shaped('commands', -1)
        if commands is None:
            return []
        ranges = of_class(BASE_VELOCITY, self._task)
        if ranges is None:
            return [('commands', commands, {})]
        return [
            ('base_velocity', commands[:, :3], {name: [float(end) for end in each] for name, each in ranges.items()})
        ]


def _sensor(value):
    """Describe a sensor by its values (rows, ...)."""
    image = value.dtype == np.uint8 and value.ndim == 4
    return {'kind': 'image' if image else 'array', 'shape': list(value.shape[1:]), 'dtype': value.dtype.str}


def _rotated(quaternion, vector):
    """Return vectors (..., 3) turned by quaternions (..., 4), x, y, z, w."""
    axis, once = quaternion[..., :3], np.cross(quaternion[..., :3], vector)
    return vector + 2.0 * (quaternion[..., 3:] * once + np.cross(axis, once))
