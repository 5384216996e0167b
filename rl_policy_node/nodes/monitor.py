"""Listens to a simulator bridge from another process."""
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.signals import SignalHandlerOptions

from diagnostic_msgs.msg import DiagnosticArray


class BridgeMonitor:
    """The latest `~/status` of a bridge as a dict of strings; a context manager."""

    def __init__(self, name='sim_bridge_node'):
        self._topic = f'/{name}/status'
        self.status = {}

    def __enter__(self):
        rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
        self._node = rclpy.create_node('rl_policy_monitor')
        self._node.create_subscription(DiagnosticArray, self._topic, self._on_status, 10)
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self._node)
        return self

    def __exit__(self, *_):
        self._executor.shutdown()
        self._node.destroy_node()
        rclpy.try_shutdown()

    def poll(self, timeout):
        """Wait up to `timeout` s for news; return the latest status."""
        self._executor.spin_once(timeout_sec=timeout)
        return self.status

    def _on_status(self, message):
        for status in message.status:
            self.status = {pair.key: pair.value for pair in status.values}
