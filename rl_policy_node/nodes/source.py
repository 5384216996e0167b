"""A source as its topics carry it: messages to arrays of rows, and back."""
from __future__ import annotations

from collections.abc import Mapping
import dataclasses
from typing import Any

import numpy as np

from rl_policy_node.adapters import ADAPTERS, create_adapter
from rl_policy_node.control.action_terms import measured_fields
from rl_policy_node.control.arrays import Array, Indices, Shape, Values
from rl_policy_node.control.source_buffer import as_slice, SourceBuffer
from rl_policy_node.control.specs import ControlSpec, SourceSpec, TRANSFORM
from rl_policy_node.control.terms.kind import Read
from rl_policy_node.control.terms.spec import TermSpec
from rl_policy_node.errors import ConfigurationError, ContractError, unknown
from rl_policy_node.nodes.payload import Payload
from rl_policy_node.nodes.protocols import Message
from rl_policy_node.nodes.topics import named_for, row_groups

# messages of a source with alignment asof, of which the right one is taken
KEPT = 32
# those whose layout can have a dimension for the rows
_WITH_ROWS = tuple(name for name in ADAPTERS if name.endswith('MultiArray'))
# orders of names that are remembered of a robot's messages: of one publisher there is one
_MOST_ORDERS = 16
_NO_TURN = np.array([0.0, 0.0, 0.0, 1.0])


class Source:
    """A source's adapter, joints and buffer. groups: the rows that each of its topics carries."""

    def __init__(self, spec: SourceSpec, control: ControlSpec, input_shapes: Mapping[str, Shape]) -> None:
        if control.lockstep:
            # one publisher, one message per step: a stamp that goes back is a simulator that began anew
            spec = dataclasses.replace(spec, use_header_stamp=False)
        self.spec = spec
        message = 'geometry_msgs/msg/TransformStamped' if spec.type == TRANSFORM else spec.type
        if spec.rows and ':' not in message and message not in _WITH_ROWS:
            raise unknown('message type', message, _WITH_ROWS, f'sources.{spec.name}.type (rows: true)')
        self.adapter = create_adapter(message, f'sources.{spec.name}.type', encoding=spec.encoding)
        self._payload = Payload(self.adapter.message_type)
        # an adapter of a user's own gets the message, whatever it inherits
        self._from_cdr = None if ':' in spec.type else self.adapter.from_cdr
        self.joints = control.joints_of(spec.name)
        self.groups = row_groups(spec.rows, control.rows)
        kept = KEPT if spec.alignment == 'asof' else 1
        self.buffer = SourceBuffer(spec, self._shapes(control, input_shapes), control.rows, kept)
        self._names = [named_for(self.joints, robot) for robot in control.robots]
        self._orders: list[dict[tuple[str, ...], Indices | slice]] = [{} for _ in self._names]

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
                raise ConfigurationError(f"source '{self.spec.name}': the size of '{field}' is not known; "
                                         'state the joints or the shape of the term that reads it')
        if not shapes:
            raise ConfigurationError(f"source '{self.spec.name}' is used by no term and no action")
        return {field: (shape, np.dtype(self.adapter.dtype)) for field, shape in known.items()}

    def _agree(self, shapes: dict[str, Shape | None], field: str, shape: Shape | None) -> None:
        """Keep the shape of a field, the first one stated; another size cannot be meant."""
        known = shapes.setdefault(field, shape)
        if known is None:
            shapes[field] = shape
        elif shape is not None and np.prod(known) != np.prod(shape):
            raise ConfigurationError(f"source '{self.spec.name}': terms state the shapes {known} and {shape} "
                                     f"of its field '{field}'")

    def _shape(self, field: str) -> Shape | None:
        """Return the shape of a field as the message type or the joints have it, None where neither says it."""
        if field not in self.adapter.fields:
            raise unknown('field', field, self.adapter.fields, f"source '{self.spec.name}' ({self.spec.type})")
        fixed = self.adapter.fields[field]
        return (len(self.joints),) if fixed is None and self.joints else fixed

    def _shape_read(self, read: Read, term: TermSpec, control: ControlSpec,
                    inputs: Mapping[str, Shape]) -> Shape | None:
        """Return the shape of a field as a term reads it, None where nobody says it."""
        shape = self._shape(read.field) or read.shape
        if shape:
            return shape
        alone = [term.sent_shape(inputs[name]) for name, terms in control.inputs.items()
                 if terms == (term.name,) and name in inputs]
        return alone[0] if alone else None

    def read(self, rows: slice, message: Message) -> tuple[dict[str, Array], int]:
        """Return the arrays field → (n, ...) and the stamp (ns) of a message, or its bytes, of n rows.

        Raises ValueError for one that cannot be read. The arrays lie on the message's own memory.
        """
        arrays, stamp, names = self._parts(message)
        if self.spec.rows:
            return dict(arrays), stamp
        wanted = self.buffer.values
        if names is None or not self.joints:
            return {field: array[np.newaxis] for field, array in arrays.items() if field in wanted}, stamp
        order = self._order(rows.start, names)
        return {field: array[np.newaxis, order] for field, array in arrays.items() if field in wanted}, stamp

    def message(self, values: Values, rows: slice, stamp: int) -> Message:
        """Return the message that rows of field → (rows, ...) came from. stamp: ns.

        Fields of a fixed size that are not among the values are zeros, orientations no turn.
        """
        if self.spec.rows:
            return self.adapter.to_message(dict(values), stamp)
        fixed = {field: _NO_TURN if shape == (4,) else np.zeros(shape)
                 for field, shape in self.adapter.fields.items() if shape}
        of_row = {field: value[rows.start] for field, value in values.items()}
        return self.adapter.to_message({**fixed, **of_row}, stamp, self._names[rows.start])

    def _parts(self, message: Message) -> tuple[Mapping[str, Array], int, tuple[str, ...] | None]:
        if isinstance(message, bytes):
            if self._from_cdr is not None:
                return self._from_cdr(message)
            message = self._payload.message(message)
        return self.adapter.to_arrays(message), self.adapter.stamp(message), self.adapter.names(message)

    def _order(self, row: int, names: tuple[str, ...]) -> Indices | slice:
        """Return what puts the numbers of a row's message into the order of its joints."""
        known = self._orders[row]
        order = known.get(names)
        if order is None:
            order = joint_order(names, self._names[row])
            if len(known) < _MOST_ORDERS:
                known[names] = order
        return order


def joint_order(names: tuple[str, ...], joints: tuple[str, ...]) -> Indices | slice:
    """Return the index that puts numbers by name into the order of joints; raises ContractError."""
    if len(set(names)) != len(names):
        raise ContractError(f'names a joint twice: {list(names)}')
    missing = [joint for joint in joints if joint not in names]
    if missing:
        raise ContractError(f'lacks the joints {missing}; it names {list(names)}')
    order = np.array([names.index(joint) for joint in joints], dtype=np.intp)
    cut = as_slice(order)
    return order if cut is None else cut
