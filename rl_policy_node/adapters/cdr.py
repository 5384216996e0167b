"""Serialized messages, read where they lie: plain CDR, as every ROS 2 middleware sends it by default."""
import struct

import numpy as np

HEADER = 4      # bytes before the message, which its alignment counts from

# representation → byte order, as numpy and struct write it
_ORDERS = {b'\x00\x00': '>', b'\x00\x01': '<'}
_WORD = {order: struct.Struct(f'{order}I') for order in '<>'}
_TIME = {order: struct.Struct(f'{order}iI') for order in '<>'}


class OtherEncoding(ValueError):
    """Bytes in another encoding than plain CDR; the middleware's own reader may know it."""


class Cdr:
    """Reads a message from front to back, in the order in which its type has its fields, and never past its end.

    order: of its bytes, '<' or '>'. Every method raises ValueError where the message ends too early; what
    comes after the last field is not looked at, as in the middlewares' own readers.
    """

    __slots__ = ('order', '_buffer', '_at', '_word')

    def __init__(self, buffer):
        if len(buffer) < HEADER:
            raise ValueError(f'{len(buffer)} bytes are no message; its header alone has {HEADER}')
        self.order = _ORDERS.get(buffer[:2])
        if self.order is None:
            raise OtherEncoding(f'the message is encoded as 0x{buffer[:2].hex()}; expected plain CDR')
        self._buffer, self._at, self._word = buffer, HEADER, _WORD[self.order]

    def _skip(self, size, alignment):
        """Go past an aligned field and return where it starts."""
        start = self._at + (HEADER - self._at) % alignment
        if start + size > len(self._buffer):
            raise ValueError(f'the message has {len(self._buffer)} bytes; a field of it ends at {start + size}')
        self._at = start + size
        return start

    def byte(self):
        """Return a uint8."""
        return self._buffer[self._skip(1, 1)]

    def word(self):
        """Return a uint32."""
        return self._word.unpack_from(self._buffer, self._skip(4, 4))[0]

    def header(self):
        """Return the stamp of a std_msgs/Header in ns, and go past its frame."""
        seconds, nanoseconds = _TIME[self.order].unpack_from(self._buffer, self._skip(8, 4))
        self.skip_text()
        return seconds * 1_000_000_000 + nanoseconds

    def skip_text(self):
        """Go past a string."""
        self._skip(self.word(), 1)

    def text(self):
        """Return a string, up to its first zero."""
        size = self.word()
        start = self._skip(size, 1)
        return self._buffer[start:start + size].partition(b'\x00')[0].decode('utf-8', 'replace')

    def texts(self, known):
        """Return a sequence of strings as a tuple.

        known: (order, bytes) → tuple of sequences that were read before: names come with every message and
        seldom change, and comparing bytes is forty times faster than reading them.
        """
        start = self._at + (HEADER - self._at) % 4
        for (order, block), texts in known.items():
            if order == self.order and self._buffer.startswith(block, start):
                self._at = start + len(block)
                return texts
        texts = tuple(self.text() for _ in range(self.word()))
        if len(known) < _MOST_KNOWN:
            known[self.order, self._buffer[start:self._at]] = texts
        return texts

    def sequence(self, dtype):
        """Return a sequence of numbers as an array (length,) on the message's own memory, in its byte order."""
        start, count = self.span(dtype.itemsize)
        return np.frombuffer(self._buffer, dtype.newbyteorder(self.order), count, start)

    def span(self, size):
        """Go past a sequence of elements of `size` bytes; return where they start, and how many there are."""
        count = self.word()
        # where there is nothing, nothing is aligned
        return (self._skip(count * size, size) if count else self._at), count


# sequences of names; several robots may have one each on the topics of one source
_MOST_KNOWN = 16
