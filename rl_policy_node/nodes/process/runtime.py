# SPDX-License-Identifier: Apache-2.0
"""Runs a node: with an executor that does not hang, and signals that let the node send its last message."""

from __future__ import annotations

from collections.abc import Callable
import signal
import sys
import time
import traceback
from typing import cast, TYPE_CHECKING

import rclpy
from rclpy.clock import Clock, ClockType
from rclpy.executors import Executor, ExternalShutdownException, SingleThreadedExecutor
from rclpy.logging import get_logger
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from rl_policy_node.errors import ConfigurationError, SimulationError
from rl_policy_node.nodes.parameters.parameter_files import named_where_valueless, unreadable
from rl_policy_node.nodes.process.memory import keep_memory
from rl_policy_node.nodes.process.scheduling import share_interpreter
from rl_policy_node.nodes.process.signals import on_ending

if TYPE_CHECKING:  # bench_echo needs nothing else of the package
    from rl_policy_node.core.protocols import Logger
    from rl_policy_node.nodes.interfaces import RunnableNode

POLL_PERIOD = 0.005  # s between two calls of a node's poll()
LAG = 0.5  # s; an events executor that lags more behind its messages is replaced


def create_executor(name: str, logger: Logger) -> Executor:
    """Return the executor by name; the single-threaded one if this rclpy lacks the events executor."""
    if name == 'events':
        try:
            from rclpy.experimental import EventsExecutor

            return EventsExecutor()
        except ImportError:
            logger.info('this rclpy has no EventsExecutor; using the SingleThreadedExecutor')
    return SingleThreadedExecutor()


def run(create_node: Callable[[], RunnableNode], args: list[str] | None = None) -> int:
    """Create a node, spin it until it is done or a signal ends the process, shut it down; return the exit code.

    The node offers `executor_name`, `keeps_up` (whether lagging callbacks matter, see Spinner), `poll()` (called
    between callbacks, False when it is done), `stop()` (publishes the last messages while the context is still valid)
    and `exit_code`.
    rclpy's own signal handlers would invalidate the context before a last command could be sent.
    """
    arguments = sys.argv if args is None else args
    try:
        rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
    except Exception as error:  # noqa: BLE001 - rcl's own type is private; a bad parameter file ends here
        print(f'rl_policy_node: {unreadable(error, arguments)}', file=sys.stderr)
        return 1
    try:
        with named_where_valueless(arguments):
            node = create_node()
    except (ConfigurationError, SimulationError) as error:
        get_logger('rl_policy_node').error(str(error))
        rclpy.try_shutdown()
        return 1
    share_interpreter()
    keep_memory()
    # not earlier: creating a node may take minutes, and a signal must end that at once
    asked: list[int] = []
    on_ending(lambda number, _frame: asked.append(number))
    # a protocol cannot inherit from a class
    spinner = Spinner(cast(Node, node), node.executor_name, lambda: node.keeps_up)
    try:
        _spin(node, spinner, asked)
    finally:
        node.stop()
        spinner.close()
        node.destroy_node()
        rclpy.try_shutdown()
    return node.exit_code


class Spinner:
    """Runs the callbacks of a node in an executor whose queue stays bounded.

    The events executor queues an event for each message, without bound: in a flood a stop would wait behind all of
    them, and memory would grow. If it lags, the single-threaded executor replaces it for good: that one serves the
    topics in turn, and the middleware drops excess messages. keeps_up(): whether lagging matters; it does not with a
    waiting simulator, which may send thousands of messages a step, but no more until they are answered.
    """

    def __init__(self, node: Node, executor: str, keeps_up: Callable[[], bool]) -> None:
        self._node, self._keeps_up = node, keeps_up
        self._executor = create_executor(executor, node.get_logger())
        self._executor.add_node(node)
        self.bounded = isinstance(self._executor, SingleThreadedExecutor)
        # s spent in callbacks since the timer last ran, and in the longest of them, which was busy rather than late
        self._spent = self._longest = 0.0
        self._timer = (
            None
            if self.bounded
            else node.create_timer(LAG / 5, self._on_turn, clock=Clock(clock_type=ClockType.STEADY_TIME))
        )

    def spin_once(self) -> None:
        """Wait up to 0.1 s for a callback, and run it."""
        began = time.monotonic()
        try:
            # without a timeout the events executor never returns
            self._executor.spin_once(timeout_sec=0.1)
        finally:
            if not self.bounded:
                took = time.monotonic() - began
                self._spent, self._longest = self._spent + took, max(self._longest, took)
                if self._spent - self._longest > LAG and self._keeps_up():
                    self._bound()

    def close(self) -> None:
        """Stop running callbacks."""
        self._executor.remove_node(self._node)
        self._executor.shutdown()

    def _on_turn(self) -> None:
        self._spent = self._longest = 0.0

    def _bound(self) -> None:
        self.close()
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self._node)
        self.bounded = True
        self._node.destroy_timer(self._timer)
        self._node.get_logger().warning(
            f'callbacks lag by more than {LAG:g} s behind messages that come faster than they are read: the '
            'single-threaded executor takes over, which drops what is too much and costs more for each message'
        )


def _spin(node: RunnableNode, spinner: Spinner, asked: list[int]) -> None:
    polled = 0.0
    while not asked and rclpy.ok():
        try:
            spinner.spin_once()
            # not after each of thousands of messages a second
            if time.monotonic() - polled > POLL_PERIOD:
                polled = time.monotonic()
                if not node.poll():
                    return
        except ExternalShutdownException:
            return
        except Exception:  # noqa: BLE001 - a fault of a callback must not stop the commands
            node.get_logger().error(f'a callback failed; going on:\n{traceback.format_exc()}')
    if asked:
        node.get_logger().info(f'{signal.Signals(asked[0]).name}: shutting down')
