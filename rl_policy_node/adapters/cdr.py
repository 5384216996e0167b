# SPDX-License-Identifier: Apache-2.0
"""Reads serialized messages without copying them: plain CDR, the default of every ROS 2 middleware."""

from collections.abc import Callable
import struct
from typing import Any, Generic, Literal, TypeAlias, TypeVar

T = TypeVar('T')
# byte order, as numpy and struct write it
Order: TypeAlias = Literal['<', '>']

HEADER = 4  # bytes before the message, which its alignment counts from

# representation → byte order
_ORDERS: dict[bytes, Order] = {b'\x00\x00': '>', b'\x00\x01': '<'}
_WORD = {order: struct.Struct(f'{order}I') for order in _ORDERS.values()}
_TIME = {order: struct.Struct(f'{order}iI') for order in _ORDERS.values()}


class Cdr:
    """Reads a message from front to back, in the order of its type's fields, and never beyond its end.

    order: of its bytes, '<' or '>'. end: position after the bytes read so far. padding: bytes after the message's end.
    structure: (start, end) of everything read except numbers, stamps and frames: messages with the same bytes there
    have the same layout. Every method raises ValueError if the message ends too early; bytes after the last field are
    ignored, as in the middlewares' own readers.
    """

    def __init__(self, buffer: bytes) -> None:
        if len(buffer) < HEADER:
            raise ValueError(f'{len(buffer)} bytes are no message; its header alone has {HEADER}')
        order = _ORDERS.get(buffer[:2])
        if order is None:
            # publishers send no other encoding, and native decoders crash on it
            raise ValueError(f'the message is encoded as 0x{buffer[:2].hex()}; expected plain CDR')
        self.order = order
        # the two last bits of the header count the bytes that fill the message up to a multiple of four
        self.padding = buffer[3] & 3
        self._buffer, self._size = buffer, max(len(buffer) - self.padding, HEADER)
        self.end, self.structure = HEADER, [(0, HEADER)]

    def _skip(self, size: int, alignment: int) -> int:
        """Skip an aligned field; return its start."""
        start = self.end + (HEADER - self.end) % alignment
        if start + size > self._size:
            raise ValueError(f'the message has {self._size} bytes; a field of it ends at {start + size}')
        self.end = start + size
        return start

    def _read(self, size: int, alignment: int) -> int:
        """Skip a field that belongs to the structure; return its start."""
        start = self._skip(size, alignment)
        self.structure.append((start, self.end))
        return start

    def byte(self) -> int:
        """Return a uint8."""
        return self._buffer[self._read(1, 1)]

    def word(self) -> int:
        """Return a uint32."""
        word: int = _WORD[self.order].unpack_from(self._buffer, self._read(4, 4))[0]
        return word

    def skip_header(self) -> None:
        """Skip a std_msgs/Header, which must be the first field."""
        self._skip(8, 4)
        self.skip_text()

    def skip_text(self) -> None:
        """Skip a string."""
        self._skip(self.word(), 1)

    def text(self) -> str:
        """Return a string, up to its first zero."""
        size = self.word()
        start = self._read(size, 1)
        return self._buffer[start : self.end].partition(b'\x00')[0].decode('utf-8', 'replace')

    def span(self, size: int) -> tuple[int, int]:
        """Skip a sequence of elements of `size` bytes; return their start and their number."""
        count = self.word()
        # an empty sequence has no alignment
        return (self._skip(count * size, size) if count else self.end), count


class Layouts(Generic[T]):
    """Byte offsets of the numbers in messages of one type: parsed once, then cached by layout.

    Names, encodings and sizes come with every message and seldom change: comparing them is many times faster than
    parsing them. read(cdr): parses a message; its result may depend on `Cdr.structure` only. The cache holds up to
    MOST layouts, since robots that share an adapter may differ. When it is full, only one in RENEWED unknown messages
    replaces the oldest layout: unused layouts disappear, and too many layouts in turn do not evict one another.
    """

    MOST, RENEWED = 16, 64

    def __init__(self, read: Callable[[Cdr], T]) -> None:
        self._read = read
        self._known: list[tuple[Callable[[bytes], tuple[Any, ...]], int, tuple[Any, ...], T]] = []
        self._unknown = 0

    def of(self, buffer: bytes) -> T:
        """Return the result of `read` for a message, bytes; raises what `read` raises."""
        size = len(buffer)
        for unpack_from, least, wanted, layout in self._known:
            if size >= least and unpack_from(buffer) == wanted:
                return layout
        cdr = Cdr(buffer)
        layout = self._read(cdr)
        self._unknown += 1
        if len(self._known) == self.MOST and self._unknown % self.RENEWED == 0:
            del self._known[0]
        if len(self._known) < self.MOST:
            form = _form(cdr.structure)
            self._known.append((form.unpack_from, cdr.end + cdr.padding, form.unpack_from(buffer), layout))
        return layout


def _form(structure: list[tuple[int, int]]) -> struct.Struct:
    """Return the Struct that unpacks a message's structure and skips the bytes between its parts."""
    parts, at = [], 0
    for start, end in structure:
        if start > at:
            parts.append(f'{start - at}x')
        parts.append(f'{end - start}s')
        at = end
    return struct.Struct(''.join(parts))


def stamp_of(buffer: bytes, order: Order) -> int:
    """Return the stamp (ns) of a message, bytes, that begins with a std_msgs/Header."""
    seconds, nanoseconds = _TIME[order].unpack_from(buffer, HEADER)
    stamp: int = seconds * 1_000_000_000 + nanoseconds
    return stamp
