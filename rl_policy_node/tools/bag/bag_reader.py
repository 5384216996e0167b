# SPDX-License-Identifier: Apache-2.0
"""A bag, and the events in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
import contextlib
import json
from pathlib import Path
import struct
from typing import Any, Final

from rl_policy_node.core.recording import Event
from rl_policy_node.errors import ConfigurationError, unfit
from rl_policy_node.mismatch.recording import Recording
from rl_policy_node.nodes.policy.record.event_codec import refuse_others, unpacked
from rl_policy_node.tools.bag.bag_messages import attachments, BagMessage, messages

RECORD, ABOUT = '/policy/record', '/policy/metadata'  # below the name of the policy node
ABOUT_RUN = '/metadata'  # below that of the bridge
_LENGTH: Final = struct.Struct('<I')
_BYTES_AT: Final = 16  # first byte of the data in a UInt8MultiArray without dimensions
_TEXT_AT: Final = 8  # first byte of the text in a String


class Bag:
    """A bag. path: of its folder, or of its only file; files: in order.

    metadata: what the policy node or the simulator bridge says of itself; empty in a bag of `ros2 bag record`.
    """

    def __init__(self, path: Path, files: tuple[Path, ...]) -> None:
        self.path, self.files = path, files
        self.metadata: Mapping[str, Any] = self._about()

    def events(self) -> Iterator[Event]:
        """Yield the events in the order in which they were added; what a damaged end lacks is left out.

        Raises ConfigurationError if there are none: the bag is not of a policy node, or of another version.
        """
        described = self._described()
        refuse_others(described['fields'])
        own = set(described['topics'])
        waiting: dict[int, bytes] = {}
        for message in self.messages():
            if message.topic.endswith(RECORD):
                # those before belong to this record, or to one that is missing
                yield from unpacked(message.payload[_BYTES_AT:], lambda number: self._payload(waiting, number))
                waiting.clear()
            elif message.topic in own:
                waiting[message.sequence] = message.payload

    def recording(self) -> Recording:
        """Return the steps as arrays; raises ConfigurationError if there are none, or if `events` does."""
        from rl_policy_node.tools.bag.recorded_steps import recorded_steps

        self._described()
        return recorded_steps(self.metadata, self.events())

    def messages(self) -> Iterator[BagMessage]:
        """Yield the messages of all topics in the order in which they were written."""
        for file in self.files:
            yield from messages(file)

    def attachments(self) -> dict[str, bytes]:
        """Return name → content of the attached files, such as the checkpoint."""
        return {name: data for file in self.files for name, data in attachments(file)}

    def _described(self) -> Mapping[str, Any]:
        """Return what the metadata say of the events; raises ConfigurationError if there are none."""
        if 'record' not in self.metadata:
            raise unfit(
                f"bag '{self.path}'", 'not of a policy node', 'one that record.directory makes; it has topics only'
            )
        described: Mapping[str, Any] = self.metadata['record']
        return described

    def _payload(self, waiting: Mapping[int, bytes], number: int) -> bytes:
        if number not in waiting:
            raise ConfigurationError(f"bag '{self.path}' is damaged: message {number} is missing before its record")
        return waiting[number]

    def _about(self) -> Mapping[str, Any]:
        for number, message in enumerate(messages(self.files[0])):
            if message.topic.endswith(ABOUT):
                return _json_of(message.payload)
            if number == 0 and message.topic.endswith(ABOUT_RUN) and message.type == 'std_msgs/msg/String':
                # a topic of others may have this name, too
                with contextlib.suppress(ValueError):
                    found = _json_of(message.payload)
                    if isinstance(found, dict) and 'run' in found:
                        return found
            if message.topic.endswith(RECORD):
                break
        return {}


def _json_of(payload: bytes) -> Mapping[str, Any]:
    """Return the content of a String."""
    (length,) = _LENGTH.unpack_from(payload, _TEXT_AT - _LENGTH.size)
    found: Mapping[str, Any] = json.loads(payload[_TEXT_AT : _TEXT_AT + length - 1])
    return found
