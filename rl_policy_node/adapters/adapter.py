# SPDX-License-Identifier: Apache-2.0
"""The base class of message adapters, and common functions."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
import importlib
import math

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from rl_policy_node.adapters.array_types import Array, Arrays, Message, MessageClass, Names, Shape
from rl_policy_node.errors import ConfigurationError, ContractError, unfit


class MessageError(ContractError):
    """An inconsistent message; the text names the field and the reason. names: of its joints, () if it has none."""

    def __init__(self, text: str, names: Sequence[str] = ()) -> None:
        super().__init__(text)
        self.names = tuple(names)


@dataclass(frozen=True)
class Options:
    """Message options of a source or sink; each adapter reads those that its type has.

    encoding: of pixels, '' for the adapter's own default. format: of sent compressed images (png is lossless, jpeg is
    not). frame_id, child_frame_id: of sent messages. time_from_start: s from the stamp of a trajectory until its point
    is to be reached, longer than the command takes to arrive; with a stamp of 0 it counts from the receipt.
    """

    encoding: str = ''
    format: str = 'png'
    frame_id: str = ''
    child_frame_id: str = ''
    time_from_start: float = 0.1

    def __post_init__(self) -> None:
        if not 0 < self.time_from_start < math.inf:
            raise unfit('time_from_start', f'{self.time_from_start} s', 'a number above 0')


class Adapter(ABC):
    """Converts between one message type and arrays named by field.

    An adapter of your own is a subclass; the type `package.module:Class` names it. It states type_name,
    fields and units, and converts in both directions.

    type_name: `package/msg/Type`. fields: field → shape; None: each message has its own, which open_shape
    describes. units: field → unit. note: further information for users. dtype: of the arrays.
    """

    type_name = ''
    fields: Mapping[str, Shape] = {}
    units: Mapping[str, str] = {}
    open_shape = ''
    note = ''
    dtype: DTypeLike = np.float64

    def __init__(self, options: Options = Options()) -> None:
        self.options = options

    @cached_property
    def message_type(self) -> MessageClass:
        """The message class, imported on first use: its package may be absent."""
        return message_class(self.type_name)

    @cached_property
    def has_header(self) -> bool:
        """Whether the messages carry a stamp and a frame."""
        return 'header' in self.message_type.get_fields_and_field_types()

    @abstractmethod
    def to_arrays(self, message: Message) -> Arrays:
        """Return field → array of a message; the arrays may share its memory.

        Raises MessageError if the message differs from its declaration, ValueError if a value is invalid.
        """

    @abstractmethod
    def to_message(self, arrays: Mapping[str, Array], stamp: int, names: Sequence[str] = ()) -> Message:
        """Return a message of field → array. stamp: ns, for the header. names: of the joints.

        Raises MessageError if fields or shapes are not those of the type, ValueError if a value does not fit into
        the type.
        """

    # from_cdr(buffer): returns arrays, stamp (ns), and names or None of a serialized message, bytes, without creating a
    # message object. Raises ValueError for bytes that are no such message.
    # None: the adapter cannot do that.
    from_cdr: Callable[[bytes], tuple[Arrays, int, Names]] | None = None

    def names(self, _message: Message) -> Names:
        """Return the names of a message's elements, None if they have none."""
        return None

    def stamp(self, message: Message) -> int:
        """Return the header's stamp in ns, 0 without one."""
        if not self.has_header:
            return 0
        stamp: int = message.header.stamp.sec * 1_000_000_000 + message.header.stamp.nanosec
        return stamp

    def frame(self, message: Message) -> str:
        """Return the header's frame_id, '' without one."""
        return message.header.frame_id if self.has_header else ''

    def child_frame(self, message: Message) -> str:
        """Return child_frame_id, the frame whose pose or velocity a message carries; '' without one."""
        return getattr(message, 'child_frame_id', '')

    def new_message(self, stamp: int) -> Message:
        """Return an empty message with its header filled in. stamp: ns."""
        message = self.message_type()
        if self.has_header:
            set_stamp(message.header.stamp, stamp)
            message.header.frame_id = self.options.frame_id
        if hasattr(message, 'child_frame_id'):
            message.child_frame_id = self.options.child_frame_id
        return message

    def check_fields(self, arrays: Mapping[str, Array], wanted: Iterable[str]) -> None:
        """Raise MessageError if `arrays` lack a wanted field, or have a field that the type does not have."""
        missing = [field for field in wanted if field not in arrays]
        if missing or any(field not in self.fields for field in arrays):
            raise MessageError(f'{self.type_name} carries {list(self.fields)}; there are {list(arrays)}')


def cast(field: str, value: ArrayLike, dtype: DTypeLike) -> Array:
    """Return `value` as a contiguous array of `dtype`; rounding to float32 is allowed.

    Raises ValueError if a number does not fit: 0.5 or 300 as a uint8, 1e39 as a float32.
    """
    value, dtype = np.asarray(value), np.dtype(dtype)
    if value.dtype == dtype:
        return np.ascontiguousarray(value)
    with np.errstate(over='ignore', invalid='ignore'):
        converted = value.astype(dtype, order='C')
    lost = np.isinf(converted) & np.isfinite(value) if dtype.kind == 'f' else converted != value
    if lost.any():
        raise ValueError(f'{field} has the value {value[lost].flat[0]}, for which {dtype} has no room')
    return converted


def message_class(type_name: str) -> MessageClass:
    """Return the class of `package/msg/Type`; raises ConfigurationError if it cannot be imported."""
    package, separator, name = type_name.partition('/msg/')
    if not (package and separator and name):
        raise unfit(f"'{type_name}'", 'no message type', 'the form package/msg/Type')
    try:
        module = importlib.import_module(f'{package}.msg')
    except ImportError as error:
        raise ConfigurationError(
            f"{type_name} needs the ROS package '{package}', which cannot be imported "
            f'({one_line(error)}); install ros-$ROS_DISTRO-{package.replace("_", "-")}'
        ) from error
    if not hasattr(module, name):
        raise ConfigurationError(f"the ROS package '{package}' that is installed has no message '{name}'")
    found: MessageClass = getattr(module, name)
    return found


def one_line(error: BaseException) -> str:
    """Return an exception as one line of text."""
    return f'{type(error).__name__}: {" ".join(str(error).split())[:300]}'


def set_stamp(time: Message, stamp: int) -> None:
    """Write a stamp, ns, into a builtin_interfaces Time."""
    time.sec, time.nanosec = divmod(int(stamp), 1_000_000_000)
