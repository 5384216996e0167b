# SPDX-License-Identifier: Apache-2.0
"""Numpy's scalars and arrays in checkpoints, rebuilt from their bytes.

rl_games saves its mean reward as a numpy scalar, and an environment may save arrays. torch reads such a
file as plain data only where numpy's constructors are allowed; what stands here takes their place, so
that numpy itself is never handed anything that a file made up.
"""
import functools
from pickle import UnpicklingError

import numpy as np

_NUMBERS = 'biufcSU'      # kinds of numpy dtypes whose bytes are the whole truth


class Dtype:
    """What `numpy.dtype` in a file becomes; `value` is the dtype itself."""

    def __init__(self, name, *_):
        try:
            self.value = np.dtype(_text(name))
        except TypeError as error:
            raise UnpicklingError(f'unknown numpy dtype {name!r}') from error
        if self.value.kind not in _NUMBERS or self.value.names:
            raise UnpicklingError(f'numpy dtype {name!r} does not hold plain numbers')

    def __setstate__(self, state):
        order = _text(state[1])
        if order in '<>':
            self.value = self.value.newbyteorder(order)


class Array:
    """What `numpy.ndarray` in a file becomes; `value` is the array itself."""

    value = np.empty(0)

    def __init__(self, *_):
        pass

    def __setstate__(self, state):
        _, shape, dtype, fortran, data = state
        self.value = _from_bytes(dtype, data).reshape(shape, order='F' if fortran else 'C')

    def __float__(self):
        return float(self.value.item())

    def __repr__(self):
        return f'array of shape {self.value.shape}'


def scalar(dtype, data):
    """Return the Python number that numpy's `scalar` would return as one of numpy's."""
    return _from_bytes(dtype, data).item()


def reconstruct(kind, *_):
    """Return an array, which its state fills."""
    if not (isinstance(kind, type) and issubclass(kind, Array)):
        raise UnpicklingError(f'a numpy array of the kind {kind!r}')
    return kind()


def no_bytes():
    """Return what `bytes()` does, which is how the data of an empty array is written."""
    return b''


def safe_globals():
    """Return what `torch.serialization.safe_globals` takes: objects under the names that files use."""
    named = [type('dtype', (Dtype,), {'__module__': 'numpy'}), type('ndarray', (Array,), {'__module__': 'numpy'})]
    named.append(_named(no_bytes, 'builtins', 'bytes'))
    for module in ('numpy.core.multiarray', 'numpy._core.multiarray'):      # of numpy 1 and 2
        named += [_named(scalar, module, 'scalar'), _named(reconstruct, module, '_reconstruct')]
    return named


def _named(function, module, name):
    # torch goes by these attributes, and not every version takes a name beside the object
    again = functools.partial(function)
    again.__module__, again.__name__, again.__qualname__ = module, name, name
    return again


def _from_bytes(dtype, data):
    if not isinstance(dtype, Dtype) or not isinstance(data, bytes):
        raise UnpicklingError('a numpy value that is not plain numbers')
    return np.frombuffer(data, dtype.value)


def _text(name):
    return name.decode('ascii', 'replace') if isinstance(name, bytes) else str(name)
