"""Topics as the configuration names them: which fields a source carries, what a sink is made of.

The policy node and the simulator bridge both build on this, one from each end of the wire.
"""
import dataclasses
import functools

import numpy as np
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.serialization import deserialize_message

from rl_policy_node.adapters import ADAPTERS, create_adapter, OtherEncoding
from rl_policy_node.control.action_terms import command_shapes, measured_fields
from rl_policy_node.control.numbers import highest, some
from rl_policy_node.control.source_buffer import as_slice, SourceBuffer
from rl_policy_node.control.specs import TRANSFORM
from rl_policy_node.errors import ConfigurationError, ContractError, unknown
from rl_policy_node.nodes.template import template

_JOINT_STATE, _TRAJECTORY = 'sensor_msgs/msg/JointState', 'trajectory_msgs/msg/JointTrajectory'
_ARRAYS = ('std_msgs/msg/Float32MultiArray', 'std_msgs/msg/Float64MultiArray')
_NUMBER = 'std_msgs/msg/Float64'
# those whose layout can have a dimension for the rows
_WITH_ROWS = tuple(name for name in ADAPTERS if name.endswith('MultiArray'))
COMMAND_TYPES = {
    'joint_position': (_JOINT_STATE, _TRAJECTORY, *_ARRAYS),
    'joint_delta': (_JOINT_STATE, _TRAJECTORY, *_ARRAYS),
    'joint_velocity': (_JOINT_STATE, *_ARRAYS),
    'effort': (_JOINT_STATE, *_ARRAYS),
    'pose_delta': ('geometry_msgs/msg/PoseStamped', 'geometry_msgs/msg/Pose'),
    'twist': ('geometry_msgs/msg/TwistStamped', 'geometry_msgs/msg/Twist'),
    'wrench': ('geometry_msgs/msg/WrenchStamped', 'geometry_msgs/msg/Wrench'),
    'gripper': (_JOINT_STATE, _TRAJECTORY, _NUMBER, *_ARRAYS),
    'raw': (_NUMBER, *_ARRAYS),
    'discrete': (_NUMBER, *_ARRAYS),
}
# messages of a source with alignment asof, of which the right one is taken
KEPT = 32
# orders of names that are remembered of a robot's messages: of one publisher there is one
_MOST_ORDERS = 16
COMMAND_QOS = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE)


def source_qos(lockstep):
    """Sensor data, best effort; in lockstep every message counts, and a late joiner gets the last one."""
    if lockstep:
        return QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    return QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT, history=HistoryPolicy.KEEP_LAST)


def topic_of(robot, topic):
    """Return a robot's topic; an unnamed robot's is the topic itself."""
    return f'{robot}/{topic}' if robot and not topic.startswith('/') else topic


def spec_topic(spec, robot):
    """Return the topic of a source or an action for a robot; what carries all robots has no namespace."""
    if spec.type == TRANSFORM:
        return '/tf'
    return topic_of('' if spec.rows else robot, spec.topic)


def named_for(joints, robot):
    """Return joint names with `{robot}` in them replaced by a robot's namespace."""
    return tuple(joint.replace('{robot}', robot.strip('/')) for joint in joints)


def row_groups(spec, rows):
    """Return the rows that have a topic each; None alone for one topic of all."""
    return [None] if spec.rows else list(range(rows))


class Source:
    """A source's adapter, joints and buffer."""

    def __init__(self, spec, control, input_shapes):
        if control.trigger == 'lockstep':
            # one publisher, one message per step: a stamp that goes back is a simulator that began anew
            spec = dataclasses.replace(spec, use_header_stamp=False)
        self.spec = spec
        message = 'geometry_msgs/msg/TransformStamped' if spec.type == TRANSFORM else spec.type
        if spec.rows and ':' not in message and message not in _WITH_ROWS:
            raise unknown('message type', message, _WITH_ROWS, f'sources.{spec.name}.type (rows: true)')
        self.adapter = create_adapter(message, f'sources.{spec.name}.type', encoding=spec.encoding)
        self.joints = control.joints_of(spec.name)
        kept = KEPT if spec.alignment == 'asof' else 1
        self.buffer = SourceBuffer(spec, self._shapes(control, input_shapes), control.rows, kept)
        self._names = [named_for(self.joints, robot) for robot in control.robots]
        self._orders = [{} for _ in self._names]

    def _shapes(self, control, input_shapes):
        shapes = {}
        for term in control.terms.values():
            for read in term.reads:
                if read.source == self.spec.name:
                    self._agree(shapes, read.field, self._shape(read.field, read, term, control, input_shapes))
        for action in control.actions:
            if action.source == self.spec.name:
                for field in measured_fields(action):
                    self._agree(shapes, field, self._shape(field))
        for field, shape in shapes.items():
            if shape is None:
                raise ConfigurationError(f"source '{self.spec.name}': the size of '{field}' is not known; "
                                         'state the joints or the shape of the term that reads it')
        if not shapes:
            raise ConfigurationError(f"source '{self.spec.name}' is used by no term and no action")
        return {field: (shape, self.adapter.dtype) for field, shape in shapes.items()}

    def _agree(self, shapes, field, shape):
        """Keep the shape of a field, the first one stated; another size cannot be meant."""
        known = shapes.setdefault(field, shape)
        if known is None:
            shapes[field] = shape
        elif shape is not None and np.prod(known) != np.prod(shape):
            raise ConfigurationError(f"source '{self.spec.name}': terms state the shapes {known} and {shape} "
                                     f"of its field '{field}'")

    def _shape(self, field, read=None, term=None, control=None, input_shapes=()):
        """Return the shape of a field as its reader has it, None where that does not say it."""
        if field not in self.adapter.fields:
            raise unknown('field', field, self.adapter.fields, f"source '{self.spec.name}' ({self.spec.type})")
        fixed = self.adapter.fields[field]
        if fixed is not None or self.joints:
            return fixed if fixed is not None else (len(self.joints),)
        if read is None or read.shape:
            return read and read.shape
        alone = [term.sent_shape(input_shapes[name]) for name, terms in control.inputs.items()
                 if terms == (term.name,) and name in input_shapes]
        return alone[0] if alone else None

    def names_of(self, row):
        """Return the joints by the names that they have in a robot's messages."""
        return self._names[row]

    @property
    def raw(self):
        """Whether messages are wanted as they came, as bytes; an adapter of a user's own gets the message."""
        return self.adapter.from_cdr is not None and ':' not in self.spec.type

    def read(self, row, message):
        """Return the arrays and the stamp (ns) of a message or its bytes; row None: of all rows. Raises ValueError.

        The arrays lie on the message's own memory: nothing is copied before `write`.
        """
        arrays, stamp, names = self._parts(message)
        if names is not None and self.joints and row is not None:
            arrays = self._by_name(row, names, arrays)
        return arrays, stamp

    def _parts(self, message):
        if isinstance(message, bytes):
            try:
                return self.adapter.from_cdr(message)
            except OtherEncoding:
                message = _deserialized(message, self.adapter.message_type)
        return self.adapter.to_arrays(message), self.adapter.stamp(message), self.adapter.names(message)

    def write(self, row, arrays, stamp, now):
        """Write what was read into the buffer; raises ValueError where it does not fit.

        Of a message of all rows (None) a row whose numbers are not finite is refused on its own.
        """
        if row is None:
            self.buffer.write_rows(arrays, stamp, now)
            # it had its message, and nobody has to wait for another
            self.buffer.fresh |= self.buffer.refused
        else:
            self.buffer.write(row, arrays, stamp, now)

    def take(self, row, message, now):
        """Write a message of a row, or (None) of all rows, into the buffer; raises ValueError."""
        self.write(row, *self.read(row, message), now)

    def _by_name(self, row, names, arrays):
        known = self._orders[row]
        order = known.get(names)
        if order is None:
            order = _order(names, self._names[row])
            if len(known) < _MOST_ORDERS:
                known[names] = order
        return {field: arrays[field][order] for field in self.buffer.values if field in arrays}


def _deserialized(message, message_type):
    """Return a message of its bytes, read by the middleware; raises ValueError."""
    try:
        return deserialize_message(message, message_type)
    except RuntimeError as error:       # rclpy's own type is private
        raise ValueError(f'the message cannot be read: {error}') from error


def _order(names, joints):
    """Return the index that puts numbers by name into the order of joints."""
    if len(set(names)) != len(names):
        raise ContractError(f'names a joint twice: {list(names)}')
    missing = [joint for joint in joints if joint not in names]
    if missing:
        raise ContractError(f'lacks the joints {missing}; it names {list(names)}')
    order = np.array([names.index(joint) for joint in joints], dtype=np.intp)
    cut = as_slice(order)
    return order if cut is None else cut


class Sink:
    """A command's adapter; turns field → array of one row into a message and back."""

    def __init__(self, spec, control):
        """control: its rate says when a trajectory is to be at its point, its robots what their joints are called."""
        self.spec = spec
        self._names = [named_for(spec.joints, robot) for robot in control.robots]
        if spec.type not in COMMAND_TYPES[spec.kind] and ':' not in spec.type:
            raise unknown('message type', spec.type, COMMAND_TYPES[spec.kind],
                          f'actions.{spec.name}.type (kind {spec.kind})')
        if spec.type in (_JOINT_STATE, _TRAJECTORY) and not spec.joints:
            raise ConfigurationError(f'actions.{spec.name}: {spec.type} needs joints')
        if spec.type == _NUMBER and sum(shape[0] for shape in command_shapes(spec).values()) != 1:
            raise ConfigurationError(f'actions.{spec.name}: {spec.type} carries 1 number; the command has more')
        if spec.rows and spec.type not in _ARRAYS:
            raise unknown('message type', spec.type, _ARRAYS, f'actions.{spec.name}.type (rows: true)')
        options = self._options(1.0 / control.control_rate)
        self.adapter = create_adapter(spec.type, f'actions.{spec.name}.type', **options)
        self._templates = [self._template(row, control.rows) for row in row_groups(spec, control.rows)]

    def _template(self, row, rows):
        if ':' in self.spec.type:       # what an adapter of a user's own does with numbers is its own affair
            return None
        shapes = {field: (rows, *shape) if row is None else shape for field, shape in command_shapes(self.spec).items()}
        return template(functools.partial(self._made, row), shapes, self.adapter.dtype)

    def _options(self, period):
        options = {'frame_id': self.spec.frame_id}
        if self.spec.type == _TRAJECTORY:
            # the stamp is the observation's: with one period the point would lie in the past
            options['time_from_start'] = self.spec.time_from_start or 2 * period
        elif self.spec.time_from_start:
            raise ConfigurationError(f'actions.{self.spec.name}.time_from_start means nothing to {self.spec.type}')
        return options

    def messages(self, command, stamps, only):
        """Yield (row, message) for the rows in `only` (mask); row None: all of them in one. stamps (rows,), ns."""
        for row, arrays, stamp in self._rows(command, stamps, only):
            yield row, self._made(row, arrays, stamp)

    def outgoing(self, command, stamps, only):
        """Yield the same messages for a publisher, which takes bytes as well: serialized, wherever that can be."""
        for row, arrays, stamp in self._rows(command, stamps, only):
            known = self._templates[row or 0]
            yield row, self._made(row, arrays, stamp) if known is None else known.filled(arrays, stamp)

    def to_message(self, command, row, stamp):
        """Return the message of one row of a command."""
        return self._made(row, {field: value[row] for field, value in command.items()}, stamp)

    def _made(self, row, arrays, stamp):
        return self.adapter.to_message(arrays, stamp, () if row is None else self._names[row])

    def _rows(self, command, stamps, only):
        """Yield (row, field → array, stamp) of each message that is to go out."""
        if self.spec.rows:
            if some(only):
                yield None, command, highest(stamps)
            return
        stamps = stamps.tolist()
        for row, wanted in enumerate(only.tolist()):
            if wanted:
                yield row, {field: value[row] for field, value in command.items()}, stamps[row]

    def buffer(self, rows, max_age):
        """Return a buffer for received commands: the sink seen from the robot's side."""
        shapes = {field: (shape, np.float64) for field, shape in command_shapes(self.spec).items()}
        return SourceBuffer(_Received(self.spec.topic, max_age), shapes, rows)

    def accept(self, buffer, row, message, now):
        """Write a received command into its buffer; raises ValueError for one that does not fit."""
        arrays = self.adapter.to_arrays(message)
        names = self.adapter.names(message)
        if names is not None:
            arrays = {field: value[_order(names, self._names[row])] for field, value in arrays.items()}
        if 'data' in arrays:
            arrays = {next(iter(buffer.values)): arrays['data']}
        buffer.write(row, arrays, self.adapter.stamp(message), now)

    def accept_rows(self, buffer, message, now):
        """Write the received commands of all rows; return the mask of those that were refused.

        Raises ValueError for a message that does not fit.
        """
        data = self.adapter.to_arrays(message)['data']
        return buffer.write_rows({next(iter(buffer.values)): data}, self.adapter.stamp(message), now)


class _Received:
    use_header_stamp, frozen_after = False, 0.0

    def __init__(self, topic, max_age):
        self.topic, self.max_age = topic, max_age
