# SPDX-License-Identifier: Apache-2.0
"""sensor_msgs' Image: uncompressed pixels."""

import array
from collections.abc import Mapping, Sequence
import sys
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike

from rl_policy_node.adapters.adapter import Adapter, cast, MessageError, Options
from rl_policy_node.adapters.array_types import Array, Arrays, Message, Names
from rl_policy_node.adapters.cdr import Cdr, Layouts, Order, stamp_of
from rl_policy_node.errors import unknown

# arguments of numpy.ndarray
_Form: TypeAlias = dict[str, Any]

# Encoding → dtype, channels.
ENCODINGS = {
    'rgb8': (np.uint8, 3),
    'bgr8': (np.uint8, 3),
    'rgba8': (np.uint8, 4),
    'bgra8': (np.uint8, 4),
    'mono8': (np.uint8, 1),
    'mono16': (np.uint16, 1),
    '16UC1': (np.uint16, 1),
    **{f'8UC{channels}': (np.uint8, channels) for channels in (1, 2, 3, 4)},
    **{f'32FC{channels}': (np.float32, channels) for channels in (1, 2, 3, 4)},
}


class ImageAdapter(Adapter):
    """`image` (height, width, channels) in the declared encoding; channels in the encoding's order.

    Step, length and encoding of every message are checked, its byte order is respected, and padding of rows is skipped.
    """

    type_name = 'sensor_msgs/msg/Image'
    fields = {'image': None}
    units = {'image': "the encoding's; m for a depth in 32FC1, mm in 16UC1"}
    open_shape = '(height, width, channels)'
    note = f'encoding: {", ".join(sorted(ENCODINGS))}; channels in its order'

    def __init__(self, *arguments: Options) -> None:
        super().__init__(*arguments)
        self.encoding = self.options.encoding or '32FC3'
        if self.encoding not in ENCODINGS:
            raise unknown('encoding', self.encoding, ENCODINGS, self.type_name)
        self.dtype, self._channels = ENCODINGS[self.encoding]
        self._pixel = self._channels * np.dtype(self.dtype).itemsize
        self._layouts = Layouts(self._layout)

    def to_arrays(self, message: Message) -> Arrays:
        self._check(message.encoding, message.height, message.width, message.step, len(message.data))
        form = self._form(message.height, message.width, message.step, message.is_bigendian)
        return {'image': np.ndarray(buffer=message.data, **form)}

    def from_cdr(self, buffer: bytes) -> tuple[Arrays, int, Names]:
        order, form = self._layouts.of(buffer)
        return {'image': np.ndarray(buffer=buffer, **form)}, stamp_of(buffer, order), None

    def _layout(self, cdr: Cdr) -> tuple[Order, _Form]:
        """Return the byte order of a serialized message, and the form of its image."""
        cdr.skip_header()
        height, width, encoding, is_bigendian, step = cdr.word(), cdr.word(), cdr.text(), cdr.byte(), cdr.word()
        start, length = cdr.span(1)
        self._check(encoding, height, width, step, length)
        return cdr.order, {'offset': start, **self._form(height, width, step, is_bigendian)}

    def _form(self, height: int, width: int, step: int, is_bigendian: int) -> _Form:
        """Return the arguments with which numpy.ndarray views checked pixels in place."""
        dtype = np.dtype(self.dtype).newbyteorder('>' if is_bigendian else '<')
        return {
            'shape': (height, width, self._channels),
            'dtype': dtype,
            'strides': (step, self._pixel, dtype.itemsize),
        }

    def _check(self, encoding: str, height: int, width: int, step: int, length: int) -> None:
        if encoding != self.encoding:
            raise MessageError(f"encoding is '{encoding}'; expected '{self.encoding}'")
        row = width * self._pixel
        if step < row:
            raise MessageError(f'step is {step}; {width} pixels of {self.encoding} need {row}')
        if length != step * height:
            raise MessageError(f'there are {length} bytes; step × height is {step * height}')

    def to_message(self, arrays: Mapping[str, Array], stamp: int, names: Sequence[str] = ()) -> Message:
        self.check_fields(arrays, self.fields)
        image = pixels(arrays['image'], self.dtype, self._channels, self.encoding)
        message = self.new_message(stamp)
        message.height, message.width = image.shape[:2]
        message.encoding, message.is_bigendian = self.encoding, int(sys.byteorder == 'big')
        message.step = image.shape[1] * self._pixel
        message.data = array.array('B', image.tobytes())
        return message


def pixels(image: Array, dtype: DTypeLike, channels: int, encoding: str) -> Array:
    """Return an image to be sent as a contiguous array (height, width, channels) of `dtype`."""
    image = cast('image', image, dtype)
    if image.ndim == 2 and channels == 1:
        image = image[..., np.newaxis]
    if image.ndim != 3 or image.shape[2] != channels:
        raise MessageError(f'image has the shape {image.shape}; expected (height, width, {channels}) for {encoding}')
    return image
