# SPDX-License-Identifier: Apache-2.0
"""Checks the frame of messages, by their bytes, without decoding them."""

from __future__ import annotations

import struct

from rl_policy_node.adapters.adapter import Adapter
from rl_policy_node.adapters.cdr import Cdr
from rl_policy_node.errors import ConfigurationError
from rl_policy_node.nodes.interfaces import Message

# bytes before the frame_id, in a message that begins with a std_msgs/Header: the encapsulation and the stamp
_START = 12


class FrameId:
    """Refuses messages whose header names another frame than `name`."""

    def __init__(self, frame: str, adapter: Adapter, where: str) -> None:
        """Raise ConfigurationError for a type whose messages do not begin with a header. where: names the source."""
        if next(iter(adapter.message_type.get_fields_and_field_types()), '') != 'header':
            raise ConfigurationError(
                f"{where}.frame_id is '{frame}'; the messages of {adapter.type_name} do not begin "
                'with a header: expected a stamped type, or no frame_id'
            )
        self.name, self._adapter = frame, adapter
        text = frame.encode() + b'\0'
        self._wanted = [struct.pack(order, len(text)) + text for order in ('>I', '<I')]
        self._end = _START + 4 + len(text)

    def check(self, message: Message) -> None:
        """Raise ValueError for a message, or its (already checked) bytes, in another frame."""
        if isinstance(message, bytes):
            if message[_START : self._end] == self._wanted[message[1]]:
                return
            frame = _frame(message)
        else:
            frame = self._adapter.frame(message)
        if frame != self.name:
            raise ValueError(f"frame_id is '{frame}'; expected '{self.name}'")


def _frame(payload: bytes) -> str:
    cdr = Cdr(payload)
    cdr.word()  # the two parts of the stamp
    cdr.word()
    return cdr.text()
