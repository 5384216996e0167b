# SPDX-License-Identifier: Apache-2.0
"""The messages of one file of a bag, in the order in which they were written, as far as the file goes.

A file whose writer was killed ends in the middle of a chunk, without an index; the readers of mcap refuse it. This one
gives everything up to there.
"""

from __future__ import annotations

from collections.abc import Iterator
import contextlib
from io import BytesIO
from pathlib import Path
import sqlite3
import struct
from typing import BinaryIO, Final, NamedTuple

from mcap.data_stream import ReadDataStream
from mcap.exceptions import EndOfFile
from mcap.opcode import Opcode
from mcap.records import Attachment, Channel, Schema
from mcap.writer import MCAP0_MAGIC
import zstandard

from rl_policy_node.errors import ConfigurationError, unfit

_HEAD: Final = struct.Struct('<BQ')  # opcode, length
_MESSAGE: Final = struct.Struct('<HIQQ')  # channel, sequence, log and publish time
_CHUNK: Final = struct.Struct('<QQQII')  # start, end, size, checksum, length of the name of the compression
_PIECE: Final = 1 << 14  # bytes that are decompressed at a time: of a damaged chunk, all but the damaged piece is read
_KNOWN: Final = frozenset((Opcode.SCHEMA, Opcode.CHANNEL, Opcode.MESSAGE))


class BagMessage(NamedTuple):
    """A serialized message. log_time, publish_time: ns. sequence: as its writer counted."""

    topic: str
    type: str
    sequence: int
    log_time: int
    publish_time: int
    payload: bytes


def messages(path: Path) -> Iterator[BagMessage]:
    """Yield the messages of a file; raises ConfigurationError if it is none of a bag."""
    if path.suffix == '.db3':
        yield from _of_database(path)
        return
    schemas: dict[int, str] = {}
    channels: dict[int, tuple[str, str]] = {}
    with open(path, 'rb') as file:
        for opcode, data in _inside(file, path):
            # half a record ends a damaged file
            with contextlib.suppress(EndOfFile, struct.error):
                if opcode == Opcode.SCHEMA:
                    schema = Schema.read(ReadDataStream(BytesIO(data)))
                    schemas[schema.id] = schema.name
                elif opcode == Opcode.CHANNEL:
                    channel = Channel.read(ReadDataStream(BytesIO(data)))
                    channels[channel.id] = channel.topic, schemas.get(channel.schema_id, '')
                else:
                    number, sequence, log_time, publish_time = _MESSAGE.unpack_from(data)
                    if number in channels:
                        topic, kind = channels[number]
                        yield BagMessage(topic, kind, sequence, log_time, publish_time, data[_MESSAGE.size :])


def attachments(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of the files that are attached to a file of a bag."""
    if path.suffix == '.db3':
        return
    with open(path, 'rb') as file:
        for opcode, length in _records(file, path):
            if opcode == Opcode.ATTACHMENT:
                attachment = Attachment.read(ReadDataStream(BytesIO(file.read(length))))
                yield attachment.name, attachment.data


def _inside(file: BinaryIO, path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield opcode and content of schemas, channels and messages, those within chunks, too."""
    for opcode, length in _records(file, path):
        if opcode == Opcode.CHUNK:
            data = _decompressed(file.read(length), path)
            at = 0
            while at + _HEAD.size <= len(data):
                inner, size = _HEAD.unpack_from(data, at)
                at += _HEAD.size
                if inner in _KNOWN and at + size <= len(data):
                    yield inner, data[at : at + size]
                at += size
        elif opcode in _KNOWN:
            yield opcode, file.read(length)


def _records(file: BinaryIO, path: Path) -> Iterator[tuple[int, int]]:
    """Yield opcode and length of each record up to the summary, as far as the file goes; it stands at the content."""
    size = path.stat().st_size
    if file.read(len(MCAP0_MAGIC)) != MCAP0_MAGIC:
        raise unfit(f"'{path}'", 'no MCAP file', 'a file of a bag')
    while len(head := file.read(_HEAD.size)) == _HEAD.size:
        opcode, length = _HEAD.unpack(head)
        if opcode in (0, Opcode.DATA_END, Opcode.FOOTER):
            return
        start = file.tell()
        yield opcode, min(length, size - start)
        file.seek(min(start + length, size))


def _decompressed(chunk: bytes, path: Path) -> bytes:
    """Return the content of a chunk, of a truncated one as much as there is."""
    if len(chunk) < _CHUNK.size:
        return b''
    length = _CHUNK.unpack_from(chunk)[4]
    name = chunk[_CHUNK.size : _CHUNK.size + length].decode(errors='replace')
    data = chunk[_CHUNK.size + length + 8 :]
    if not name:
        return data
    if name == 'zstd':
        decompressor = zstandard.ZstdDecompressor().decompressobj()
        found = bytearray()
        with contextlib.suppress(zstandard.ZstdError):
            for at in range(0, len(data), _PIECE):
                found += decompressor.decompress(data[at : at + _PIECE])
        return bytes(found)
    if name == 'lz4':
        import lz4.frame  # mcap needs it, too

        return bytes(lz4.frame.LZ4FrameDecompressor().decompress(data))
    raise unfit(f"compression of '{path}'", name, 'zstd or lz4')


def _of_database(path: Path) -> Iterator[BagMessage]:
    """Yield the messages of a file in rosbag2's older form, SQLite."""
    query = (
        'SELECT topics.name, topics.type, messages.id, messages.timestamp, messages.data FROM messages '
        'JOIN topics ON messages.topic_id = topics.id ORDER BY messages.timestamp, messages.id'
    )
    try:
        with contextlib.closing(sqlite3.connect(f'{path.resolve().as_uri()}?mode=ro', uri=True)) as database:
            for topic, kind, number, time, data in database.execute(query):
                yield BagMessage(topic, kind, number, time, time, data)
    except sqlite3.Error as error:
        raise ConfigurationError(f"'{path}' is no bag of rosbag2: {error}") from error
