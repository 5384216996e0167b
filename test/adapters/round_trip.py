# SPDX-License-Identifier: Apache-2.0
"""What the adapters' tests share: arrays to draw, and the way there and back over the wire's format."""

from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of
import numpy as np
from rclpy.serialization import deserialize_message, serialize_message

STAMP = 1_700_000_000_123_456_789  # ns
JOINTS = ('hip', 'knee', 'ankle')
stamps = st.integers(0, 2**31 * 1_000_000_000 - 1)
numbers = st.floats(allow_nan=False, allow_infinity=False, width=64)


def vector(size):
    """Return a strategy for vectors of numbers."""
    return arrays_of.arrays(np.float64, size, elements=numbers)


def unit(size):
    """Return a strategy for vectors of length 1."""
    return (
        vector(size)
        .map(lambda v: v / max(np.abs(v).max(), 1e-300))
        .filter(lambda v: np.linalg.norm(v) > 0.1)
        .map(lambda v: v / np.linalg.norm(v))
    )


def shaped(dtype, shape):
    """Return a strategy for arrays of any bits that are numbers; shape: a tuple or a strategy."""
    return arrays_of.arrays(dtype, shape, elements=arrays_of.from_dtype(np.dtype(dtype), allow_nan=False))


def received(message):
    """Return a message as it arrives elsewhere."""
    return deserialize_message(serialize_message(message), type(message))


def there_and_back(adapter, arrays, stamp=STAMP, names=()):
    """Check that arrays survive the message and the wire to the bit, and return the message that came."""
    sent = adapter.to_message(arrays, stamp, names)
    for message in (sent, received(sent)):
        found = adapter.to_arrays(message)
        assert set(found) == set(arrays)
        for field, wanted in arrays.items():
            assert found[field].dtype == wanted.dtype == adapter.dtype
            np.testing.assert_array_equal(found[field], wanted)
        assert adapter.stamp(message) == (stamp if adapter.has_header else 0)
        assert adapter.frame(message) == (adapter.options.frame_id if adapter.has_header else '')
    return message


def watched(message_type):
    """Return a message type that notes the types of what is assigned to its fields."""

    class Watched(message_type):
        assigned = {}

        def __setattr__(self, name, value):
            self.assigned[name] = type(value)
            super().__setattr__(name, value)

    return Watched
