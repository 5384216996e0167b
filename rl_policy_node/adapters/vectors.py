# SPDX-License-Identifier: Apache-2.0
"""Vectors and quaternions in messages: geometry_msgs, nav_msgs' odometry, sensor_msgs' IMU.

All are float64, in the header's frame unless stated otherwise. Quaternions are x, y, z, w and of length 1.
"""

from collections.abc import Collection, Mapping, Sequence
from operator import attrgetter

import numpy as np

from rl_policy_node.adapters.adapter import Adapter, MessageError, Options
from rl_policy_node.adapters.array_types import Array, Arrays, Message

# Field → its components in the message, its unit.
QUANTITIES = {
    'position': ('xyz', 'm'),
    'orientation': ('xyzw', 'unit quaternion x, y, z, w'),
    'linear_velocity': ('xyz', 'm/s'),
    'angular_velocity': ('xyz', 'rad/s'),
    'linear_acceleration': ('xyz', 'm/s²'),
    'force': ('xyz', 'N'),
    'torque': ('xyz', 'N·m'),
    'vector': ('xyz', "the publisher's"),
}

# Type → field → where its components stand; '' is the message itself.
PATHS: dict[str, dict[str, str]] = {
    'geometry_msgs/msg/Point': {'position': ''},
    'geometry_msgs/msg/PointStamped': {'position': 'point'},
    'geometry_msgs/msg/Pose': {'position': 'position', 'orientation': 'orientation'},
    'geometry_msgs/msg/PoseStamped': {'position': 'pose.position', 'orientation': 'pose.orientation'},
    'geometry_msgs/msg/PoseWithCovarianceStamped': {
        'position': 'pose.pose.position',
        'orientation': 'pose.pose.orientation',
    },
    'geometry_msgs/msg/Quaternion': {'orientation': ''},
    'geometry_msgs/msg/QuaternionStamped': {'orientation': 'quaternion'},
    'geometry_msgs/msg/TransformStamped': {'position': 'transform.translation', 'orientation': 'transform.rotation'},
    'geometry_msgs/msg/Twist': {'linear_velocity': 'linear', 'angular_velocity': 'angular'},
    'geometry_msgs/msg/TwistStamped': {'linear_velocity': 'twist.linear', 'angular_velocity': 'twist.angular'},
    'geometry_msgs/msg/TwistWithCovarianceStamped': {
        'linear_velocity': 'twist.twist.linear',
        'angular_velocity': 'twist.twist.angular',
    },
    'geometry_msgs/msg/Vector3': {'vector': ''},
    'geometry_msgs/msg/Vector3Stamped': {'vector': 'vector'},
    'geometry_msgs/msg/Wrench': {'force': 'force', 'torque': 'torque'},
    'geometry_msgs/msg/WrenchStamped': {'force': 'wrench.force', 'torque': 'wrench.torque'},
    'nav_msgs/msg/Odometry': {
        'position': 'pose.pose.position',
        'orientation': 'pose.pose.orientation',
        'linear_velocity': 'twist.twist.linear',
        'angular_velocity': 'twist.twist.angular',
    },
}

NOTES = {
    'geometry_msgs/msg/TransformStamped': 'the pose of child_frame_id in frame_id',
    'nav_msgs/msg/Odometry': 'the pose of child_frame_id in frame_id; velocities in child_frame_id',
}


class VectorAdapter(Adapter):
    """Vectors (3,) and quaternions (4,) xyzw. paths: field → path into the message.

    A subclass states type_name and paths; the rest follows from `QUANTITIES`.
    """

    paths: Mapping[str, str] = {}

    def __init_subclass__(cls, **arguments: object) -> None:
        super().__init_subclass__(**arguments)
        cls.fields = {field: (len(QUANTITIES[field][0]),) for field in cls.paths}
        cls.units = {field: QUANTITIES[field][1] for field in cls.paths}

    def __init__(self, *arguments: Options) -> None:
        super().__init__(*arguments)
        self._read = {
            field: attrgetter(*(f'{path}.{axis}'.lstrip('.') for axis in QUANTITIES[field][0]))
            for field, path in self.paths.items()
        }

    def to_arrays(self, message: Message) -> Arrays:
        arrays = {field: np.array(self._read[field](message), dtype=np.float64) for field in self.provided(message)}
        orientation = arrays.get('orientation')
        # the comparison is false for NaN, too
        if orientation is not None and not abs(orientation @ orientation - 1.0) <= 1e-3:
            raise ValueError(f'orientation {orientation.tolist()} is not a unit quaternion (x, y, z, w)')
        return arrays

    def to_message(self, arrays: Mapping[str, Array], stamp: int, names: Sequence[str] = ()) -> Message:
        self.check_fields(arrays, self.fields)
        message = self.new_message(stamp)
        for field, value in arrays.items():
            self._write(message, field, np.asarray(value))
        return message

    def provided(self, _message: Message) -> Collection[str]:
        """Return the fields that a message provides."""
        return self.paths

    def _write(self, message: Message, field: str, value: Array) -> None:
        if value.shape != self.fields[field]:
            raise MessageError(f'{field} has the shape {value.shape}; expected {self.fields[field]}')
        holder = attrgetter(self.paths[field])(message) if self.paths[field] else message
        for axis, number in zip(QUANTITIES[field][0], value.tolist()):
            setattr(holder, axis, float(number))


class ImuAdapter(VectorAdapter):
    """An IMU; fields whose covariance begins with −1 are not provided, and are left out."""

    type_name = 'sensor_msgs/msg/Imu'
    paths = {field: field for field in ('orientation', 'angular_velocity', 'linear_acceleration')}
    note = 'a field whose covariance begins with −1 is not provided'

    def provided(self, message: Message) -> Collection[str]:
        return [field for field in self.paths if _covariance(message, field)[0] != -1.0]

    def to_message(self, arrays: Mapping[str, Array], stamp: int, names: Sequence[str] = ()) -> Message:
        self.check_fields(arrays, ())
        message = self.new_message(stamp)
        for field in self.paths:
            if field in arrays:
                self._write(message, field, np.asarray(arrays[field]))
            else:
                _covariance(message, field)[0] = -1.0
        return message


def _covariance(message: Message, field: str) -> Array:
    """Return the covariance (9,) of a field of an Imu; it can be modified in place."""
    covariance: Array = getattr(message, f'{field}_covariance')
    return covariance


def _adapter(type_name: str) -> type[Adapter]:
    """Return the adapter class of a row of the table."""
    return type(
        f'{type_name.split("/")[-1]}Adapter',
        (VectorAdapter,),
        {
            '__doc__': VectorAdapter.__doc__,
            '__module__': __name__,
            'type_name': type_name,
            'paths': PATHS[type_name],
            'note': NOTES.get(type_name, ''),
        },
    )


VECTOR_ADAPTERS: tuple[type[Adapter], ...] = (*map(_adapter, PATHS), ImuAdapter)
