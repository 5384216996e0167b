# SPDX-License-Identifier: Apache-2.0
"""Numbers by joint: sensor_msgs' JointState, trajectory_msgs' JointTrajectory."""

import array
from collections.abc import Mapping, Sequence
import math

import numpy as np

from rl_policy_node.adapters.adapter import Adapter, cast, message_class, MessageError, Options
from rl_policy_node.adapters.array_types import Array, Arrays, Message, Names, Shape
from rl_policy_node.adapters.cdr import Cdr, Layouts, Order, stamp_of

POINT = 'trajectory_msgs/msg/JointTrajectoryPoint'


class _JointAdapter(Adapter):
    """`position`, `velocity`, `effort`, one number per name; empty fields are left out.

    attributes: field → the message's attribute that carries it.
    """

    units = {'position': 'rad or m', 'velocity': 'rad/s or m/s', 'effort': 'N·m or N'}
    fields: Mapping[str, Shape] = dict.fromkeys(units)
    open_shape = '(joints,)'
    note = 'by name; a field may be empty'
    attributes: Mapping[str, str] = {}

    def _read(self, holder: Message, names: Sequence[str]) -> Arrays:
        _check_unique(names)
        arrays = {
            field: np.frombuffer(getattr(holder, attribute), dtype=np.float64)
            for field, attribute in self.attributes.items()
            if len(getattr(holder, attribute))
        }
        _check_shapes({field: value.shape for field, value in arrays.items()}, names)
        return arrays

    def _write(self, holder: Message, arrays: Mapping[str, Array], names: Sequence[str]) -> None:
        self.check_fields(arrays, ())
        _check_unique(names)
        arrays = {field: cast(field, value, np.float64) for field, value in arrays.items()}
        _check_shapes({field: value.shape for field, value in arrays.items()}, names)
        for field, value in arrays.items():
            setattr(holder, self.attributes[field], array.array('d', value.tobytes()))


class JointStateAdapter(_JointAdapter):
    """A state of joints, or a command to them."""

    type_name = 'sensor_msgs/msg/JointState'
    attributes = {'position': 'position', 'velocity': 'velocity', 'effort': 'effort'}

    def __init__(self, *arguments: Options) -> None:
        super().__init__(*arguments)
        self._layouts = Layouts(self._layout)

    def to_arrays(self, message: Message) -> Arrays:
        return self._read(message, message.name)

    def from_cdr(self, buffer: bytes) -> tuple[Arrays, int, Names]:
        order, dtype, names, spans = self._layouts.of(buffer)
        arrays = {field: np.frombuffer(buffer, dtype, count, start) for field, start, count in spans}
        return arrays, stamp_of(buffer, order), names

    def _layout(self, cdr: Cdr) -> tuple[Order, np.dtype[np.float64], tuple[str, ...], list[tuple[str, int, int]]]:
        """Return the byte order, the dtype, the names and the (field, start, count) of a serialized message."""
        cdr.skip_header()
        names = tuple(cdr.text() for _ in range(cdr.word()))
        spans = [(field, *cdr.span(8)) for field in self.attributes]
        spans = [span for span in spans if span[2]]
        _check_unique(names)
        _check_shapes({field: (count,) for field, _, count in spans}, names)
        return cdr.order, np.dtype(np.float64).newbyteorder(cdr.order), names, spans

    def to_message(self, arrays: Mapping[str, Array], stamp: int, names: Sequence[str] = ()) -> Message:
        message = self.new_message(stamp)
        self._write(message, arrays, names)
        message.name = list(names)
        return message

    def names(self, message: Message) -> Names:
        return tuple(message.name)


class JointTrajectoryAdapter(_JointAdapter):
    """A command of one point, to be reached `time_from_start` after the stamp; reads the last of several points."""

    type_name = 'trajectory_msgs/msg/JointTrajectory'
    attributes = {'position': 'positions', 'velocity': 'velocities', 'effort': 'effort'}
    note = 'by name; one point is sent, the last is read; velocity and effort may be empty'

    def to_arrays(self, message: Message) -> Arrays:
        if not message.points:
            raise ValueError('the trajectory has no points')
        return self._read(message.points[-1], message.joint_names)

    def to_message(self, arrays: Mapping[str, Array], stamp: int, names: Sequence[str] = ()) -> Message:
        message, point = self.new_message(stamp), message_class(POINT)()
        self._write(point, arrays, names)
        nanoseconds = round(self.options.time_from_start * 1e9)
        point.time_from_start.sec, point.time_from_start.nanosec = divmod(nanoseconds, 1_000_000_000)
        message.joint_names, message.points = list(names), [point]
        return message

    def names(self, message: Message) -> Names:
        return tuple(message.joint_names)


def _check_unique(names: Sequence[str]) -> None:
    if len(set(names)) != len(names):
        twice = sorted({name for name in names if list(names).count(name) > 1})
        raise MessageError(f'names a joint twice: {twice}; expected each of the {len(names)} names once', names)


def _check_shapes(shapes: Mapping[str, tuple[int, ...]], names: Sequence[str]) -> None:
    for field, shape in shapes.items():
        if shape != (len(names),):
            raise MessageError(f'{field} has {math.prod(shape)} numbers for {len(names)} names', names)


JOINT_ADAPTERS: tuple[type[Adapter], ...] = (JointStateAdapter, JointTrajectoryAdapter)
