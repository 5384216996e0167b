# SPDX-License-Identifier: Apache-2.0
"""Reads the status of a simulator bridge, and of other nodes, from another process."""

import functools
from types import TracebackType

from diagnostic_msgs.msg import DiagnosticArray
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.signals import SignalHandlerOptions


class BridgeMonitor:
    """A context manager with the latest `~/status` of a bridge, and of `others` by name, as dicts of strings."""

    def __init__(self, name: str = 'sim_bridge_node', *others: str) -> None:
        self._name = name
        self._statuses: dict[str, dict[str, str]] = {each: {} for each in (name, *others)}

    @property
    def status(self) -> dict[str, str]:
        """The status of the bridge."""
        return self._statuses[self._name]

    def of(self, name: str) -> dict[str, str]:
        """Return the status of another node."""
        return self._statuses[name]

    def __enter__(self) -> 'BridgeMonitor':
        rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
        self._node = rclpy.create_node('rl_policy_monitor')
        for name in self._statuses:
            self._node.create_subscription(
                DiagnosticArray, f'/{name}/status', functools.partial(self._on_status, name), 10
            )
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self._node)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._executor.shutdown()
        self._node.destroy_node()
        rclpy.try_shutdown()

    def poll(self, timeout: float) -> dict[str, str]:
        """Wait up to `timeout` s for a message; return the latest status of the bridge."""
        self._executor.spin_once(timeout_sec=timeout)
        return self.status

    def _on_status(self, name: str, message: DiagnosticArray) -> None:
        for status in message.status:
            self._statuses[name] = {pair.key: pair.value for pair in status.values}
