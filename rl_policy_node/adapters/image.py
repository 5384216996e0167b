"""sensor_msgs' Image: pixels as they are."""
import array
import sys

import numpy as np

from rl_policy_node.adapters.base import Adapter, cast, MessageError
from rl_policy_node.errors import unknown

# Encoding → dtype, channels.
ENCODINGS = {
    'rgb8': (np.uint8, 3), 'bgr8': (np.uint8, 3), 'rgba8': (np.uint8, 4), 'bgra8': (np.uint8, 4),
    'mono8': (np.uint8, 1), 'mono16': (np.uint16, 1), '16UC1': (np.uint16, 1),
    **{f'8UC{channels}': (np.uint8, channels) for channels in (1, 2, 3, 4)},
    **{f'32FC{channels}': (np.float32, channels) for channels in (1, 2, 3, 4)},
}


class ImageAdapter(Adapter):
    """`image` (height, width, channels) in the declared encoding; channels in the encoding's order.

    Step, length, byte order and encoding of every message are checked, and a padded step is cut off.
    """

    type_name = 'sensor_msgs/msg/Image'
    fields = {'image': None}
    units = {'image': "the encoding's; m for a depth in 32FC1, mm in 16UC1"}
    open_shape = '(height, width, channels)'
    note = f"encoding: {', '.join(sorted(ENCODINGS))}; channels in its order"

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.encoding = self.options.encoding or '32FC3'
        if self.encoding not in ENCODINGS:
            raise unknown('encoding', self.encoding, ENCODINGS, self.type_name)
        self.dtype, self._channels = ENCODINGS[self.encoding]
        self._pixel = self._channels * np.dtype(self.dtype).itemsize

    def to_arrays(self, message):
        self._check(message)
        data = np.frombuffer(message.data, dtype=np.uint8).reshape(message.height, message.step)
        data = np.ascontiguousarray(data[:, :message.width * self._pixel])
        image = data.reshape(-1).view(self._dtype_of(message))
        return {'image': image.reshape(message.height, message.width, self._channels)}

    def _dtype_of(self, message):
        dtype = np.dtype(self.dtype)
        return dtype if dtype.itemsize == 1 else dtype.newbyteorder('>' if message.is_bigendian else '<')

    def _check(self, message):
        if message.encoding != self.encoding:
            raise MessageError(f"encoding is '{message.encoding}'; expected '{self.encoding}'")
        row = message.width * self._pixel
        if message.step < row:
            raise MessageError(f'step is {message.step}; {message.width} pixels of {self.encoding} need {row}')
        if len(message.data) != message.step * message.height:
            raise MessageError(f'there are {len(message.data)} bytes; step × height is {message.step * message.height}')

    def to_message(self, arrays, stamp, names=()):
        self.check_fields(arrays, self.fields)
        image = pixels(arrays['image'], self.dtype, self._channels, self.encoding)
        message = self.new_message(stamp)
        message.height, message.width = image.shape[:2]
        message.encoding, message.is_bigendian = self.encoding, int(sys.byteorder == 'big')
        message.step = image.shape[1] * self._pixel
        message.data = array.array('B', image.tobytes())
        return message


def pixels(image, dtype, channels, encoding):
    """Return an image that is to be sent as (height, width, channels), contiguous, in its dtype."""
    image = cast('image', image, dtype)
    if image.ndim == 2 and channels == 1:
        image = image[..., np.newaxis]
    if image.ndim != 3 or image.shape[2] != channels:
        raise MessageError(f'image has the shape {image.shape}; expected (height, width, {channels}) for {encoding}')
    return image
