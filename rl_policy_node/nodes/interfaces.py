# SPDX-License-Identifier: Apache-2.0
"""The interfaces that nodes need: a publisher, a runnable node, an environment."""

from collections.abc import Mapping
from typing import Any, Protocol, TypeAlias

from rl_policy_node.control.arrays import Array
from rl_policy_node.core.protocols import Logger
from rl_policy_node.sim.environment_specs import Observations, Transition

# number of continuous actions, or the choices: {'discrete': n}, {'multi_discrete': [n, …]}
Actions: TypeAlias = int | Mapping[str, Any]
# a ROS message of some type, or the bytes of one: rclpy has no types for them
Message: TypeAlias = Any
# figures by name, as they are logged, published and written
Summary: TypeAlias = dict[str, Any]


class Publisher(Protocol):
    """Sends messages on one topic: objects of its type, or the bytes of one."""

    def publish(self, message: Message) -> object: ...


class RunnableNode(Protocol):
    """A node that runtime.run() can spin: rclpy's Node with `poll` and `stop`.

    executor_name: events or single_threaded. exit_code: of the process, read after stop(). keeps_up: whether its
    callbacks must not lag behind the messages that arrive.
    """

    executor_name: str
    exit_code: int

    @property
    def keeps_up(self) -> bool: ...

    def poll(self) -> bool:
        """Return whether to go on; called between callbacks."""

    def stop(self) -> object:
        """Send the last messages while the context is still valid."""

    def get_logger(self) -> Logger: ...

    def destroy_node(self) -> object: ...


class Environment(Protocol):
    """The contract of IsaacGymEnvs, with numpy arrays.

    shapes: input → shape of a row. actions, num_actions: of one row. control_rate: Hz, the step rate that it was made
    for, None if unknown. scene: what its raw state has, None if it offers none.
    """

    rows: int
    shapes: dict[str, tuple[int, ...]]
    control_rate: float | None
    num_actions: int
    scene: dict[str, Any] | None

    @property
    def actions(self) -> Actions: ...

    @property
    def qpos(self) -> Array | None:
        """Generalised positions (rows, n) for rendering."""

    @property
    def raw(self) -> dict[str, Array] | None:
        """Raw state after the last reset or step, name → (rows, …), or None."""

    def reset(self) -> Observations:
        """Begin new episodes in every row; return their observations: input → (rows, …)."""

    def step(self, actions: Array) -> Transition:
        """Step with actions (rows, num_actions); a row that is done is returned already reset."""

    def check(self) -> None:
        """Raise SimulationError if the environment's process has ended."""

    def close(self) -> None:
        """End the environment."""
