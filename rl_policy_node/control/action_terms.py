"""Action terms: the law that makes a command of a slice of the action, and the law back.

A command is field → (rows, ...), float64. `command` gives what the policy means, `limit` what may be
sent, `measured` the command that stays where the robot is, and `invert` the action that a received
command means, which is how a simulator is commanded.
"""
import numpy as np

from rl_policy_node import geometry
from rl_policy_node.control import limits
from rl_policy_node.control.source_buffer import index_of
from rl_policy_node.errors import ConfigurationError


class JointPosition:
    """Joint targets: q = action · scale + offset (rad or m), Isaac Lab's JointPositionAction.

    Limits: [lower, upper] and max_velocity (per s), the latter from the last command sent.
    """

    def __init__(self, spec, joints):
        self.spec, self.size = spec, len(spec.joints)
        self._columns = index_of(joints, spec.joints, f'actions.{spec.name}')
        self._scale = np.asarray(spec.scale, dtype=np.float64)
        self._offset = np.asarray(spec.offset, dtype=np.float64)
        if np.any(self._scale == 0):
            raise ConfigurationError(f'actions.{spec.name}.scale has a zero')

    def command(self, action, _sources):
        """action (rows, joints) → {'position': (rows, joints)}."""
        return {'position': action.astype(np.float64) * self._scale + self._offset}

    def invert(self, command, _sources):
        """Return the action (rows, joints), float32, of a command."""
        return ((command['position'] - self._offset) / self._scale).astype(np.float32)

    def measured(self, sources):
        """Return the command that holds the measured joint positions."""
        return {'position': sources[self.spec.source].values['position'][:, self._columns].astype(np.float64)}

    def limit(self, command, previous, dt):
        """Return the command within its limits, dt seconds after `previous`; the bounds have the last word."""
        value = command['position']
        if np.isfinite(self.spec.max_velocity):
            value = limits.limit_step(value, previous['position'], self.spec.max_velocity * dt)
        return {'position': limits.clamp(value, self.spec.lower, self.spec.upper)}


class PoseDelta:
    """TacSL's six numbers: a target pose from the observed one; see `geometry.apply_pose_delta`.

    Limits: [lower, upper] is a box for the position (m), max_velocity and max_angular_velocity bound
    how fast the target moves from the last one sent (m/s, rad/s).
    """

    size = 6

    def __init__(self, spec, _joints):
        self.spec = spec
        self._position_scale = np.asarray(spec.position_scale, dtype=np.float64)
        self._rotation_scale = np.asarray(spec.rotation_scale, dtype=np.float64)
        if np.any(self._position_scale == 0) or np.any(self._rotation_scale == 0):
            raise ConfigurationError(f'actions.{spec.name}: a scale is zero')

    def command(self, action, sources):
        """action (rows, 6) → {'position': (rows, 3) m, 'orientation': (rows, 4) xyzw}."""
        pose = sources[self.spec.source].values
        position, orientation = geometry.apply_pose_delta(
            pose['position'], pose['orientation'], action,
            self._position_scale, self._rotation_scale, self.spec.rotation_threshold)
        return {'position': position, 'orientation': orientation}

    def invert(self, command, sources):
        """Return the action (rows, 6), float32, of a command, from the pose in `sources`."""
        pose = sources[self.spec.source].values
        return geometry.pose_delta_between(pose['position'], pose['orientation'], command['position'],
                                           command['orientation'], self._position_scale, self._rotation_scale)

    def measured(self, sources):
        """Return the command that holds the measured pose."""
        pose = sources[self.spec.source].values
        return {'position': pose['position'].astype(np.float64),
                'orientation': geometry.normalize_quaternion(pose['orientation'])}

    def limit(self, command, previous, dt):
        """Return the command within its limits, dt seconds after `previous`; the box has the last word."""
        position, orientation = command['position'], command['orientation']
        if np.isfinite(self.spec.max_velocity):
            position = limits.limit_distance(position, previous['position'], self.spec.max_velocity * dt)
        if np.isfinite(self.spec.max_angular_velocity):
            orientation = limits.limit_turn(orientation, previous['orientation'],
                                            self.spec.max_angular_velocity * dt)
        return {'position': limits.clamp(position, self.spec.lower, self.spec.upper), 'orientation': orientation}


KINDS = {'joint_position': JointPosition, 'pose_delta': PoseDelta}
FIELDS = {'joint_position': ('position',), 'pose_delta': ('position', 'orientation')}


def build_action(spec, buffers, joints):
    """Return the term of an ActionSpec; its source must measure what it commands."""
    values = buffers[spec.source].values
    for field in FIELDS[spec.kind]:
        if field not in values:
            raise ConfigurationError(f"actions.{spec.name}: kind {spec.kind} needs the field '{field}' of source "
                                     f"'{spec.source}', which has {sorted(values)}")
    return KINDS[spec.kind](spec, joints.get(spec.source, ()))
