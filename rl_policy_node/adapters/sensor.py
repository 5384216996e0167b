"""sensor_msgs: joint states (rad or m, rad/s or m/s, N·m or N) and images."""
import array
import sys

import numpy as np
from sensor_msgs.msg import Image, JointState

from rl_policy_node.adapters.base import Adapter, MessageError

ENCODINGS = {'rgb8': (np.uint8, 3), 'bgr8': (np.uint8, 3), 'mono8': (np.uint8, 1),
             '32FC1': (np.float32, 1), '32FC2': (np.float32, 2), '32FC3': (np.float32, 3)}


class JointStateAdapter(Adapter):
    """`position`, `velocity`, `effort`, one number per name; a field that is not filled is left out."""

    type_name = 'sensor_msgs/msg/JointState'
    message_type = JointState
    fields = {'position': None, 'velocity': None, 'effort': None}
    has_header = True

    def to_arrays(self, message):
        arrays = {}
        for field in self.fields:
            values = np.frombuffer(getattr(message, field), dtype=np.float64)
            if values.size and values.size != len(message.name):
                raise MessageError(f'{field} has {values.size} numbers for {len(message.name)} names')
            if values.size:
                arrays[field] = values
        return arrays

    def to_message(self, arrays, stamp, names=()):
        message = self._stamped(stamp)
        message.name = list(names)
        for field, value in arrays.items():
            setattr(message, field, array.array('d', np.ascontiguousarray(value, dtype=np.float64).tobytes()))
        return message

    def names(self, message):
        return tuple(message.name)


class ImageAdapter(Adapter):
    """`image` (height, width, channels) in the declared encoding; channels in the encoding's order.

    Step, length, byte order and encoding of every message are checked, and a padded step is cut off.
    """

    type_name = 'sensor_msgs/msg/Image'
    message_type = Image
    fields = {'image': None}
    has_header = True

    def __init__(self, encoding='32FC3', frame_id=''):
        super().__init__(encoding or '32FC3', frame_id)
        if self.encoding not in ENCODINGS:
            raise MessageError(f"unknown encoding '{self.encoding}'; valid: {', '.join(sorted(ENCODINGS))}")
        self.dtype, self._channels = ENCODINGS[self.encoding]

    def to_arrays(self, message):
        self._check(message)
        item = np.dtype(self.dtype).itemsize
        data = np.frombuffer(message.data, dtype=np.uint8).reshape(message.height, message.step)
        data = np.ascontiguousarray(data[:, :message.width * self._channels * item])
        swapped = bool(message.is_bigendian) != (sys.byteorder == 'big') and item > 1
        image = data.view(np.dtype(self.dtype).newbyteorder('>' if message.is_bigendian else '<') if swapped
                          else self.dtype)
        return {'image': image.reshape(message.height, message.width, self._channels)}

    def _check(self, message):
        if message.encoding != self.encoding:
            raise MessageError(f"encoding is '{message.encoding}'; expected '{self.encoding}'")
        row = message.width * self._channels * np.dtype(self.dtype).itemsize
        if message.step < row:
            raise MessageError(f'step is {message.step}; {message.width} pixels of {self.encoding} need {row}')
        if len(message.data) != message.step * message.height:
            raise MessageError(f'there are {len(message.data)} bytes; step × height is {message.step * message.height}')

    def to_message(self, arrays, stamp, names=()):
        image = np.ascontiguousarray(arrays['image'], dtype=self.dtype)
        message = self._stamped(stamp)
        message.height, message.width = image.shape[:2]
        message.encoding, message.is_bigendian = self.encoding, sys.byteorder == 'big'
        message.step = image.shape[1] * self._channels * image.itemsize
        message.data = array.array('B', image.tobytes())
        return message
