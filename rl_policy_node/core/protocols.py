# SPDX-License-Identifier: Apache-2.0
"""The interfaces that the core needs from outside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, TypeAlias

from rl_policy_node.control.action_manager import Commands
from rl_policy_node.control.action_sizes import ActionSize
from rl_policy_node.control.arrays import Array, Mask, Shape, Stamps
from rl_policy_node.control.source_buffer import SourceBuffer
from rl_policy_node.control.state import State
from rl_policy_node.core.frame import Frame
from rl_policy_node.core.outcome import Outcome

# an array (rows, *shape) of a flat policy, or input → such arrays
Observations: TypeAlias = Array | Mapping[str, Array]


class Clock(Protocol):
    """The two clocks of a step."""

    def steady(self) -> float:
        """Return the time, s, on a clock that never jumps; ages and periods use it."""

    def ros(self) -> int:
        """Return the time, ns, on the clock of the stamps, which may be simulated and may jump."""


class Logger(Protocol):
    """A log, such as rclpy's loggers. A call may block: never log before a command goes out."""

    def info(self, text: str, *, throttle_duration_sec: float = ...) -> object: ...

    def warning(self, text: str, *, throttle_duration_sec: float = ...) -> object: ...

    def error(self, text: str, *, throttle_duration_sec: float = ...) -> object: ...


class PolicySpaces(Protocol):
    """The inputs and outputs of a policy."""

    @property
    def inputs(self) -> Mapping[str, Shape]: ...

    @property
    def action(self) -> ActionSize: ...

    @property
    def num_actions(self) -> int: ...

    @property
    def is_dict(self) -> bool: ...

    @property
    def discrete(self) -> bool: ...

    def dtype_of(self, name: str) -> object: ...


class Policy(Protocol):
    """A policy that acts on a batch of rows, with one recurrent state each."""

    @property
    def spaces(self) -> PolicySpaces: ...

    def act(self, observations: Observations, hold: Mask | None = None) -> Array:
        """Return the actions (rows, n); rows in the mask `hold` keep their recurrent state."""

    def reset(self, rows: Mask) -> None:
        """Clear the recurrent state of rows."""

    def state(self) -> State:
        """Return a copy of the recurrent states and the random stream."""

    def restore(self, state: State) -> None:
        """Continue from such a copy."""


class Source(Protocol):
    """A source: the buffer of its messages, and the names of its joints in the order of that buffer."""

    @property
    def buffer(self) -> SourceBuffer: ...

    @property
    def joints(self) -> tuple[str, ...]: ...


class Publisher(Protocol):
    """Publishes commands."""

    def __call__(self, commands: Commands, stamps: Mapping[str, Stamps], rows: Mask) -> None:
        """Send the commands of some rows, for all or some action terms. stamps: action term → (rows,), ns."""


class StepObserver(Protocol):
    """Observes each frame and its outcome, after the commands were sent."""

    def observe(self, frame: Frame, outcome: Outcome) -> None:
        """Observe a step, or a look without a step (`outcome.stepped` is False).

        Frame and outcome are valid until the next step: keep `frame.copy()`, `outcome.copy()`. An observer that
        raises is logged and never called again.
        """
