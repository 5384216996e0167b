# SPDX-License-Identifier: Apache-2.0
"""A lifecycle service that answers every request."""

from __future__ import annotations

from collections.abc import Callable
import functools
from typing import Any

from rclpy.node import Node

_SERVICE = '/change_state'


def answer_refusals(node: Node) -> None:
    """Let a lifecycle node answer requests for transitions that its state does not allow: success is False.

    rclpy raises instead: the client waits for ever, and a node that does not catch that around its spin ends.
    """
    for service in node.services:
        if service.srv_name.endswith(_SERVICE):
            service.callback = functools.partial(_answer, service.callback, node)


def _answer(callback: Callable[[Any, Any], Any], node: Node, request: Any, response: Any) -> Any:
    try:
        return callback(request, response)
    except Exception as error:  # noqa: BLE001 - the client gets an answer
        asked = request.transition.label or request.transition.id
        node.get_logger().warning(
            f"transition '{asked}' refused: {' '.join(str(error).split())}", throttle_duration_sec=2.0
        )
        response.success = False
        return response
