# SPDX-License-Identifier: Apache-2.0
"""std_msgs: single numbers, and arrays of numbers, converted without Python loops."""

import array
from collections.abc import Mapping, Sequence
import math

import numpy as np

from rl_policy_node.adapters.adapter import Adapter, cast, message_class, MessageError, Options
from rl_policy_node.adapters.array_types import Array, Arrays, Message, Names
from rl_policy_node.adapters.cdr import Cdr, Layouts

# Type of number → typecode of Python's array, dtype. Bool has no array type.
NUMBERS = {
    'Float32': ('f', np.float32),
    'Float64': ('d', np.float64),
    'Int8': ('b', np.int8),
    'Int16': ('h', np.int16),
    'Int32': ('i', np.int32),
    'Int64': ('q', np.int64),
    'UInt8': ('B', np.uint8),
    'UInt16': ('H', np.uint16),
    'UInt32': ('I', np.uint32),
    'UInt64': ('Q', np.uint64),
    'Bool': ('', np.bool_),
}


class _NumbersAdapter(Adapter):
    """`data`, the only field. An array to be sent may have any name."""

    units = {'data': "the publisher's"}
    code = ''

    def _only(self, arrays: Mapping[str, Array]) -> Array:
        # joint commands name their one array 'position': bare numbers have no field names
        if len(arrays) != 1:
            raise MessageError(f'{self.type_name} carries one array; there are {list(arrays)}')
        ((field, value),) = arrays.items()
        return cast(field, value, self.dtype)


class ScalarAdapter(_NumbersAdapter):
    """`data` (1,)."""

    fields = {'data': (1,)}

    def to_arrays(self, message: Message) -> Arrays:
        return {'data': np.array([message.data], dtype=self.dtype)}

    def to_message(self, arrays: Mapping[str, Array], stamp: int, names: Sequence[str] = ()) -> Message:
        value = self._only(arrays)
        if value.size != 1:
            raise MessageError(f'{self.type_name} carries 1 number; there are {value.size}')
        return self.message_type(data=value.item())


class MultiArrayAdapter(_NumbersAdapter):
    """`data` in the shape that the layout states, else flat; the last dimension runs fastest.

    It reads the sizes and data_offset, but not the strides: publishers disagree on their meaning.
    """

    fields = {'data': None}
    open_shape = 'as the layout says, else (length,)'

    def __init__(self, *arguments: Options) -> None:
        super().__init__(*arguments)
        self._layouts = Layouts(self._layout)

    def to_arrays(self, message: Message) -> Arrays:
        sizes, offset = tuple(dim.size for dim in message.layout.dim), message.layout.data_offset
        data = np.frombuffer(message.data, dtype=self.dtype)
        return {'data': data[offset:].reshape(_shape(sizes, offset, data.size))}

    def from_cdr(self, buffer: bytes) -> tuple[Arrays, int, Names]:
        dtype, start, count, shape = self._layouts.of(buffer)
        return {'data': np.frombuffer(buffer, dtype, count, start).reshape(shape)}, 0, None

    def _layout(self, cdr: Cdr) -> tuple[np.dtype[np.generic], int, int, tuple[int, ...]]:
        """Return the dtype, start, count and shape of a serialized message's numbers."""
        sizes = tuple(_size(cdr) for _ in range(cdr.word()))
        offset, dtype = cdr.word(), np.dtype(self.dtype).newbyteorder(cdr.order)
        start, count = cdr.span(dtype.itemsize)
        shape = _shape(sizes, offset, count)
        return dtype, start + offset * dtype.itemsize, count - offset, shape

    def to_message(self, arrays: Mapping[str, Array], stamp: int, names: Sequence[str] = ()) -> Message:
        value = self._only(arrays)
        message = self.message_type()
        # the message takes an array.array unchanged; it would convert a numpy array element by element
        message.data = array.array(self.code, value.tobytes())
        if value.ndim > 1:
            dimension = message_class('std_msgs/msg/MultiArrayDimension')
            message.layout.dim = [
                dimension(label=f'dim{axis}', size=size, stride=math.prod(value.shape[axis:]))
                for axis, size in enumerate(value.shape)
            ]
        return message


def _shape(sizes: tuple[int, ...], offset: int, count: int) -> tuple[int, ...]:
    """Return the shape of `count` numbers after an offset: that of the layout, or flat if it states none."""
    if offset > count:
        raise MessageError(f'layout.data_offset is {offset}; there are {count} numbers')
    if sizes and math.prod(sizes) != count - offset:
        raise MessageError(f'the layout is {sizes}, that is {math.prod(sizes)} numbers; there are {count - offset}')
    return sizes or (count - offset,)


def _size(cdr: Cdr) -> int:
    """Return the size of a serialized MultiArrayDimension."""
    cdr.skip_text()
    size = cdr.word()
    cdr.word()  # the stride
    return size


def _adapter(base: type[_NumbersAdapter], kind: str, suffix: str = '') -> type[Adapter]:
    """Return the adapter class of a kind of number."""
    code, dtype = NUMBERS[kind]
    return type(
        f'{kind}{suffix}Adapter',
        (base,),
        {
            '__doc__': base.__doc__,
            '__module__': __name__,
            'type_name': f'std_msgs/msg/{kind}{suffix}',
            'code': code,
            'dtype': dtype,
        },
    )


STANDARD_ADAPTERS: tuple[type[Adapter], ...] = (
    *(_adapter(ScalarAdapter, kind) for kind in NUMBERS),
    *(_adapter(MultiArrayAdapter, kind, 'MultiArray') for kind, (code, _) in NUMBERS.items() if code),
)
