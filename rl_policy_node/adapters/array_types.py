# SPDX-License-Identifier: Apache-2.0
"""Types that adapters convert: ROS messages on one side, arrays named by field on the other."""

from typing import Any, TypeAlias

from numpy.typing import NDArray

# A ROS message, and a class of messages. Their attributes are known only when the message's package is imported.
Message: TypeAlias = Any
MessageClass: TypeAlias = type[Any]
# numbers of any dtype
Array: TypeAlias = NDArray[Any]
# field -> array
Arrays: TypeAlias = dict[str, Array]
# shape of one field of one message; None: each message has its own
Shape: TypeAlias = tuple[int, ...] | None
# names of a message's elements; None if they have none
Names: TypeAlias = tuple[str, ...] | None
