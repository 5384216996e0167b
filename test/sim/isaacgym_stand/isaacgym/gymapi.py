# SPDX-License-Identifier: Apache-2.0
"""What an environment consists of, as gymapi tells it; there is no physics behind it."""

import collections

import numpy as np

DOF_MODE_NONE, DOF_MODE_POS, DOF_MODE_VEL, DOF_MODE_EFFORT = range(4)
UNBOUNDED = 3.4e38

Vec3 = collections.namedtuple('Vec3', 'x y z')
RigidBodyProperties = collections.namedtuple('RigidBodyProperties', 'com mass')

DOF_PROPERTIES = np.dtype(
    [
        ('hasLimits', '?'),
        ('lower', '<f4'),
        ('upper', '<f4'),
        ('driveMode', '<i4'),
        ('velocity', '<f4'),
        ('effort', '<f4'),
        ('stiffness', '<f4'),
        ('damping', '<f4'),
        ('friction', '<f4'),
        ('armature', '<f4'),
    ]
)


class Asset:
    """A robot or an object: its links, the centre of mass of each, its joints and their properties."""

    def __init__(self, links, joints=(), centres=None, **properties):
        self.links, self.joints = list(links), list(joints)
        self.centres = centres or {}
        self.properties = np.zeros(len(self.joints), DOF_PROPERTIES)
        for name, value in properties.items():
            self.properties[name] = value


class Gym:
    """Environments of the same actors, (name, Asset) each, `spacing` metres apart."""

    def __init__(self, actors, spacing=4.0):
        self._actors, self._spacing = actors, spacing

    def create_env(self, index):
        return index

    def get_env_origin(self, env):
        return Vec3(self._spacing * env, 0.0, 0.0)

    def get_actor_count(self, env):
        return len(self._actors)

    def get_actor_handle(self, env, index):
        return index

    def get_actor_name(self, env, handle):
        return self._actors[handle][0]

    def get_actor_rigid_body_names(self, env, handle):
        return list(self._actors[handle][1].links)

    def get_actor_rigid_body_properties(self, env, handle):
        asset = self._actors[handle][1]
        return [RigidBodyProperties(Vec3(*asset.centres.get(link, (0.0, 0.0, 0.0))), 1.0) for link in asset.links]

    def get_actor_dof_names(self, env, handle):
        return list(self._actors[handle][1].joints)

    def get_actor_dof_properties(self, env, handle):
        return self._actors[handle][1].properties.copy()
