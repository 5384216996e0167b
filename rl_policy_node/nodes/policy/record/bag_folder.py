# SPDX-License-Identifier: Apache-2.0
"""A bag in rosbag2's own form: a folder with metadata.yaml and one MCAP file or more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import contextlib
import errno
import fcntl
import os
from pathlib import Path
from typing import Any, Final

import yaml

from rl_policy_node.nodes.policy.record.bag_file import BagFile, Topic
from rl_policy_node.nodes.policy.record.record_options import METADATA, TOP

MARK: Final = 'rl_policy_node'  # in custom_data: the bag is one of our nodes
STARTED: Final = 'started'  # in custom_data: ns, system time
_VERSION: Final = 9  # of Jazzy's rosbag2
_NEVER: Final = (1 << 63) - 1  # ns, start of a bag without a message
# fills metadata.yaml up to whole blocks of the disk, with room for larger counts
_ROOM, _BLOCK = b'# ' + b' ' * 300, 4096  # bytes


class BagFolder:
    """A bag that is being written; it is locked (flock) meanwhile, so that other recorders leave it alone.

    path: the folder; the name gets a number if there is one of that name. topics: of all files, by channel from 1 on.
    Raises OSError where writing fails.
    """

    def __init__(
        self, directory: Path, name: str, topics: Sequence[Topic], distribution: str, custom: Mapping[str, str]
    ) -> None:
        """Create the folder with its first file and metadata.yaml. custom: custom_data besides the mark, or with it."""
        self.topics, self._distribution, self._custom = list(topics), distribution, dict(custom)
        self.path = _made(directory, name)
        self._lock = os.open(self.path, os.O_RDONLY)
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._finished: list[dict[str, Any]] = []
        self._finished_size = 0
        self._counts = [0] * (len(topics) + 1)
        self.file = self._next()
        self.write_metadata()

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return self._finished_size + self.file.size

    def declare(self, topic: Topic) -> None:
        """Take in another topic, whose channel is the next one."""
        self.topics.append(topic)
        self._counts.append(0)
        self.file.declare(topic)

    def split(self) -> None:
        """Go on in a new file."""
        self.file.flush()
        self._finish()
        self.file = self._next()
        self.write_metadata()

    def write_metadata(self) -> None:
        """Write metadata.yaml anew, at once; over the old one where the disk has no room for a second."""
        text = yaml.safe_dump({TOP: self._information()}, sort_keys=False, default_flow_style=None, width=200).encode()
        text += _ROOM + b' ' * (-(len(text) + len(_ROOM) + 1) % _BLOCK) + b'\n'
        new, old = self.path / f'.{METADATA}.new', self.path / METADATA
        try:
            new.write_bytes(text)
            new.replace(old)
        except OSError:
            with contextlib.suppress(OSError):
                new.unlink()
            if not old.exists():
                raise
            _overwrite(old, text)

    def close(self) -> None:
        """Flush the file and write metadata.yaml; whatever fails, the folder is no longer locked."""
        try:
            try:
                self.file.flush()
            finally:
                self.write_metadata()
        finally:
            self.file.close()
            os.close(self._lock)

    def _next(self) -> BagFile:
        return BagFile(self.path / f'{self.path.name}_{len(self._finished)}.mcap', self.topics)

    def _finish(self) -> None:
        self._finished.append(_described(self.file))
        self._finished_size += self.file.size
        self._counts = [a + b for a, b in zip(self._counts, self.file.counts)]
        self.file.close()

    def _information(self) -> dict[str, Any]:
        files = [*self._finished, _described(self.file)]
        counts = [a + b for a, b in zip(self._counts, self.file.counts)]
        filled = [file for file in files if file['message_count']]
        start = min((file['starting_time']['nanoseconds_since_epoch'] for file in filled), default=_NEVER)
        end = max(
            (file['starting_time']['nanoseconds_since_epoch'] + file['duration']['nanoseconds'] for file in filled),
            default=start,
        )
        return {
            'version': _VERSION,
            'storage_identifier': 'mcap',
            'duration': {'nanoseconds': end - start},
            'starting_time': {'nanoseconds_since_epoch': start},
            'message_count': sum(counts),
            'topics_with_message_count': [
                {'topic_metadata': _topic(topic), 'message_count': count}
                for topic, count in zip(self.topics, counts[1:])
            ],
            # the chunks of the files are compressed, which rosbag2 does not count
            'compression_format': '',
            'compression_mode': '',
            'relative_file_paths': [file['path'] for file in files],
            'files': files,
            'custom_data': {MARK: 'policy node', **self._custom},
            'ros_distro': self._distribution,
        }


def _made(directory: Path, name: str) -> Path:
    """Return a new folder."""
    directory.mkdir(parents=True, exist_ok=True)
    number = 1
    while True:
        path = directory / (name if number == 1 else f'{name}_{number}')
        try:
            path.mkdir()
            return path
        except FileExistsError:
            number += 1


def _overwrite(path: Path, text: bytes) -> None:
    """Write text over a file, which takes no room on the disk where both have one size; or leave the file as it is."""
    before = path.read_bytes()
    with open(path, 'r+b', buffering=0) as file:
        if file.write(text) < len(text):
            file.seek(0)
            file.write(before)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        file.truncate()


def _described(file: BagFile) -> dict[str, Any]:
    return {
        'path': file.path.name,
        'starting_time': {'nanoseconds_since_epoch': file.start if sum(file.counts) else _NEVER},
        'duration': {'nanoseconds': file.end - file.start},
        'message_count': sum(file.counts),
    }


def _topic(topic: Topic) -> dict[str, Any]:
    return {
        'name': topic.name,
        'type': topic.type,
        'serialization_format': 'cdr',
        'offered_qos_profiles': topic.profiles,
        'type_description_hash': topic.digest,
    }
