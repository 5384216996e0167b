# SPDX-License-Identifier: Apache-2.0
"""Types of what adapters convert: ROS messages on one side, arrays named by field on the other."""
from typing import Any, TypeAlias

from numpy.typing import NDArray

# A ROS message and the class of one. Python learns their attributes when it imports the message's package.
Message: TypeAlias = Any
MessageClass: TypeAlias = type[Any]
# numbers of any dtype
Array: TypeAlias = NDArray[Any]
# field -> array
Arrays: TypeAlias = dict[str, Array]
# of one field of one message; None where the message decides
Shape: TypeAlias = tuple[int, ...] | None
# names of a message's elements; None where they have none
Names: TypeAlias = tuple[str, ...] | None
