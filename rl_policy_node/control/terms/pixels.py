# SPDX-License-Identifier: Apache-2.0
"""Image preprocessing: steps on (rows, height, width, channels).

In this order: crop → subsample → depth_clip → resize → channels → grey → difference_to_mean → zero_channels → layout. A
force field is an image, too: taxel rows, taxel columns, components.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np

from rl_policy_node.control.arrays import Array, Shape
from rl_policy_node.errors import ConfigurationError, miscounted
from rl_policy_node.options import option

N = TypeVar('N', int, float)

# ITU-R BT.601, as Pillow's and OpenCV's conversions weigh red, green, blue
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)


@dataclass(frozen=True, kw_only=True)
class ImageOptions:
    """The steps and their numbers."""

    crop: tuple[int, ...] = option((), 'images: top, left, height, width that are kept', unit='pixels', low=0)
    subsample: int = option(1, 'images: every nth pixel of every nth row is kept, as TacSL does', low=1)
    depth_clip: tuple[float, ...] = option(
        (), 'images: near and far that the value is clipped to, and nothing else', unit='m', low=0.0
    )
    resize: tuple[int, ...] = option(
        (), "images: height, width; Pillow's bilinear filter with antialias", unit='pixels', low=1
    )
    channels: tuple[int, ...] = option(
        (), 'images: channels by index, in this order; [2, 1, 0] makes RGB of BGR', low=0
    )
    grey: bool = option(False, 'images: one channel, 0.299 red + 0.587 green + 0.114 blue')
    difference_to_mean: bool = option(
        False, 'images: minus the mean of each channel over this image (Isaac Lab: `image` with `normalize`, of rgb)'
    )
    zero_channels: tuple[int, ...] = option((), 'images and force fields: channels set to zero', low=0)
    layout: str = option('hwc', 'images: order of height, width, channels', choices=('hwc', 'chw'))

    @property
    def reshape(self) -> bool:
        """Whether a step may change the shape of the image."""
        return bool(
            self.crop or self.resize or self.subsample != 1 or self.channels or self.grey or self.layout != 'hwc'
        )


class Step(Protocol):
    """Changes images (rows, height, width, channels)."""

    def __call__(self, image: Array) -> Array:
        """Return the changed images."""

    def shape(self, height: int, width: int, channels: int, /) -> Shape:
        """Return the shape of one changed image; raises ConfigurationError where the step does not fit."""


@dataclass(frozen=True)
class Crop:
    """Cut out height × width pixels, the first at (top, left)."""

    top: int
    left: int
    height: int
    width: int

    def __call__(self, image: Array) -> Array:
        return image[:, self.top : self.top + self.height, self.left : self.left + self.width]

    def shape(self, height: int, width: int, channels: int) -> Shape:
        if min(self.top, self.left) < 0 or min(self.height, self.width) < 1:
            raise ConfigurationError(
                f'is {[self.top, self.left, self.height, self.width]}; expected top, left from 0 '
                'and height, width from 1'
            )
        if self.top + self.height > height or self.left + self.width > width:
            raise ConfigurationError(
                f'reaches to row {self.top + self.height}, column {self.left + self.width} of '
                f'an image of {height} × {width}'
            )
        return self.height, self.width, channels


@dataclass(frozen=True)
class Subsample:
    """Keep every nth pixel of every nth row, unsmoothed, as TacSL's `tactile_subsample_ratio` does."""

    every: int

    def __call__(self, image: Array) -> Array:
        return image[:, :: self.every, :: self.every]

    def shape(self, height: int, width: int, channels: int) -> Shape:
        if self.every < 1:
            raise ConfigurationError(f'is {self.every}; expected 1 or more')
        return -(-height // self.every), -(-width // self.every), channels


@dataclass(frozen=True)
class DepthClip:
    """Clip to [near, far] (m), without rescaling."""

    near: float
    far: float

    def __call__(self, image: Array) -> Array:
        return np.clip(image, self.near, self.far)

    def shape(self, *shape: int) -> Shape:
        if not self.near < self.far:
            raise ConfigurationError(f'is {[self.near, self.far]}; expected near below far')
        return shape


@dataclass(frozen=True)
class Resize:
    """Resize by Pillow's bilinear filter, which averages over all source pixels when it reduces (antialias).

    Bytes are rounded to bytes, as Pillow and torchvision do; other values are resized in float32.
    """

    height: int
    width: int

    def __call__(self, image: Array) -> Array:
        from PIL import Image

        image = image if image.dtype == np.uint8 else image.astype(np.float32, copy=False)
        result = np.empty((len(image), self.height, self.width, image.shape[3]), image.dtype)
        for row, channel in np.ndindex(len(image), image.shape[3]):
            plane = Image.fromarray(np.ascontiguousarray(image[row, :, :, channel]))
            # Pillow 9.0 of Ubuntu 22.04 has no Image.Resampling yet, the only name that its types know
            bilinear = Image.BILINEAR  # type: ignore[attr-defined]  # see above
            result[row, :, :, channel] = plane.resize((self.width, self.height), bilinear)
        return result

    def shape(self, _height: int, _width: int, channels: int) -> Shape:
        if min(self.height, self.width) < 1:
            raise ConfigurationError(f'is {[self.height, self.width]}; expected height, width from 1')
        try:
            import PIL  # noqa: F401
        except ImportError:
            raise ConfigurationError('needs Pillow, which is not installed (python3-pil; pip: Pillow)') from None
        return self.height, self.width, channels


@dataclass(frozen=True)
class Channels:
    """Select and reorder channels by index: [2, 1, 0] makes RGB of BGR."""

    indices: tuple[int, ...]

    def __call__(self, image: Array) -> Array:
        return image[..., self.indices]

    def shape(self, height: int, width: int, channels: int) -> Shape:
        _check_channels(self.indices, channels)
        return height, width, len(self.indices)


@dataclass(frozen=True)
class Grey:
    """0.299 red + 0.587 green + 0.114 blue (ITU-R BT.601), float32, not rounded; one channel."""

    def __call__(self, image: Array) -> Array:
        return (image.astype(np.float32, copy=False) @ _LUMA)[..., np.newaxis]

    def shape(self, height: int, width: int, channels: int) -> Shape:
        if channels != 3:
            raise ConfigurationError(f'needs the channels red, green, blue; there are {channels}')
        return height, width, 1


@dataclass(frozen=True)
class DifferenceToMean:
    """Subtract the mean of each channel over the image itself; float32."""

    def __call__(self, image: Array) -> Array:
        # sums of bytes over an image exceed what float32 counts exactly
        mean = image.mean(axis=(1, 2), keepdims=True, dtype=np.float64)
        difference: Array = np.subtract(image, mean, dtype=np.float32, casting='same_kind')
        return difference

    def shape(self, *shape: int) -> Shape:
        return shape


@dataclass(frozen=True)
class ZeroChannels:
    """Set channels to zero, as TacSL does with normal forces that its sensor cannot measure."""

    indices: tuple[int, ...]

    def __call__(self, image: Array) -> Array:
        image = image.copy()
        image[..., self.indices] = 0
        return image

    def shape(self, height: int, width: int, channels: int) -> Shape:
        _check_channels(self.indices, channels)
        return height, width, channels


@dataclass(frozen=True)
class ChannelsFirst:
    """(height, width, channels) → (channels, height, width), as torch's convolutions take images."""

    def __call__(self, image: Array) -> Array:
        return np.moveaxis(image, -1, 1)

    def shape(self, height: int, width: int, channels: int) -> Shape:
        return channels, height, width


def _check_channels(indices: tuple[int, ...], channels: int) -> None:
    outside = [index for index in indices if not 0 <= index < channels]
    if outside:
        raise ConfigurationError(f'names {outside}; the image has the channels 0 to {channels - 1}')


def image_steps(options: ImageOptions, shape: Shape, where: str, read: str) -> tuple[tuple[Step, ...], Shape]:
    """Return the steps for images of a shape, in their order, and the shape of the result. read: names the field."""
    wanted = list(_steps(options, where))
    if wanted and len(shape) != 3:
        raise ConfigurationError(
            f'{where}.{wanted[0][0]} is for images (height, width, channels); the field {read} has the shape {shape}'
        )
    for name, step in wanted:
        try:
            shape = tuple(step.shape(*shape))
        except ConfigurationError as error:
            raise ConfigurationError(f'{where}.{name} {error}') from None
    return tuple(step for _, step in wanted), shape


def _steps(options: ImageOptions, where: str) -> Iterator[tuple[str, Step]]:
    if options.crop:
        yield 'crop', Crop(*_numbers(options.crop, ('top', 'left', 'height', 'width'), f'{where}.crop'))
    if options.subsample != 1:
        yield 'subsample', Subsample(options.subsample)
    if options.depth_clip:
        yield 'depth_clip', DepthClip(*_numbers(options.depth_clip, ('near', 'far'), f'{where}.depth_clip'))
    if options.resize:
        yield 'resize', Resize(*_numbers(options.resize, ('height', 'width'), f'{where}.resize'))
    if options.channels:
        yield 'channels', Channels(tuple(options.channels))
    if options.grey:
        yield 'grey', Grey()
    if options.difference_to_mean:
        yield 'difference_to_mean', DifferenceToMean()
    if options.zero_channels:
        yield 'zero_channels', ZeroChannels(tuple(options.zero_channels))
    if options.layout == 'chw':
        yield 'layout', ChannelsFirst()


def _numbers(values: tuple[N, ...], names: tuple[str, ...], where: str) -> tuple[N, ...]:
    if len(values) != len(names):
        raise miscounted(where, len(values), f'{len(names)}: {", ".join(names)}')
    return values
