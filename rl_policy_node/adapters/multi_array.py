"""std_msgs: Float32MultiArray and Float64MultiArray, moved without Python loops."""
import array

import numpy as np
from std_msgs.msg import Float32MultiArray, Float64MultiArray, MultiArrayDimension

from rl_policy_node.adapters.base import Adapter, MessageError


class _MultiArrayAdapter(Adapter):
    """`data` in the shape that the layout states, else flat."""

    fields = {'data': None}
    code = ''

    def to_arrays(self, message):
        data = np.frombuffer(message.data, dtype=self.dtype)
        layout = message.layout
        if layout.data_offset > data.size:
            raise MessageError(f'layout.data_offset is {layout.data_offset}; there are {data.size} numbers')
        data = data[layout.data_offset:]
        shape = tuple(dim.size for dim in layout.dim)
        if shape and int(np.prod(shape)) != data.size:
            raise MessageError(f'the layout is {shape}, that is {int(np.prod(shape))} numbers; there are {data.size}')
        return {'data': data.reshape(shape) if shape else data}

    def to_message(self, arrays, stamp, names=()):
        # joint commands name their one array 'position': a bare array has no field names
        value = next(iter(arrays.values()))
        message = self.message_type()
        # array.array is taken over as it is; a numpy array would be converted element by element
        message.data = array.array(self.code, np.ascontiguousarray(value, dtype=self.dtype).tobytes())
        if value.ndim > 1:
            message.layout.dim = _dimensions(value.shape)
        return message


class Float32MultiArrayAdapter(_MultiArrayAdapter):
    type_name = 'std_msgs/msg/Float32MultiArray'
    message_type = Float32MultiArray
    dtype = np.float32
    code = 'f'


class Float64MultiArrayAdapter(_MultiArrayAdapter):
    type_name = 'std_msgs/msg/Float64MultiArray'
    message_type = Float64MultiArray
    dtype = np.float64
    code = 'd'


def _dimensions(shape):
    return [MultiArrayDimension(label=f'dim{axis}', size=size, stride=int(np.prod(shape[axis:])))
            for axis, size in enumerate(shape)]
