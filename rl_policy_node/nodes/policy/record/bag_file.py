# SPDX-License-Identifier: Apache-2.0
"""One MCAP file of a bag, which is whole after each flush: any reader opens it, whatever ends its writer.

Each flush writes a chunk and, behind it, the summary of everything so far, over the summary of the flush before. mcap's
own Writer has a summary only once it is finished; its records serve here as well.
"""

from __future__ import annotations

from collections.abc import Sequence
import contextlib
import os
from pathlib import Path
import struct
from typing import Final, NamedTuple
import zlib

from mcap.data_stream import RecordBuilder
from mcap.opcode import Opcode
from mcap.records import (
    Attachment,
    AttachmentIndex,
    Channel,
    Chunk,
    ChunkIndex,
    DataEnd,
    Footer,
    Header,
    McapRecord,
    MessageIndex,
    Schema,
    Statistics,
    SummaryOffset,
)
from mcap.writer import MCAP0_MAGIC
import yaml
import zstandard

LIBRARY: Final = 'rl_policy_node'
CHUNK_SIZE: Final = 1 << 20  # bytes before compression, from which on a chunk is written early
_MESSAGE: Final = struct.Struct('<BQHIQQ')  # opcode, length of the rest, channel, sequence, log and publish time
_ENDLESS: Final = {'sec': 9223372036, 'nsec': 854775807}
_HEAD: Final = 9  # bytes of opcode and length
_FOOTER: Final = struct.Struct('<BQQQ')  # as far as its checksum covers it


class Topic(NamedTuple):
    """A topic of a bag; its channel is its place among the topics, from 1 on.

    definition: of the type, as ros2msg, digest: its RIHS01. latched: whether its publisher has transient_local
    durability. stamped: whether the message begins with a Header.
    """

    name: str
    type: str
    definition: str
    digest: str
    latched: bool
    stamped: bool

    @property
    def profiles(self) -> list[dict[str, object]]:
        """Quality of service with which a player publishes it, in rosbag2's form; empty: its default.

        The last message of a latched topic is for those who come late, too.
        """
        if not self.latched:
            return []
        return [
            {
                'history': 'keep_last',
                'depth': 1,
                'reliability': 'reliable',
                'durability': 'transient_local',
                'deadline': dict(_ENDLESS),
                'lifespan': dict(_ENDLESS),
                'liveliness': 'automatic',
                'liveliness_lease_duration': dict(_ENDLESS),
                'avoid_ros_namespace_conventions': False,
            }
        ]


class BagFile:
    """Writes messages, in chunks, to a new file; raises OSError where that fails, and leaves what was flushed whole.

    counts: messages by channel. start, end: ns, first and last log time, 0 before the first message.
    """

    def __init__(self, path: Path, topics: Sequence[Topic]) -> None:
        self.path = path
        self.counts = [0] * (len(topics) + 1)
        self.start = self.end = 0
        self._chunk = _Chunk()
        self._chunks = 0
        self._descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o644)
        self._declared = _declarations(topics)  # schemas, channels
        self._undeclared = b''  # those that the next flush writes
        self._indexes: dict[Opcode, list[bytes]] = {Opcode.CHUNK_INDEX: [], Opcode.ATTACHMENT_INDEX: []}
        # the end of what is followed by the tail, the summary
        self._place, self._tail = 0, b''
        self._extend(MCAP0_MAGIC + _bytes(Header(profile='ros2', library=LIBRARY)) + b''.join(self._declared))

    @property
    def size(self) -> int:
        """Bytes on the disk."""
        return self._place + len(self._tail)

    @property
    def pending(self) -> int:
        """Bytes that wait for the next flush."""
        return len(self._chunk.data)

    def attach(self, name: str, media_type: str, data: bytes, time: int) -> None:
        """Write an attachment. time: ns."""
        record = Attachment(create_time=0, log_time=time, name=name, media_type=media_type, data=data)
        block = _bytes(record)
        index = AttachmentIndex(
            offset=self._place,
            length=len(block),
            create_time=0,
            log_time=time,
            data_size=len(data),
            name=name,
            media_type=media_type,
        )
        self._extend(block, {Opcode.ATTACHMENT_INDEX: _bytes(index)})

    def declare(self, topic: Topic) -> None:
        """Take in another topic, whose channel is the next one."""
        schemas, channels = _declarations([topic], len(self.counts))
        self._declared = self._declared[0] + schemas, self._declared[1] + channels
        self._undeclared += schemas + channels
        self.counts.append(0)

    def add(self, channel: int, sequence: int, log_time: int, publish_time: int, data: bytes) -> None:
        """Take a message into the chunk. log_time, publish_time: ns."""
        self._chunk.add(channel, sequence, log_time, publish_time, data)

    def flush(self) -> None:
        """Write the chunk, and before it the topics that are new."""
        if self._undeclared:
            self._extend(self._undeclared)
            self._undeclared = b''
        chunk = self._chunk
        if not chunk.data:
            return
        self._chunk = _Chunk()
        raw = bytes(chunk.data)
        compressed = zstandard.compress(raw)
        block = _bytes(
            Chunk(
                compression='zstd',
                data=compressed,
                message_start_time=chunk.start,
                message_end_time=chunk.end,
                uncompressed_crc=zlib.crc32(raw),
                uncompressed_size=len(raw),
            )
        )
        offsets, messages = {}, b''
        for channel, places in chunk.places.items():
            offsets[channel] = self._place + len(block) + len(messages)
            messages += _bytes(MessageIndex(channel_id=channel, records=places))
        index = ChunkIndex(
            message_start_time=chunk.start,
            message_end_time=chunk.end,
            chunk_start_offset=self._place,
            chunk_length=len(block),
            message_index_offsets=offsets,
            message_index_length=len(messages),
            compression='zstd',
            compressed_size=len(compressed),
            uncompressed_size=len(raw),
        )
        before = self.start, self.end, list(self.counts), self._chunks
        self.start = min(self.start, chunk.start) if self._chunks else chunk.start
        self.end, self._chunks = max(self.end, chunk.end), self._chunks + 1
        for channel, places in chunk.places.items():
            self.counts[channel] += len(places)
        try:
            self._extend(block + messages, {Opcode.CHUNK_INDEX: _bytes(index)})
        except OSError:
            self.start, self.end, self.counts, self._chunks = before
            raise

    def there(self) -> bool:
        """Return whether the file still lies where it was made."""
        try:
            found, own = os.stat(self.path), os.fstat(self._descriptor)
        except OSError:
            return False
        return (found.st_dev, found.st_ino) == (own.st_dev, own.st_ino)

    def close(self) -> None:
        """Close the file without flushing it."""
        os.close(self._descriptor)

    def _extend(self, block: bytes, indexes: dict[Opcode, bytes] | None = None) -> None:
        """Write a block in place of the tail, and a new tail behind it; or leave everything as it was."""
        for opcode, index in (indexes or {}).items():
            self._indexes[opcode].append(index)
        place = self._place + len(block)
        tail = self._summary(place)
        try:
            self._write(block + tail, self._place)
        except OSError:
            for opcode in indexes or {}:
                self._indexes[opcode].pop()
            # its place on the disk is still there
            with contextlib.suppress(OSError):
                self._write(self._tail, self._place)
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, self.size)
            raise
        self._place, self._tail = place, tail

    def _write(self, data: bytes, place: int) -> None:
        view = memoryview(data)
        while view:
            written = os.pwrite(self._descriptor, view, place)
            view, place = view[written:], place + written

    def _summary(self, place: int) -> bytes:
        """Return what follows the data that end at a place: summary, footer and magic."""
        end = _bytes(DataEnd(0))
        place += len(end)
        statistics = Statistics(
            message_count=sum(self.counts),
            schema_count=len(self.counts) - 1,
            channel_count=len(self.counts) - 1,
            attachment_count=len(self._indexes[Opcode.ATTACHMENT_INDEX]),
            metadata_count=0,
            chunk_count=self._chunks,
            message_start_time=self.start,
            message_end_time=self.end,
            channel_message_counts={channel: count for channel, count in enumerate(self.counts) if count},
        )
        groups = {
            Opcode.SCHEMA: self._declared[0],
            Opcode.CHANNEL: self._declared[1],
            Opcode.STATISTICS: _bytes(statistics),
            **{opcode: b''.join(blocks) for opcode, blocks in self._indexes.items()},
        }
        offsets, data = [], b''
        for opcode, block in groups.items():
            if block:
                offsets.append(
                    SummaryOffset(group_opcode=opcode, group_start=place + len(data), group_length=len(block))
                )
                data += block
        behind = place + len(data)
        data += _bytes(*offsets)
        checksum = zlib.crc32(data + _FOOTER.pack(Opcode.FOOTER, 20, place, behind))
        footer = Footer(summary_start=place, summary_offset_start=behind, summary_crc=checksum)
        return end + data + _bytes(footer) + MCAP0_MAGIC


class _Chunk:
    """Messages that are not written yet. places: channel → (log time, offset) of each message."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.places: dict[int, list[tuple[int, int]]] = {}
        self.start = self.end = 0

    def add(self, channel: int, sequence: int, log_time: int, publish_time: int, data: bytes) -> None:
        self.start = min(self.start, log_time) if self.data else log_time
        self.end = max(self.end, log_time)
        self.places.setdefault(channel, []).append((log_time, len(self.data)))
        self.data += _MESSAGE.pack(
            Opcode.MESSAGE, _MESSAGE.size - _HEAD + len(data), channel, sequence, log_time, publish_time
        )
        self.data += data


def _bytes(*records: McapRecord) -> bytes:
    builder = RecordBuilder()
    for record in records:
        record.write(builder)
    data: bytes = builder.end()  # type: ignore[no-untyped-call]  # mcap types most of its functions
    return data


def _declarations(topics: Sequence[Topic], first: int = 1) -> tuple[bytes, bytes]:
    """Return the schemas and the channels of topics. first: channel of the first; channel 0 means no schema."""
    numbered = list(enumerate(topics, first))
    schemas = (Schema(id=n, name=t.type, encoding='ros2msg', data=t.definition.encode()) for n, t in numbered)
    channels = (
        Channel(id=n, topic=t.name, message_encoding='cdr', schema_id=n, metadata=_about(t)) for n, t in numbered
    )
    return _bytes(*schemas), _bytes(*channels)


def _about(topic: Topic) -> dict[str, str]:
    # metadata.yaml says the same, and readers compare the two
    profiles = yaml.safe_dump(topic.profiles, sort_keys=False) if topic.profiles else ''
    return {'offered_qos_profiles': profiles, 'topic_type_hash': topic.digest}
