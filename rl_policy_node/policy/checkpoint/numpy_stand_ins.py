# SPDX-License-Identifier: Apache-2.0
"""Numpy's scalars and arrays in checkpoints, rebuilt from their bytes.

rl_games saves its mean reward as a numpy scalar, and an environment may save arrays. torch reads such a
file as plain data only where numpy's constructors are allowed; what stands here takes their place, so
that numpy itself is never handed anything that a file made up.
"""

from collections.abc import Callable
import functools
from pickle import UnpicklingError
from typing import Any, cast, TypeAlias

import numpy as np
import numpy.typing as npt

# what torch takes: an object, or one with the name that files use
SafeGlobal: TypeAlias = Callable[..., Any] | tuple[Callable[..., Any], str]
_NUMBERS = 'biufcSU'  # kinds of numpy dtypes whose bytes are the whole truth


class Dtype:
    """Replaces `numpy.dtype` in a file; `value` is the dtype itself."""

    def __init__(self, name: object, *_: object) -> None:
        try:
            self.value: np.dtype[Any] = np.dtype(_text(name))
        except TypeError as error:
            raise UnpicklingError(f'unknown numpy dtype {name!r}') from error
        if self.value.kind not in _NUMBERS or self.value.names:
            raise UnpicklingError(f'numpy dtype {name!r} does not hold plain numbers')

    def __setstate__(self, state: Any) -> None:
        order: Any = _text(state[1])
        if order in '<>':
            self.value = self.value.newbyteorder(order)


class Array:
    """Replaces `numpy.ndarray` in a file; `value` is the array itself."""

    value: npt.NDArray[Any] = np.empty(0)

    def __init__(self, *_: object) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        _, shape, dtype, fortran, data = state
        self.value = _from_bytes(dtype, data).reshape(shape, order='F' if fortran else 'C')

    def __float__(self) -> float:
        return float(self.value.item())

    def __repr__(self) -> str:
        return f'array of shape {self.value.shape}'


def _scalar(dtype: object, data: object) -> object:
    """Return the Python number that numpy's `scalar` would return as one of numpy's."""
    return _from_bytes(dtype, data).item()


def _reconstruct(kind: object, *_: object) -> Array:
    """Return an array, which its state fills."""
    if not (isinstance(kind, type) and issubclass(kind, Array)):
        raise UnpicklingError(f'a numpy array of the kind {kind!r}')
    return kind()


def _no_bytes() -> bytes:
    """Return b'': files write the data of an empty array as a call of `bytes()`."""
    return b''


def safe_globals() -> list[SafeGlobal]:
    """Return the argument of `torch.serialization.safe_globals`: objects under the names that files use."""
    named: list[SafeGlobal] = [
        type('dtype', (Dtype,), {'__module__': 'numpy'}),
        type('ndarray', (Array,), {'__module__': 'numpy'}),
        _named(_no_bytes, 'builtins', 'bytes'),
    ]
    for module in ('numpy.core.multiarray', 'numpy._core.multiarray'):  # of numpy 1 and 2
        named += [_named(_scalar, module, 'scalar'), _named(_reconstruct, module, '_reconstruct')]
    return named


def _named(function: Callable[..., object], module: str, name: str) -> Callable[..., object]:
    # torch goes by these attributes, and not every version takes a name beside the object
    again: Any = functools.partial(function)
    again.__module__, again.__name__, again.__qualname__ = module, name, name
    return cast(Callable[..., object], again)


def _from_bytes(dtype: object, data: object) -> npt.NDArray[Any]:
    if not isinstance(dtype, Dtype) or not isinstance(data, bytes):
        raise UnpicklingError('a numpy value that is not plain numbers')
    return np.frombuffer(data, dtype.value)


def _text(name: object) -> str:
    return name.decode('ascii', 'replace') if isinstance(name, bytes) else str(name)
