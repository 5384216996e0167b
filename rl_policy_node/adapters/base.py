"""What every adapter promises."""
from abc import ABC, abstractmethod

import numpy as np

from rl_policy_node.errors import ContractError


class MessageError(ContractError):
    """A message that cannot be what it claims to be; says which part and why."""


class Adapter(ABC):
    """Converts between one message type and arrays named by field.

    type_name: `package/msg/Type`. message_type: the class. fields: field → shape, None where the
    message decides (joints, arrays, images). dtype: of the arrays.
    """

    type_name = ''
    message_type = None
    fields = {}
    dtype = np.float64
    has_header = False

    def __init__(self, encoding='', frame_id=''):
        self.encoding, self.frame_id = encoding, frame_id

    @abstractmethod
    def to_arrays(self, message):
        """Return field → array of a message.

        Raises MessageError where the message is not of the declared kind, ValueError where a value is
        none that can be.
        """

    @abstractmethod
    def to_message(self, arrays, stamp, names=()):
        """Return a message of field → array. stamp: ns, for the header. names: of the joints."""

    def names(self, _message):
        """Return the names of a message's elements, or None where they have none."""
        return None

    def stamp(self, message):
        """Return the header's stamp in ns, 0 where there is none."""
        if not self.has_header:
            return 0
        return message.header.stamp.sec * 1_000_000_000 + message.header.stamp.nanosec

    def _stamped(self, stamp):
        """Return an empty message with its header filled in."""
        message = self.message_type()
        set_stamp(message.header.stamp, stamp)
        message.header.frame_id = self.frame_id
        return message


def set_stamp(time, stamp):
    """Write nanoseconds into a builtin_interfaces Time."""
    time.sec, time.nanosec = divmod(int(stamp), 1_000_000_000)
