# SPDX-License-Identifier: Apache-2.0
"""sensor_msgs' CompressedImage: JPEG and PNG, through Pillow."""

import array
from collections.abc import Mapping, Sequence
import io
import re
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from rl_policy_node.adapters.adapter import Adapter, MessageError, one_line, Options
from rl_policy_node.adapters.array_types import Array, Arrays, Message
from rl_policy_node.adapters.image import pixels
from rl_policy_node.errors import ConfigurationError, unknown

if TYPE_CHECKING:
    from PIL.Image import Image

# Encoding → dtype, channels, Pillow's modes for it (older versions read 16 bits as 'I').
ENCODINGS = {
    'mono8': (np.uint8, 1, ('L',)),
    'mono16': (np.uint16, 1, ('I;16', 'I')),
    'rgb8': (np.uint8, 3, ('RGB',)),
    'bgr8': (np.uint8, 3, ('RGB',)),
    'rgba8': (np.uint8, 4, ('RGBA',)),
}
# Format → the encodings that it can carry.
FORMATS = {'jpeg': ('mono8', 'rgb8', 'bgr8'), 'png': tuple(ENCODINGS)}


class CompressedImageAdapter(Adapter):
    """`image` (height, width, channels): the decoded picture, in the declared encoding.

    A picture of another kind, such as grey instead of the declared colour, is refused, not converted.
    """

    type_name = 'sensor_msgs/msg/CompressedImage'
    fields = {'image': None}
    units = {'image': "the encoding's"}
    open_shape = '(height, width, channels)'
    note = f'jpeg or png; encoding: {", ".join(sorted(ENCODINGS))}'

    def __init__(self, *arguments: Options) -> None:
        super().__init__(*arguments)
        self.encoding, self.format = self.options.encoding or 'rgb8', self.options.format
        if self.encoding not in ENCODINGS:
            raise unknown('encoding', self.encoding, ENCODINGS, self.type_name)
        if self.format not in FORMATS:
            raise unknown('format', self.format, FORMATS, self.type_name)
        if self.encoding not in FORMATS[self.format]:
            raise ConfigurationError(
                f"a {self.format} cannot carry '{self.encoding}'; valid: {', '.join(FORMATS[self.format])}"
            )
        self.dtype, self._channels, self._modes = ENCODINGS[self.encoding]
        self._pillow = _pillow()

    def to_arrays(self, message: Message) -> Arrays:
        picture = self._decoded(message.data, _declared(message.format))
        if picture.mode not in self._modes:
            raise MessageError(
                f"the picture is of Pillow's mode '{picture.mode}'; expected '{self._modes[0]}' for {self.encoding}"
            )
        image = np.asarray(picture).astype(self.dtype, copy=False)
        return {'image': self._reordered(image.reshape(picture.height, picture.width, self._channels))}

    def _decoded(self, data: bytes, formats: list[str]) -> 'Image':
        try:
            picture: Image = self._pillow.open(io.BytesIO(data), formats=formats)
            picture.load()
        except Exception as error:  # decoders raise whatever broken bytes lead them to
            raise ValueError(f'{len(data)} bytes are no {" or ".join(formats)} picture: {one_line(error)}') from error
        return picture

    def to_message(self, arrays: Mapping[str, Array], stamp: int, names: Sequence[str] = ()) -> Message:
        self.check_fields(arrays, self.fields)
        image = pixels(arrays['image'], self.dtype, self._channels, self.encoding)
        if not image.size:
            raise MessageError(f'image has the shape {image.shape}; expected one pixel at least')
        message, data = self.new_message(stamp), io.BytesIO()
        image = np.ascontiguousarray(self._reordered(image))
        self._pillow.fromarray(image[..., 0] if self._channels == 1 else image).save(data, self.format.upper())
        message.format, message.data = self.format, array.array('B', data.getvalue())
        return message

    def _reordered(self, image: Array) -> Array:
        """Return the image with its channels reversed for bgr8: pictures in files are RGB."""
        return image[..., ::-1] if self.encoding == 'bgr8' else image


def _declared(text: str) -> list[str]:
    """Return Pillow's names of the formats that a message's `format` allows; '' allows both.

    Publishers send 'jpeg', 'jpg', 'png', and image_transport's 'rgb8; jpeg compressed bgr8'.
    """
    if not text.strip():
        return ['JPEG', 'PNG']
    # its twelve bytes before the PNG are no picture, and its numbers are no pixels
    found = None if 'compresseddepth' in text.lower() else re.search(r'\b(?:(jpe?g)|png)\b', text.lower())
    if not found:
        raise MessageError(f"format is '{text}'; expected jpeg or png")
    return ['JPEG' if found[1] else 'PNG']


def _pillow() -> ModuleType:
    """Return PIL.Image, imported only if pictures are to be decoded."""
    try:
        from PIL import Image
    except ImportError as error:
        raise ConfigurationError(
            'sensor_msgs/msg/CompressedImage needs Pillow, which cannot be imported '
            f'({one_line(error)}); install python3-pil'
        ) from error
    return Image
