# SPDX-License-Identifier: Apache-2.0
"""A lifecycle service that answers whatever it is asked."""
from __future__ import annotations

from collections.abc import Callable
import functools
from typing import Any

from rclpy.node import Node

_SERVICE = '/change_state'


def answer_refusals(node: Node) -> None:
    """Have a lifecycle node answer, with no success, transitions that are none from where it is.

    rclpy raises there: whoever asked waits for ever, and a node that does not guard its spin ends.
    """
    for service in node.services:
        if service.srv_name.endswith(_SERVICE):
            service.callback = functools.partial(_answer, service.callback, node)


def _answer(callback: Callable[[Any, Any], Any], node: Node, request: Any, response: Any) -> Any:
    try:
        return callback(request, response)
    except Exception as error:      # noqa: BLE001 - whoever asked gets an answer
        asked = request.transition.label or request.transition.id
        node.get_logger().warning(f"transition '{asked}' refused: {' '.join(str(error).split())}",
                                  throttle_duration_sec=2.0)
        response.success = False
        return response
