# SPDX-License-Identifier: Apache-2.0
"""Converts the messages of a source's topics to arrays of rows, and back."""

from __future__ import annotations

from collections.abc import Mapping
import dataclasses
from typing import Any, TypeAlias

import numpy as np

from rl_policy_node.adapters import ADAPTERS, create_adapter
from rl_policy_node.adapters.adapter import MessageError
from rl_policy_node.control.action_terms import measured_fields
from rl_policy_node.control.arrays import Array, Indices, Shape, Stamps, Values
from rl_policy_node.control.indices import as_slice
from rl_policy_node.control.parts import Part
from rl_policy_node.control.source_buffer import SourceBuffer
from rl_policy_node.control.specs import ControlSpec, SourceSpec, TRANSFORM
from rl_policy_node.control.terms.term_options import Read
from rl_policy_node.control.terms.term_spec import TermSpec
from rl_policy_node.errors import ConfigurationError, ContractError, unknown
from rl_policy_node.nodes.interfaces import Message
from rl_policy_node.nodes.topics.frame_id import FrameId
from rl_policy_node.nodes.topics.naming import named_for, row_groups
from rl_policy_node.nodes.topics.payload import Payload

# number of messages kept for a source with alignment asof
KEPT = 32
# types whose layout can have a dimension for the rows
_WITH_ROWS = tuple(name for name in ADAPTERS if name.endswith('MultiArray'))
# number of orders of joint names remembered for a robot; each publisher uses one
_MOST_ORDERS = 16
_NO_TURN = np.array([0.0, 0.0, 0.0, 1.0])

# the index that puts the numbers of a message into the order of all joints; for a message of some joints: (indices of
# its numbers, indices of the joints); for a message of none: None
Order: TypeAlias = 'Indices | slice | tuple[Indices, Indices] | None'


class Foreign(ValueError):
    """A message on a shared topic that names none of the source's joints: it is from another driver, and no fault."""


class Source:
    """A source's adapter, joints and buffer. groups: the rows of each of its topics.

    foreign (rows,): number of ignored messages that named none of the robot's joints.
    """

    def __init__(self, spec: SourceSpec, control: ControlSpec, input_shapes: Mapping[str, Shape]) -> None:
        if control.lockstep:
            # one publisher, one message per step: a stamp that goes back means that the simulator restarted
            spec = dataclasses.replace(spec, use_header_stamp=False)
        self.spec = spec
        message = 'geometry_msgs/msg/TransformStamped' if spec.type == TRANSFORM else spec.type
        if spec.rows and ':' not in message and message not in _WITH_ROWS:
            raise unknown('message type', message, _WITH_ROWS, f'sources.{spec.name}.type (rows: true)')
        self.adapter = create_adapter(message, f'sources.{spec.name}.type', encoding=spec.encoding)
        self._payload = Payload(self.adapter.message_type)
        # an adapter of the user gets the message, whatever it inherits
        self._from_cdr = None if ':' in spec.type else self.adapter.from_cdr
        self._frames = (
            [
                FrameId(spec.frame_id.replace('{robot}', robot.strip('/')), self.adapter, f'sources.{spec.name}')
                for robot in control.robots
            ]
            if spec.frame_id
            else []
        )
        self.joints = control.joints_of(spec.name)
        self.groups = row_groups(spec.rows, control.rows)
        kept = KEPT if spec.alignment == 'asof' else 1
        self.buffer = SourceBuffer(spec, self._shapes(control, input_shapes), control.rows, kept, self.joints)
        self._names = [named_for(self.joints, robot) for robot in control.robots]
        self._orders: list[dict[tuple[str, ...], Order]] = [{} for _ in self._names]
        self.foreign: Stamps = np.zeros(control.rows, dtype=np.int64)

    def _shapes(self, control: ControlSpec, inputs: Mapping[str, Shape]) -> dict[str, tuple[Shape, np.dtype[Any]]]:
        shapes: dict[str, Shape | None] = {}
        for term in control.terms.values():
            for read in term.reads:
                if read.source == self.spec.name:
                    self._agree(shapes, read.field, self._shape_read(read, term, control, inputs))
        for action in control.actions:
            if action.source == self.spec.name:
                for field in measured_fields(action):
                    self._agree(shapes, field, self._shape(field))
        known = {field: shape for field, shape in shapes.items() if shape is not None}
        for field in shapes:
            if field not in known:
                raise ConfigurationError(
                    f"source '{self.spec.name}': the size of '{field}' is not known; "
                    'state the joints or the shape of the term that reads it'
                )
        if not shapes:
            raise ConfigurationError(f"source '{self.spec.name}' is used by no term and no action")
        return {field: (shape, np.dtype(self.adapter.dtype)) for field, shape in known.items()}

    def _agree(self, shapes: dict[str, Shape | None], field: str, shape: Shape | None) -> None:
        """Keep the first shape of a field; raise ConfigurationError for another size."""
        known = shapes.setdefault(field, shape)
        if known is None:
            shapes[field] = shape
        elif shape is not None and np.prod(known) != np.prod(shape):
            raise ConfigurationError(
                f"source '{self.spec.name}': terms state the shapes {known} and {shape} of its field '{field}'"
            )

    def _shape(self, field: str) -> Shape | None:
        """Return the shape of a field by the message type or the joints, None if neither gives it."""
        if field not in self.adapter.fields:
            raise unknown('field', field, self.adapter.fields, f"source '{self.spec.name}' ({self.spec.type})")
        fixed = self.adapter.fields[field]
        return (len(self.joints),) if fixed is None and self.joints else fixed

    def _shape_read(
        self, read: Read, term: TermSpec, control: ControlSpec, inputs: Mapping[str, Shape]
    ) -> Shape | None:
        """Return the shape of a field as a term reads it, None if it is unknown."""
        shape = self._shape(read.field) or read.shape
        if shape:
            return shape
        trained = [
            term.sent_shape(inputs[name])
            for name, terms in control.inputs.items()
            if terms == (term.name,) and name in inputs
        ]
        return trained[0] if trained else None

    def read(self, rows: slice, message: Message) -> tuple[dict[str, Array], int]:
        """Return the arrays field → (n, ...) and the stamp (ns) of a message, or its bytes, of n rows.

        Raises ValueError for a message that cannot be read, Foreign for one from another driver. For a message of some
        of the robot's joints the arrays are a Part. They use the memory of the message.
        """
        try:
            arrays, stamp, names = self._parts(message)
        except MessageError as error:
            if error.names and self.joints and not set(error.names) & set(self._names[rows.start]):
                raise self._foreign(rows.start, error.names) from error
            raise
        if self.spec.rows:
            if self._frames:
                self._frames[0].check(message)
            return dict(arrays), stamp
        wanted = self.buffer.values
        if names is None or not self.joints:
            if self._frames:
                self._frames[rows.start].check(message)
            return {field: array[np.newaxis] for field, array in arrays.items() if field in wanted}, stamp
        order = self._order(rows.start, names)
        if order is None:
            raise self._foreign(rows.start, names)
        if self._frames:
            self._frames[rows.start].check(message)
        if isinstance(order, tuple):
            numbers, joints = order
            return Part(
                {field: array[np.newaxis, numbers] for field, array in arrays.items() if field in wanted}, joints
            ), stamp
        return {field: array[np.newaxis, order] for field, array in arrays.items() if field in wanted}, stamp

    def heard(self, row: int) -> list[tuple[str, ...]]:
        """Return the joint names in the messages on a row's topic, one tuple for each order of names."""
        return list(self._orders[row])

    def _foreign(self, row: int, names: tuple[str, ...]) -> Foreign:
        """Count a message from another driver, and return the error."""
        self.foreign[row] += 1
        return Foreign(f'names none of the joints {list(self._names[row])}; it names {list(names)}')

    def message(self, values: Values, rows: slice, stamp: int) -> Message:
        """Return the message that gives these values, field → (rows, ...), to rows. stamp: ns.

        Missing fields of a fixed size become zeros, missing orientations the identity.
        """
        if self.spec.rows:
            return self.adapter.to_message(dict(values), stamp)
        fixed = {
            field: _NO_TURN if shape == (4,) else np.zeros(shape)
            for field, shape in self.adapter.fields.items()
            if shape
        }
        of_row = {field: value[rows.start] for field, value in values.items()}
        message = self.adapter.to_message({**fixed, **of_row}, stamp, self._names[rows.start])
        if self._frames:
            message.header.frame_id = self._frames[rows.start].name
        return message

    def neutral_message(self, rows: slice, stamp: int) -> Message:
        """Return a message of rows with zeros, and identities as orientations. stamp: ns."""
        values = {field: np.zeros_like(value) for field, value in self.buffer.values.items()}
        for field, value in values.items():
            if self.adapter.fields[field] == (4,):
                value[..., 3] = 1.0
        return self.message(values, rows, stamp)

    def _parts(self, message: Message) -> tuple[Mapping[str, Array], int, tuple[str, ...] | None]:
        if isinstance(message, bytes):
            if self._from_cdr is not None:
                return self._from_cdr(message)
            message = self._payload.message(message)
        return self.adapter.to_arrays(message), self.adapter.stamp(message), self.adapter.names(message)

    def _order(self, row: int, names: tuple[str, ...]) -> Order:
        """Return the Order of a row's message with these names; raises ContractError if it names a joint twice."""
        known = self._orders[row]
        try:
            return known[names]
        except KeyError:
            joints = self._names[row]
            ours = [joint for joint in joints if joint in names]
            order: Order = None
            if len(ours) == len(joints) or len(set(names)) != len(names):
                order = joint_order(names, joints)
            elif ours:
                order = (
                    np.array([names.index(joint) for joint in ours], dtype=np.intp),
                    np.array([joints.index(joint) for joint in ours], dtype=np.intp),
                )
            if len(known) >= _MOST_ORDERS:
                del known[next(iter(known))]  # the oldest
            known[names] = order
            return order


def joint_order(names: tuple[str, ...], joints: tuple[str, ...]) -> Indices | slice:
    """Return the index that puts numbers in the order of `names` into that of `joints`; raises ContractError."""
    if len(set(names)) != len(names):
        raise ContractError(f'names a joint twice: {list(names)}')
    missing = [joint for joint in joints if joint not in names]
    if missing:
        raise ContractError(f'lacks the joints {missing}; it names {list(names)}')
    order = np.array([names.index(joint) for joint in joints], dtype=np.intp)
    cut = as_slice(order)
    return order if cut is None else cut
