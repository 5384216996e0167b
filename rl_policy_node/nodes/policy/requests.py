# SPDX-License-Identifier: Apache-2.0
"""Requests to an acting policy: stop and resume, reset and tare."""

from __future__ import annotations

from collections.abc import Callable
import functools
from typing import Any

from rclpy.qos import QoSProfile, ReliabilityPolicy
from std_msgs.msg import Bool
from std_srvs.srv import Trigger as TriggerService

from rl_policy_node.control.specs import ControlSpec
from rl_policy_node.core import Cycle
from rl_policy_node.nodes.topics.endpoints import Endpoints
from rl_policy_node.nodes.topics.payload import Payload
from rl_policy_node.nodes.topics.row_names import lines

# reliable, and only the newest counts
ESTOP_QOS = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE)
_ESTOP = Payload(Bool)


class Requests:
    """Services ~/stop, ~/resume, ~/reset and ~/tare, and topic ~/estop (std_msgs/Bool), for all robots.

    With several robots each robot also has its own: ~/stop/<robot>. is_acting(): whether the policy acts. stopped:
    whether a stop was requested.
    """

    def __init__(self, endpoints: Endpoints, control: ControlSpec, cycle: Cycle, is_acting: Callable[[], bool]) -> None:
        node, self._control, self._cycle, self._is_acting = endpoints.node, control, cycle, is_acting
        self._log, self.stopped = node.get_logger(), False
        groups = {'': slice(0, control.rows)}
        if control.rows > 1:
            groups |= {f'/{robot.strip("/")}': slice(row, row + 1) for row, robot in enumerate(control.robots) if robot}
        services = {
            '~/stop': self._on_stop,
            '~/resume': self._on_resume,
            '~/reset': self._on_reset,
            '~/tare': self._on_tare,
        }
        for ending, rows in groups.items():
            topic = f'~/estop{ending}'
            endpoints.subscribe(Bool, topic, functools.partial(self._on_estop, rows, topic), ESTOP_QOS, raw=True)
            for name, callback in services.items():
                endpoints.entities.callback(
                    node.destroy_service,
                    node.create_service(TriggerService, name + ending, functools.partial(callback, rows)),
                )

    def _stop(self, rows: slice, reason: str) -> None:
        """Latch the rows, before anything else could delay the fallback."""
        self._cycle.latch(rows, reason)
        self.stopped = True

    def _on_estop(self, rows: slice, topic: str, payload: bytes) -> None:
        try:
            message = _ESTOP.message(payload)
        except ValueError as error:  # a garbled message is no stop: whoever can send it could also send true
            self._log.warning(f'{topic}: message refused: {error}', throttle_duration_sec=2.0)
            return
        if isinstance(message, Bool) and message.data:  # false frees nothing: only ~/resume does
            self._stop(rows, f'stopped by {topic}')

    def _on_stop(self, rows: slice, _request: Any, response: Any) -> Any:
        self._stop(rows, 'stopped by ~/stop')
        response.success = True
        response.message = f'{self._count(rows)} on the fallback until ~/resume'
        return response

    def _on_resume(self, rows: slice, _request: Any, response: Any) -> Any:
        if not self._is_acting():
            response.message = 'not active: activate instead'
            return response
        refusals = {row: reason for row, reason in self._cycle.refusals().items() if rows.start <= row < rows.stop}
        # only the other rows: a refused one must not be freed a moment later. The next step checks them again
        start = rows.start
        for row in [*sorted(refusals), rows.stop]:
            if row > start:
                self._cycle.resume(slice(start, row))
            start = row + 1
        response.success = not refusals
        response.message = '; '.join(lines(self._control, refusals)) or f'{self._count(rows)} may go on'
        return response

    def _on_reset(self, rows: slice, _request: Any, response: Any) -> Any:
        self._cycle.inbox.request_reset(rows)
        response.success = True
        response.message = f'recurrent state of {rows.stop - rows.start} rows reset'
        return response

    def _on_tare(self, rows: slice, _request: Any, response: Any) -> Any:
        self._cycle.inbox.request_tare(rows)
        response.success, response.message = True, 'the next messages are the zero; until then the fallback goes out'
        return response

    def _count(self, rows: slice) -> str:
        count = rows.stop - rows.start
        return f'{count} {"row" if self._control.shared_rows else "robot"}{"" if count == 1 else "s"}'
