# SPDX-License-Identifier: Apache-2.0
"""Lifecycle transitions: a service that answers every request, callbacks whose exceptions are logged."""

from __future__ import annotations

from collections.abc import Callable
import functools
import traceback
from typing import Any, Protocol, TypeAlias, TypeVar

from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from rclpy.node import Node

from rl_policy_node.core.protocols import Logger
from rl_policy_node.errors import ConfigurationError

_SERVICE = '/change_state'


class Transitional(Protocol):
    """A node that notes each of its transitions."""

    def note_transition(self) -> None:
        """Note that a transition begins."""

    def get_logger(self) -> Logger:
        """Return its logger."""


N = TypeVar('N', bound=Transitional)
Transition: TypeAlias = Callable[[N, LifecycleState], TransitionCallbackReturn]


def logged(callback: Transition[N]) -> Transition[N]:
    """Log exceptions of a transition: rclpy drops them silently."""

    @functools.wraps(callback)
    def guarded(self: N, state: LifecycleState) -> TransitionCallbackReturn:
        self.note_transition()
        try:
            return callback(self, state)
        except ConfigurationError as error:
            self.get_logger().error(f'{callback.__name__}: {error}')
        except (Exception, SystemExit):  # noqa: BLE001 - any fault ends in a safe state; a term of the user may exit
            self.get_logger().error(f'{callback.__name__} failed:\n{traceback.format_exc()}')
        return TransitionCallbackReturn.FAILURE

    return guarded


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
